package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// A nasty is a message that is easy to spoil on its way.
type nasty struct {
	name, why string
	text      string
}

// head is a header that needs no fix-up but the trace field.
const head = "From: me@example.test\nDate: Sun, 22 Nov 2026 05:00:00 +0000\nMessage-ID: <nasty@example.test>\n"

func crlf(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

// nasties arrive as they were sent. 50 MB are lines of every length up to 998.
func nasties() []nasty {
	return []nasty{
		{"plain", "nothing special", head + "\nHello.\n"},
		{"lone-lf", "taken as a line end", head + "Subject: x\n\none\ntwo\n\n\nthree\n"},
		{"crlf", "line ends of the wire", crlf(head + "\none\ntwo\n\n\n")},
		{"mixed", "both line ends", head + "Subject: x\r\n\r\none\ntwo\r\nthree\n"},
		{"mixed-head", "a header with CRLF, a body with LF", crlf(head) + "\r\none\n\ntwo\n"},
		{"no-final-newline", "SMTP ends every line", head + "\none\ntwo"},
		{"dots", "dots where SMTP doubles or drops them", head + "\n.\n..\n...\n.a\n..a\na.\n.\n\n.\r\n.\n"},
		{"first-dot", "a dot is the first of the body", head + "\n.first\n"},
		{"only-dot", "a lone dot is the body", head + "\n."},
		{"end-in-data", "what would end DATA, and a command", head + "\na\r\n.\r\nMAIL FROM:<evil@example.test>\r\n"},
		{"empty-body", "a blank line, then nothing", head + "\n"},
		{"no-body", "a header that just ends", head},
		{"cut-header", "the last field has no line end", head + "Subject: cut"},
		{"no-header", "the body begins at once", "\nJust text.\n"},
		{"no-blank", "the first line is no field", "Just text, and a colon: here\nmore\n"},
		{"empty", "nothing at all", ""},
		{"one-newline", "a blank line alone", "\n"},
		{"eight-bit", "octets that are no UTF-8", head + "MIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\ngr\xfc\xdfe \x80\xff\xfe\n"},
		{"unlabelled", "8-bit without MIME", head + "\ngrüße \xff\n"},
		{"utf8-header", "letters in a field", head + "Subject: Grüße aus 東京\n\nx\n"},
		{"every-octet", "all but NUL, CR and LF", head + "\n" + everyOctet() + "\n"},
		{"white-space", "blanks at line ends, tabs, form feed", head + "Subject:\t  x \n\none \n\t\n \n\f\n\n \n"},
		{"folded", "odd, but legal fields", head + "Subject: a\n  b\n\t c\nX-Empty:\nX-Long: " + strings.Repeat("word ", 150) + "\n\nx\n"},
		{"from-line", "From at the start of a line", head + "\nFrom here on\n>From there\n"},
		{"line-998", "as long as RFC 5322 allows", head + "\n" + strings.Repeat("x", 998) + "\n" + strings.Repeat(".", 998) + "\n"},
		{"header-998", "a field as long", head + "X-Long: " + strings.Repeat("x", 990) + "\n\nx\n"},
		{"received-many", "the trace of others stays", strings.Repeat("Received: by a.example.test; Sun, 22 Nov 2026 04:00:00 +0000\n", 20) + head + "\nx\n"},
		{"50-MB", "large", head + "\n" + lines(50_000_000)},
	}
}

func everyOctet() string {
	var b strings.Builder
	for i := 1; i < 256; i++ {
		if i != '\n' && i != '\r' {
			b.WriteByte(byte(i))
		}
	}
	return b.String()
}

// lines is about n octets in lines of 1 to 998.
func lines(n int) string {
	var b strings.Builder
	b.Grow(n + 1000)
	const wheel = "abcdefghijklmnopqrstuvwxyz.ABCDEFGHIJKLMNOPQRSTUVWXYZ.0123456789"
	long := strings.Repeat(wheel, 17)
	for i := 0; b.Len() < n; i++ {
		from := i % len(wheel)
		b.WriteString(long[from : from+1+i%998])
		b.WriteByte('\n')
	}
	return b.String()
}

func TestWhatArrivesIsWhatWasSent(t *testing.T) {
	for _, c := range smarthostCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, c, "")
			all := nasties()
			for _, m := range all {
				h.run(strings.NewReader(m.text), "sendmail", "-i", "-f", h.me, h.box.Address(m.name))
			}
			h.flush()
			for _, m := range all {
				got := h.box.Wait(h.box.Address(m.name))
				if got.From != h.me {
					t.Errorf("%s: the reverse-path is <%s>", m.name, got.From)
				}
				left, err := withoutFixUps(got.Sent, m.text)
				if err != nil {
					t.Errorf("%s (%s): %v", m.name, m.why, err)
					continue
				}
				if want := asKept(m.text, c.blank); !bytes.Equal(left, want) {
					t.Errorf("%s (%s): arrived %s\nsent    %s", m.name, m.why, firstDifference(left, want), firstDifference(want, left))
				}
			}
		})
	}
}

// fixUps are the fields that a submission may gain, in their order, with the
// form that they have.
var fixUps = []struct {
	name string
	form *regexp.Regexp
}{
	{"Received", regexp.MustCompile(`^Received: by localhost\.localdomain \(mailcrane\); [A-Z][a-z][a-z], [0-9]{2} [A-Z][a-z][a-z] 20[0-9]{2} [0-9:]{8} \+0000\n$`)},
	{"Date", regexp.MustCompile(`^Date: [A-Z][a-z][a-z], [0-9]{2} [A-Z][a-z][a-z] 20[0-9]{2} [0-9:]{8} \+0000\n$`)},
	{"From", regexp.MustCompile(`^From: me\+[a-z0-9]+@example\.test\n$`)},
	{"Message-ID", regexp.MustCompile(`^Message-ID: <[0-9a-f]{32}@example\.test>\n$`)},
}

// withoutFixUps takes exactly the fields away that the submission had to add
// to sent: the trace field always, the others where they were missing.
func withoutFixUps(arrived []byte, sent string) ([]byte, error) {
	for _, f := range fixUps {
		if f.name != "Received" && strings.Contains("\n"+sent, "\n"+f.name+":") {
			continue
		}
		end := bytes.IndexByte(arrived, '\n') + 1
		if !f.form.Match(arrived[:end]) {
			return nil, fmt.Errorf("want %s in the place of %.80q", f.name, arrived)
		}
		arrived = arrived[end:]
	}
	return arrived, nil
}

// asKept is a message as a Maildir keeps it: CRLF is LF, the last line is
// ended, and where there was no header a blank line stands before the body.
// With blank it stands behind every header.
func asKept(sent string, blank bool) []byte {
	text := strings.ReplaceAll(sent, "\r\n", "\n")
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	first, _, _ := strings.Cut(text, "\n")
	if name, _, colon := strings.Cut(first, ":"); first != "" && (!colon || strings.ContainsAny(name, " ,")) {
		text = "\n" + text
	}
	if blank && !strings.Contains("\n"+text, "\n\n") {
		text += "\n"
	}
	return []byte(text)
}

// firstDifference shows where a differs from b.
func firstDifference(a, b []byte) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return fmt.Sprintf("%d octets, from %d: %.60q", len(a), i, a[i:])
}
