package recode

import (
	"bytes"
	"errors"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"
	"testing/iotest"
)

var (
	all    = Need{SevenBit: true, ShortLines: true}
	seven  = Need{SevenBit: true}
	short  = Need{ShortLines: true}
	mimeH  = "MIME-Version: 1.0\n"
	longer = strings.Repeat("abcdefghi ", 120) + "end" // 1203 octets, one line
)

func convertString(t *testing.T, in string, need Need) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := Convert(&out, strings.NewReader(in), need)
	return out.String(), err
}

// asCRLF lets messages be written readably.
func asCRLF(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func TestConvertChangesOnlyWhatIsUnfit(t *testing.T) {
	for _, tt := range []struct {
		reason, in, want string // want with LF
		need             Need
	}{
		{
			"a plain message passes, its line ends as CRLF",
			"Subject: x\nOdd line\r\n\n--\nbody \r\nend", "Subject: x\nOdd line\n\n--\nbody \nend", all,
		},
		{"an empty message stays empty", "", "", all},
		{"no header at all", "\nbody\n", "\nbody\n", all},
		{
			"without a need nothing changes",
			"S: \xe9\n\n\xe9\x00" + longer, "S: \xe9\n\n\xe9\x00" + longer,
			Need{},
		},
		{
			"text that is not MIME gets a charset (utf-8)",
			"A: b\n\nCaf\u00e9 au lait = good \n.\nFrom me\n--x\nend",
			"A: b\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n" +
				"Caf=C3=A9 au lait =3D good=20\n=2E\n=46rom me\n=2D-x\nend", all,
		},
		{
			"text in a charset that nobody knows is unknown-8bit, RFC 1428",
			"A: b\n\nCaf\xe9 au lait\n",
			"A: b\nMIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\nContent-Transfer-Encoding: quoted-printable\n\n" +
				"Caf=E9 au lait\n", all,
		},
		{
			"a long line of ASCII is us-ascii",
			"A: b\n\n" + longer,
			"A: b\nMIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\nContent-Transfer-Encoding: quoted-printable\n\n" +
				qpLines(longer), short,
		},
		{
			"a label is replaced in place, its name as written, the rest of the header untouched",
			mimeH + "content-transfer-ENCODING:\t8bit (really)\nContent-Type: TEXT/html;\n  charset=latin1\n\nabcdefgh\xe9\n",
			"MIME-Version: 1.0\ncontent-transfer-ENCODING: quoted-printable\nContent-Type: TEXT/html;\n  charset=latin1\n\nabcdefgh=E9\n", all,
		},
		{
			"text with more than 30 % to escape is base64, its line ends CRLF",
			mimeH + "Content-Type: text/plain; charset=utf-8\n\n\u00e9\u00e8\u00ea\n\u00e9\n",
			mimeH + "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nw6nDqMOqDQrDqQ0K\n", all,
		},
		{
			"NUL and CR alone in text are escaped",
			mimeH + "Content-Type: text/plain\n\na\x00b\rc\n",
			mimeH + "Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\na=00b=0Dc\n", all,
		},
		{
			"what is not text is base64: 8bit has CRLF line ends, binary exact octets",
			mimeH + "Content-Type: multipart/mixed; boundary=\"b b\"\nContent-Transfer-Encoding: binary\n\npreamble\n" +
				"--b b\nContent-Type: image/png\nContent-Transfer-Encoding: 8bit\n\n\xe9\n1\n" +
				"--b b  \nContent-Type: image/png\nContent-Transfer-Encoding: binary\n\n\xe9\n1\n" +
				"--b b\n\nclean\n--b b--\nepilogue",
			mimeH + "Content-Type: multipart/mixed; boundary=\"b b\"\nContent-Transfer-Encoding: 7bit\n\npreamble\n" +
				"--b b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\n6Q0KMQ==\n" +
				"--b b  \nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\n6Qox\n" +
				"--b b\n\nclean\n--b b--\nepilogue", all,
		},
		{
			"a clean binary part that is not text is encoded where CRLF would change it",
			mimeH + "Content-Type: application/json\nContent-Transfer-Encoding: binary\n\n{\n}",
			mimeH + "Content-Type: application/json\nContent-Transfer-Encoding: base64\n\newp9\n", all,
		},
		{
			"UTF-16 labelled binary keeps its LF octets",
			mimeH + "Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: binary\n\na\x00\n\x00",
			mimeH + "Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: base64\n\nYQAKAA==\n", short,
		},
		{
			"with 8BITMIME a binary multipart becomes 8bit and its 8-bit part stays",
			mimeH + "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: binary\n\n" +
				"--b\nContent-Transfer-Encoding: 8bit\n\n\xe9\n--b\nContent-Type: a/b\nContent-Transfer-Encoding: binary\n\n\x00\n--b--\n",
			mimeH + "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 8bit\n\n" +
				"--b\nContent-Transfer-Encoding: 8bit\n\n\xe9\n--b\nContent-Type: a/b\nContent-Transfer-Encoding: base64\n\nAA==\n--b--\n", short,
		},
		{
			"an embedded message is taken apart, its header mended",
			mimeH + "Content-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nSubject: \u00e9\n\nabcdef\u00e9",
			mimeH + "Content-Type: message/rfc822\nContent-Transfer-Encoding: 7bit\n\nSubject: =?utf-8?b?w6k=?=\nMIME-Version: 1.0\n" +
				"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nabcdef=C3=A9", all,
		},
		{
			"a part of multipart/digest is a message unless it says otherwise",
			mimeH + "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: \u00e9\n\nx\n--b--\n",
			mimeH + "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: =?utf-8?b?w6k=?=\n\nx\n--b--\n", all,
		},
		{
			"the boundary of an outer multipart ends an inner one that is never closed",
			mimeH + "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/alternative; boundary=o-i\n\n" +
				"--o-i\n\nabcdef\xe9\n--o\n\nabcdef\xe9\n--o--\n",
			mimeH + "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/alternative; boundary=o-i\n\n" +
				"--o-i\nContent-Transfer-Encoding: quoted-printable\n\nabcdef=E9\n--o\nContent-Transfer-Encoding: quoted-printable\n\nabcdef=E9\n--o--\n", all,
		},
		{
			"a clean signed part passes, next to one that is encoded",
			mimeH + "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/signed; boundary=i\n\n--i\nContent-Transfer-Encoding: 8bit\n\nx\n--i--\n" +
				"--o\n\nabcdef\xe9\n--o--\n",
			mimeH + "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/signed; boundary=i\n\n--i\nContent-Transfer-Encoding: 8bit\n\nx\n--i--\n" +
				"--o\nContent-Transfer-Encoding: quoted-printable\n\nabcdef=E9\n--o--\n", all,
		},
		{
			"MIME-Version is added where a changed message lacks it",
			"Content-Type: text/plain\n\nabcdef\xe9",
			"Content-Type: text/plain\nMIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n\nabcdef=E9", all,
		},
		{
			"broken quoted-printable is wrapped again",
			mimeH + "Content-Transfer-Encoding: quoted-printable\n\na=3Db\xe9 \nsoft=  \n" + longer,
			mimeH + "Content-Transfer-Encoding: quoted-printable\n\na=3Db=E9 \nsoft=\n" + qpLines(longer), all,
		},
		{
			"base64 on one line is wrapped again",
			mimeH + "Content-Transfer-Encoding: base64\n\n" + strings.Repeat("QUJD", 250),
			mimeH + "Content-Transfer-Encoding: base64\n\n" + strings.TrimSuffix(strings.Repeat(strings.Repeat("QUJD", 19)+"\n", 13)+"QUJDQUJDQUJD", "\n"), all,
		},
		{
			"message/global may be encoded, RFC 6532 section 3.7",
			mimeH + "Content-Type: message/global\nContent-Transfer-Encoding: 8bit\n\nFrom: \u00e9@x\n\n",
			mimeH + "Content-Type: message/global\nContent-Transfer-Encoding: base64\n\nRnJvbTogw6lAeA0KDQo=\n", all,
		},
		{
			"a message from an mbox keeps its separator",
			"From me Mon\nA: b\n\nabcdef\u00e9",
			"From me Mon\nA: b\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nabcdef=C3=A9", all,
		},
	} {
		got, err := convertString(t, tt.in, tt.need)
		if want := asCRLF(tt.want); err != nil || got != want {
			t.Errorf("%s:\nin   %q\ngot  %q, %v\nwant %q", tt.reason, tt.in, got, err, want)
		}
	}
}

// qpLines is quoted-printable text of one long line with nothing to escape.
func qpLines(s string) string {
	var b strings.Builder
	for len(s) > 75 {
		b.WriteString(s[:75] + "=\n")
		s = s[75:]
	}
	return b.String() + s
}

func TestConvertRefusesWhatItWouldChange(t *testing.T) {
	multi := mimeH + "Content-Type: multipart/mixed; boundary=b\n\n"
	deep := func(n int) string {
		return strings.Repeat("Content-Type: message/rfc822\n\n", n) + "\n\xe9"
	}
	for _, tt := range []struct {
		reason, in string
		says       string
		need       Need
	}{
		{"a signature would break", mimeH + "Content-Type: multipart/signed; boundary=b\n\n--b\n\n\xe9\n--b--\n", "signature", all},
		{
			"also deep inside", multi + "--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/signed; boundary=c\n\n--c\n\n" + longer + "\n--c--\n\n--b--\n",
			"part 1 (multipart/signed) has a line over 998 octets", all,
		},
		{"message/partial is a fragment", mimeH + "Content-Type: message/partial\n\n\xe9", "may not be encoded", all},
		{"external-body", mimeH + "Content-Type: message/external-body\n\n\xe9", "may not be encoded", all},
		{"delivery-status is 7bit by definition", mimeH + "Content-Type: message/delivery-status\n\n\xe9", "may not be encoded", all},
		{"preamble", multi + "\xe9\n--b\n\n--b--\n", "before its first part", all},
		{"epilogue", multi + "--b\n\n--b--\n\xe9", "behind its last part", all},
		{"unknown encoding", mimeH + "Content-Transfer-Encoding: x-uuencode\n\n\xe9", "Content-Transfer-Encoding is unknown", all},
		{"two encodings", mimeH + "Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64\n\n\xe9", "contradicts itself", all},
		{"two types", mimeH + "Content-Type: text/plain\nContent-Type: text/html\n\n\xe9", "contradict each other", all},
		{"an encoded multipart", mimeH + "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n\xe9", "forbids", all},
		{"a multipart without boundary", mimeH + "Content-Type: multipart/mixed\n\n\xe9", "no usable boundary", all},
		{"an 8-bit boundary", mimeH + "Content-Type: multipart/mixed; boundary=\"\xe9\"\n\n--\xe9\n\n", "parameter", all},
		{"a non-ASCII address", "From: \u00e9@example.org\n\n", "SMTPUTF8", all},
		{"also in brackets", "From: X <\u00e9@example.org>\n\n", "SMTPUTF8", all},
		{"a non-ASCII message identifier", "Message-ID: <\u00e9@example.org>\n\n", "the header field Message-ID of the message", all},
		{"an odd 8-bit header line", "A: b\n\xe9\n\n", "a header line that is not a field", all},
		{"NUL in a header", "A: b\x00\n\n", "a header has no other form", short},
		{"CR in a header", "A: b\rc\n\n", "a CR without LF", short},
		{"nowhere to fold", "Message-ID: <" + strings.Repeat("x", 999) + ">\n\n", "no place to be folded", short},
		{"an odd header line makes the body's beginning doubtful", "A: b\nodd\nC: d\n\n\xe9", "not a field", all},
		{"quoted-printable with a stray =", mimeH + "Content-Transfer-Encoding: quoted-printable\n\na=zz\xe9", "begins no escape", all},
		{"quoted-printable with a CR of doubtful meaning", mimeH + "Content-Transfer-Encoding: quoted-printable\n\nx\rc", "CR without LF", all},
		{"quoted-printable that ends in an escape", mimeH + "Content-Transfer-Encoding: quoted-printable\n\n\xe9=4", "begins no escape", all},
		{"base64 with 8-bit octets", mimeH + "Content-Transfer-Encoding: base64\n\nQUJD\xe9", "not base64", all},
		{"base64 whose new line would begin with -", mimeH + "Content-Transfer-Encoding: base64\n\n" + strings.Repeat("A", 76) + "--" + longer, "not base64", all},
		{"too deep", deep(maxDepth + 1), "levels deep", all},
		{"too many parts", multi + strings.Repeat("--b\n\n", maxParts) + "\xe9\n", "more than 10000 parts", all},
		{"too large a header", strings.Repeat("A: b\n", maxHeader/5+1) + "\n\xe9", "larger than 1 MiB", all},
		{"a boundary line padded too far", multi + "--b" + strings.Repeat(" ", 1000) + "\n\n", "boundary line", all},
	} {
		_, err := convertString(t, tt.in, tt.need)
		var impossible *Impossible
		if !errors.As(err, &impossible) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %v, want *Impossible that says %q", tt.reason, err, tt.says)
			continue
		}
		if _, bare := err.(*Impossible); !bare {
			t.Errorf("%s: the error is wrapped: %T", tt.reason, err)
		}
		if impossible.Do == "" || strings.ContainsAny(err.Error(), "\n") {
			t.Errorf("%s: not one sentence with a mend: %q", tt.reason, err)
		}
		// The same without what is unfit passes: only unfit mail is refused.
		clean := strings.NewReplacer("\xe9", "e", "\u00e9", "e", "\x00", "0", longer, "x", "\rc", "c",
			strings.Repeat("x", 999), "x", strings.Repeat(" ", 1000), " ").Replace(tt.in)
		if got, err := convertString(t, clean, tt.need); err != nil || got != asCRLF(clean) {
			t.Errorf("%s, made clean: %v, changed: %v", tt.reason, err, err == nil)
		}
	}
}

