package recode

import (
	"errors"
	"mime"
	"net/mail"
	"strings"
	"testing"
)

func TestHeaderFieldsAreEncodedWhereItIsLawful(t *testing.T) {
	long := strings.Repeat("x", 1100)
	for _, tt := range []struct {
		reason, in, want string
		need             Need
	}{
		{"text keeps its clean words and folding", "Subject: one\n two\u00e9 three", "Subject: one\n =?utf-8?b?dHdvw6k=?= three", seven},
		{"no white space behind the colon", "X-Any:\u00e9", "X-Any: =?utf-8?b?w6k=?=", seven},
		{"neighbours go into one encoded-word, the space between them too", "Subject: \u00e9 \n \u00e9 x", "Subject: =?utf-8?b?w6kgIMOp?= x", seven},
		{"mostly ASCII is readable", "Subject: Donaudampfschifffahrtsgesellschaftskapit\u00e4n", "Subject: =?utf-8?q?Donaudampfschifffahrtsgesellschaftskapit=C3=A4n?=", seven},
		{"what is not UTF-8 is unknown-8bit, RFC 1428", "Subject: a\xe9", "Subject: =?unknown-8bit?q?a=E9?=", seven},
		{
			"the space next to an encoded-word that was there is not lost", "Subject: =?utf-8?q?a?= \u00e9 =?utf-8?q?b?=",
			"Subject: =?utf-8?q?a?= =?utf-8?q?_=C3=A9_?= =?utf-8?q?b?=", seven,
		},
		{
			"a quoted name", "From: \"J\u00f6rg \\\"X\\\"\"<j@x.org>", "From: =?utf-8?b?SsO2cmcgIlgi?= <j@x.org>", seven,
		},
		{
			"names among quoted commas, comments, groups, brackets with quotes",
			"To: \"a, b\" <a@b>,\u00e9 \"c d\" e <\"x>\"@y> (\u00e9 (in) \\\u00e8), G\u00e4: f@g,(\u00e9)h@[IPv6:::1];",
			"To: \"a, b\" <a@b>, =?utf-8?b?w6k=?= \"c d\" e <\"x>\"@y> (=?utf-8?b?w6k=?= (in)\n =?utf-8?b?w6g=?=), =?utf-8?b?R8Ok?= : f@g,(=?utf-8?b?w6k=?=)h@[IPv6:::1];", seven,
		},
		{"a dot that touches a word of a name", "From: \u00c9. X <a@b>", "From: =?utf-8?b?w4ku?= X <a@b>", seven},
		{"a comment in a trace field", "Received: from x (\u00e9) by y; Mon", "Received: from x (=?utf-8?b?w6k=?=) by y; Mon", seven},
		{"keywords are phrases", "Keywords: a, \u00e9 b", "Keywords: a, =?utf-8?b?w6k=?= b", seven},
		{"a list's name", "List-Id: L\u00e9 <l.x>", "List-Id: =?utf-8?b?TMOp?= <l.x>", seven},
		{
			"a file name", "Content-Disposition: attachment; filename=\"\u00e9 \\\"1\\\".pdf\" ; size=1",
			"Content-Disposition: attachment; filename*=utf-8''%C3%A9%20%221%22.pdf ; size=1", seven,
		},
		{"a file name without quotes", "Content-Type: a/b;name=\u00e9", "Content-Type: a/b;name*=utf-8''%C3%A9", seven},
		{"an extended parameter that lacks its escapes", "Content-Type: a/b; name*=iso-8859-1''\xe9", "Content-Type: a/b; name*=iso-8859-1''%E9", seven},
		{"a long line is folded at the last white space that fits", "Subject: a " + long[:900] + " b " + long[:80] + " c", "Subject: a " + long[:900] + " b " + long[:80] + " c", short},
		{"and so is a longer one", "Subject: a " + long[:900] + " b " + long[:90], "Subject: a " + long[:900] + " b\n " + long[:90], short},
		{"recipients without any white space get some", "To: " + list(",", 100), "To: " + list(", ", 55) + ",\n " + list(", ", 45), short},
		{"message identifiers too", "References: <" + long[:600] + "><" + long[:600] + ">", "References: <" + long[:600] + ">\n <" + long[:600] + ">", short},
		{"a CR that is content, where the server takes it", "Subject: \u00e9\r\r", "Subject: =?utf-8?b?w6kN?=", seven},
		{"with 8BITMIME folding leaves 8-bit text", "Subject: \u00e9 " + long[:600] + " " + long[:600], "Subject: \u00e9 " + long[:600] + "\n " + long[:600], short},
	} {
		got, err := convertString(t, tt.in+"\n\nbody\n", tt.need)
		if want := asCRLF(tt.want + "\n\nbody\n"); err != nil || got != want {
			t.Errorf("%s:\ngot  %q, %v\nwant %q", tt.reason, got, err, want)
		}
	}
}

