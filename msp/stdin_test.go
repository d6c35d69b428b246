package msp

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"mailcrane/internal/header"
)

// dotsByLine is the dot rule of sendmail's table, said line by line.
func dotsByLine(input string) string {
	var out strings.Builder
	for line := range strings.Lines(input) {
		switch {
		case line == ".\n", line == ".\r\n", line == ".":
			return out.String()
		case strings.HasPrefix(line, ".."):
			line = line[1:]
		}
		out.WriteString(line)
	}
	return out.String()
}

func TestDotRule(t *testing.T) {
	for _, c := range []struct{ reason, input, want string }{
		{"a lone dot is the end, the rest is not read", "a\n.\nb\n", "a\n"},
		{"with CRLF", "a\r\n.\r\nb\r\n", "a\r\n"},
		{"as the first line", ".\nb\n", ""},
		{"a dot and more stays", "a\n.foo\n", "a\n.foo\n"},
		{"of two dots one goes", "a\n..bar\n", "a\n.bar\n"},
		{"of three dots one goes", "...bar\n", "..bar\n"},
		{"two dots alone are one dot", "a\n..\nb\n", "a\n.\nb\n"},
		{"a dot in a line is nothing", "a.\nb\n", "a.\nb\n"},
		{"a dot and a bare CR stays", ".\rx\n", ".\rx\n"},
		{"a dot and a CR at the very end stays", "a\n.\r", "a\n.\r"},
		{"a dot and a space stays", ". \n", ". \n"},
		{"end of input without a dot", "a\nb", "a\nb"},
		{"a dot that the input ends with is the end", "a\n.", "a\n"},
		{"a bare CR begins no line", "a\r.\r\nb\n", "a\r.\r\nb\n"},
		{"nothing", "", ""},
	} {
		t.Run(c.reason, func(t *testing.T) {
			for name, in := range map[string]io.Reader{
				"at once":         strings.NewReader(c.input),
				"octet by octet":  iotest.OneByteReader(strings.NewReader(c.input)),
				"end with data":   iotest.DataErrReader(strings.NewReader(c.input)),
				"half by half":    iotest.HalfReader(strings.NewReader(c.input)),
				"slow with error": iotest.DataErrReader(iotest.OneByteReader(strings.NewReader(c.input))),
			} {
				got, err := io.ReadAll(&message{rest: &dotReader{in: in}, limit: -1})
				if string(got) != c.want || err != nil {
					t.Errorf("%s: %q, %v, want %q", name, got, err, c.want)
				}
			}
			if rule := dotsByLine(c.input); rule != c.want {
				t.Errorf("the table and the rule differ: %q", rule)
			}
		})
	}
}

func FuzzDotRule(f *testing.F) {
	for _, seed := range []string{"a\n.\nb", "..\n.\r\n", ".\r.\n", "\n..x\n...\n.", "x\r\n.\r", "\n.a\n.b\n..c\n.d"} {
		f.Add([]byte(seed), uint8(3))
	}
	f.Fuzz(func(t *testing.T, input []byte, size uint8) {
		in := &chunks{data: input, size: int(size)%40 + 1}
		got, err := io.ReadAll(&message{rest: &dotReader{in: in}, limit: -1})
		if want := dotsByLine(string(input)); string(got) != want || err != nil {
			t.Fatalf("%q in chunks of %d: %q, %v, want %q", input, in.size, got, err, want)
		}
	})
}

// chunks is a reader that gives out size octets at a time.
type chunks struct {
	data []byte
	size int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.data[:min(c.size, len(c.data))])
	c.data = c.data[n:]
	return n, nil
}

func TestReaderStopsAtTheDotWithoutWaiting(t *testing.T) {
	in, out := io.Pipe()
	go out.Write([]byte("a\n.\n")) // the pipe stays open: a reader that wants more hangs
	if got, err := io.ReadAll(&message{rest: &dotReader{in: in}, limit: -1}); string(got) != "a\n" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestMessageIsReadWholeInAnySteps(t *testing.T) {
	long := bytes.Repeat([]byte("0123456789abcdef\n"), 4096)
	fresh := func() *message {
		return &message{fields: []header.Field{{Raw: []byte("he")}, {Raw: []byte("ad\n")}}, body: []byte("\nbody\n"), rest: bytes.NewReader(long), limit: -1}
	}
	want := "head\n\nbody\n" + string(long)
	for _, size := range []int{1, 7, 15, 16, 17, 100, 4096, 5000, 1 << 17} {
		m := fresh()
		var got []byte
		for p := bytes.Repeat([]byte{0}, size); ; {
			n, err := m.Read(p)
			got = append(got, p[:n]...)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if string(got) != want {
			t.Errorf("read in steps of %d: %d octets, want %d", size, len(got), len(want))
		}
	}
}

func TestMessageSaysWhatFailed(t *testing.T) {
	broken := errors.New("broken")
	m := &message{fields: []header.Field{{Raw: []byte("he")}, {Raw: []byte("ad\n")}}, rest: iotest.ErrReader(broken), limit: -1}
	if _, err := io.ReadAll(m); !errors.Is(err, broken) || !errors.Is(m.failed, broken) {
		t.Errorf("%v, %v", err, m.failed)
	}
	m = &message{fields: []header.Field{{Raw: []byte("he")}, {Raw: []byte("ad\n")}}, rest: strings.NewReader("0123456789"), limit: 14}
	if _, err := io.ReadAll(m); !errors.Is(err, errMessageTooLarge) {
		t.Errorf("%v", err)
	}
	m = &message{fields: []header.Field{{Raw: []byte("he")}, {Raw: []byte("ad\n")}}, rest: strings.NewReader("0123456789"), limit: 15}
	if _, err := io.ReadAll(m); err != nil {
		t.Errorf("at the limit: %v", err)
	}
}

// One octet a read made the header cost the square of its length: two minutes
// for one of 250 KiB.
func TestLargeHeaderInSmallStepsIsReadInLinearTime(t *testing.T) {
	s := newStation(t, oneAccount)
	text := "To: a@x.org\n" + strings.Repeat("a: b\n", 50_000) + "\nbody\n"
	s.Stdin = iotest.OneByteReader(strings.NewReader(text))
	s.Args = []string{"sendmail", "-t", "-i"}
	if code := Main(t.Context(), s.Program); code != 0 || !strings.HasSuffix(s.spool.message, text) {
		t.Errorf("exit %d, %d octets kept: %s", code, len(s.spool.message), &s.err)
	}
}