func TestConvertJustWithinTheBounds(t *testing.T) {
	in := strings.Repeat("Content-Type: message/rfc822\nMIME-Version: 1.0\n\n", maxDepth) + "MIME-Version: 1.0\nContent-Type: text/plain\n\nabcdefg\xe9"
	got, err := convertString(t, in, all)
	if err != nil || !strings.HasSuffix(got, "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nabcdefg=E9") {
		t.Errorf("%d levels: %v, %.200q", maxDepth, err, got[max(0, len(got)-200):])
	}
}

func TestConvertReadsWhatCannotSeek(t *testing.T) {
	for _, size := range []int{0, 10, spillAbove - 1, spillAbove, spillAbove + 1, 3 * spillAbove} {
		t.Setenv("TMPDIR", t.TempDir())
		in := "A: b\n\n" + strings.Repeat("abcdef\u00e9\n", size/9)
		want, err := convertString(t, in, all)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := Convert(&got, iotest.HalfReader(strings.NewReader(in)), all); err != nil || got.String() != want {
			t.Errorf("%d octets through a pipe: %v, same: %v", size, err, got.String() == want)
		}
	}
}

func TestConvertStartsWhereTheFileStands(t *testing.T) {
	r := strings.NewReader("envelope\n" + "A: b\n\nabcdef\u00e9\n")
	if _, err := r.Seek(9, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := Convert(&got, r, all); err != nil || !strings.HasPrefix(got.String(), "A: b\r\nMIME-Version") {
		t.Errorf("got %q, %v", got.String(), err)
	}
}

var errDisk = errors.New("disk on fire")

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errDisk }