// list is n addresses of 16 octets.
func list(comma string, n int) string {
	return strings.TrimSuffix(strings.Repeat("abcdefg@abcd.org"+comma, n), comma)
}

func TestHeaderFieldsAreRefusedWhereItIsNot(t *testing.T) {
	long := strings.Repeat("x", 1100)
	for _, tt := range []struct {
		reason, in string
		want       error
		need       Need
	}{
		{"an address", "To: a@b, \u00e9@b", errAddress, seven},
		{"a domain behind a name", "To: X <a@\u00e9>", errAddress, seven},
		{"a quoted local part", "To: \"\u00e9\"@b", errAddress, seven},
		{"a word behind an address", "To: <a@b> \u00e9", errAddress, seven},
		{"a return path", "Return-Path: <\u00e9@b>", errAddress, seven},
		{"a trace field's atom", "Received: from \u00e9 by y; Mon", errNotText, seven},
		{"a quote that never closes", "To: \"\u00e9 <a@b>", errMalformed, seven},
		{"a comment that never closes", "To: (\u00e9 <a@b>", errMalformed, seven},
		{"a bracket that never closes", "To: \u00e9 <a@b", errMalformed, seven},
		{"a media type", "Content-Type: \u00e9/b", errNotText, seven},
		{"a boundary", "Content-Type: a/b; boundary=\u00e9", errParameter, seven},
		{"a section of a parameter that declares no charset", "Content-Type: a/b; name*0=\u00e9", errParameter, seven},
		{"a parameter that is there twice", "Content-Type: a/b; name=\u00e9; name*=utf-8''x", errParameter, seven},
		{"a parameter with words behind it", "Content-Type: a/b; name=\u00e9 x", errMalformed, seven},
		{"no name", ": \u00e9", errMalformed, seven},
		{"an 8-bit name", "\u00e9: x", errMalformed, seven},
		{"an address over 998 octets", "To: " + long + "@b", errFold, short},
		{"NUL", "Subject: \x00", errControl, short},
	} {
		var err error
		for f := range fields([]byte(tt.in + "\n")) {
			_, err = convertField(f, tt.need)
		}
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.reason, err, tt.want)
		}
		if _, err := convertString(t, tt.in+"\n\n", tt.need); !errors.As(err, new(*Impossible)) {
			t.Errorf("%s: Convert says %v", tt.reason, err)
		}
	}
}

// texts are what header text may be; each must survive the way through an
// encoded-word or parameter.
var texts = []string{
	"\u00e9", "a \u00e9 b", "\u00e9\u00e9 \u00e9\u00e9", "=?utf-8?q?x?= \u00e9", "\u00e9?=_=20", "\u65e5\u672c\u8a9e",
	strings.Repeat("\u65e5\u672c\u8a9e ", 100) + "x",
	strings.Repeat("a long text with one \u00e9 ", 100) + "x",
	"x" + strings.Repeat("\u00e9", 500), "\U0001F600 (\u00e9) <\u00e9>, \"\u00e9\"", "tab\tand\\ \u00e9",
	strings.Repeat("y", 990) + " \u00e9",
}

func TestEncodedTextReadsAsItWas(t *testing.T) {
	var decoder mime.WordDecoder
	for _, text := range texts {
		in := "Subject: " + text + "\nFrom: \"" + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + "\" <a@b.org>\n" +
			"Content-Disposition: attachment; filename=\"" + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + "\"\n\n"
		out, err := convertString(t, in, all)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		for line := range strings.Lines(out) {
			if strings.Contains(line, "=?") && len(line) > encodedLine+2 && !strings.Contains(line, "yyy") {
				t.Errorf("%q: a line with an encoded-word of %d octets: %q", text, len(line)-2, line)
			}
		}
		m, err := mail.ReadMessage(strings.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		want := text
		if strings.HasPrefix(text, "=?") {
			want = strings.Replace(text, "=?utf-8?q?x?=", "x", 1) // it was an encoded-word
		}
		if got, err := decoder.DecodeHeader(m.Header.Get("Subject")); err != nil || got != want {
			t.Errorf("subject: got %q, %v\nwant %q", got, err, want)
		}
		from, err := mail.ParseAddress(m.Header.Get("From"))
		if err != nil || from.Name != text || from.Address != "a@b.org" {
			t.Errorf("name: got %v, %v\nwant %q", from, err, text)
		}
		_, params, err := mime.ParseMediaType(m.Header.Get("Content-Disposition"))
		if err != nil || params["filename"] != text {
			t.Errorf("file name: got %q, %v\nwant %q", params["filename"], err, text)
		}
	}
}