func TestConvertReportsFaultsOfReadingAndWriting(t *testing.T) {
	in := "A: b\n\n" + strings.Repeat("abcdef\u00e9\n", 100000)
	for reason, err := range map[string]error{
		"writing":                    Convert(failingWriter{}, strings.NewReader(in), all),
		"reading":                    Convert(io.Discard, iotest.ErrReader(errDisk), all),
		"reading late":               Convert(io.Discard, io.MultiReader(strings.NewReader(in), iotest.ErrReader(errDisk)), all),
		"reading the second time":    Convert(io.Discard, &onceReader{Reader: strings.NewReader(in), err: errDisk}, all),
		"writing, nothing to change": Convert(failingWriter{}, strings.NewReader("A: b\n\n"), all),
	} {
		var impossible *Impossible
		if !errors.Is(err, errDisk) || errors.As(err, &impossible) {
			t.Errorf("%s: got %v", reason, err)
		}
	}
	err := Convert(io.Discard, &onceReader{Reader: strings.NewReader(in), err: io.EOF}, all)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a file cut short between the readings: got %v", err)
	}
}

// A onceReader can be read once, and then fails.
type onceReader struct {
	*strings.Reader
	err   error
	again bool
}

func (r *onceReader) Read(p []byte) (int, error) {
	if r.again {
		return 0, r.err
	}
	return r.Reader.Read(p)
}

func (r *onceReader) WriteTo(io.Writer) (int64, error) { return 0, errors.New("not used") }

func (r *onceReader) Seek(offset int64, whence int) (int64, error) {
	r.again = whence == io.SeekStart
	return r.Reader.Seek(offset, whence)
}

func TestLinesLongerThanTheBufferAreNotCutWrong(t *testing.T) {
	for shift := -6; shift <= 6; shift++ {
		for _, tail := range []string{"\r\nend\r\n", "\r", "\U0001F600\r\n", "\u00e9x"} {
			body := "\u00e9" + strings.Repeat("x", bufSize+shift-2) + tail
			got, err := convertString(t, "A: b\r\n\r\n"+body, all)
			if err != nil {
				t.Fatal(err)
			}
			head, encoded, _ := strings.Cut(got, "\r\n\r\n")
			if !strings.Contains(head, "charset=utf-8") {
				t.Errorf("shift %d, %q: not known as UTF-8: %q", shift, tail, head)
			}
			content, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(encoded)))
			if err != nil || string(content) != body {
				t.Errorf("shift %d: body ends in %q, want %q, %v", shift, content[max(0, len(content)-12):], tail, err)
			}
		}
	}
}
