package relay

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// onWire is a message as it goes over the wire, without the final dot.
func onWire(t testing.TB, src io.Reader, dots bool, portion, piece int) string {
	t.Helper()
	b := &body{src: src, buf: make([]byte, piece), encoder: encoder{dots: dots}}
	var got bytes.Buffer
	for buffer := make([]byte, 0, portion); ; {
		part, last, err := b.next(buffer)
		if err != nil {
			t.Fatal(err)
		}
		if len(part) > portion {
			t.Fatalf("a portion of %d octets, more than %d", len(part), portion)
		}
		got.Write(part)
		if last {
			return got.String()
		}
	}
}

func TestLineEndsAndDots(t *testing.T) {
	tests := []struct{ why, stored, bdat, data string }{
		{"empty", "", "", ""},
		{"LF becomes CRLF", "a\nb\n", "a\r\nb\r\n", "a\r\nb\r\n"},
		{"CRLF stays", "a\r\nb\r\n", "a\r\nb\r\n", "a\r\nb\r\n"},
		{"mixed", "a\r\nb\nc\r\n\n", "a\r\nb\r\nc\r\n\r\n", "a\r\nb\r\nc\r\n\r\n"},
		{"no final line end", "a", "a\r\n", "a\r\n"},
		{"dots", ".\n..\na.\n.b", ".\r\n..\r\na.\r\n.b\r\n", "..\r\n...\r\na.\r\n..b\r\n"},
		{"dots after CRLF", ".\r\n.\r\n", ".\r\n.\r\n", "..\r\n..\r\n"},
		{"bare CR is not a line end, so no dot follows it", "a\r.b\r\r\n.", "a\r.b\r\r\n.\r\n", "a\r.b\r\r\n..\r\n"},
		{"NUL", "\x00\n", "\x00\r\n", "\x00\r\n"},
		{"ends in CR", "a\r", "a\r\r\n", "a\r\r\n"},
		{"only line ends", "\n\r\n\n", "\r\n\r\n\r\n", "\r\n\r\n\r\n"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			// Pieces of every size, so that each pair of octets is cut apart once.
			for piece := 1; piece <= len(test.stored)+1; piece++ {
				if got := onWire(t, strings.NewReader(test.stored), false, 2*piece+3, piece); got != test.bdat {
					t.Errorf("BDAT in pieces of %d: %q, want %q", piece, got, test.bdat)
				}
				if got := onWire(t, iotest.OneByteReader(strings.NewReader(test.stored)), true, 64, piece%30+1); got != test.data {
					t.Errorf("DATA in pieces of %d: %q, want %q", piece, got, test.data)
				}
			}
		})
	}
}

func TestBodyTellsAReadError(t *testing.T) {
	b := &body{src: iotest.ErrReader(errors.New("bad sector")), buf: make([]byte, 8)}
	if _, _, err := b.next(make([]byte, 0, 64)); err == nil || err.Error() != "bad sector" {
		t.Errorf("error %v", err)
	}
}

// slowWire is the encoder octet by octet.
func slowWire(stored string, dots bool) string {
	var out strings.Builder
	start, last := true, byte('\n')
	for _, c := range []byte(stored) {
		if start && dots && c == '.' {
			out.WriteByte('.')
		}
		if c == '\n' && last != '\r' {
			out.WriteByte('\r')
		}
		out.WriteByte(c)
		start, last = c == '\n', c
	}
	if stored != "" && last != '\n' {
		out.WriteString("\r\n")
	}
	return out.String()
}

func FuzzEncoder(f *testing.F) {
	for _, seed := range []string{"", "a\n.\n", "\r", "\r\n", ".\r\n.\r.\n", "\n\n.", strings.Repeat(".\n", 50)} {
		f.Add(seed, uint8(3))
	}
	f.Fuzz(func(t *testing.T, stored string, piece uint8) {
		size := int(piece)%40 + 1
		for _, dots := range []bool{false, true} {
			if got, want := onWire(t, strings.NewReader(stored), dots, 2*size+3, size), slowWire(stored, dots); got != want {
				t.Errorf("dots %v: %q, want %q", dots, got, want)
			}
		}
	})
}

func TestSpillCountsAndKeeps(t *testing.T) {
	large := strings.Repeat("0123456789abcdef\n", 100_000) // over inMemory
	for _, text := range []string{"", "x", "x\n", "x\r\ny", "a\r", large, large + "end"} {
		s := newSpill()
		random := rand.New(rand.NewPCG(1, 2))
		for rest := text; rest != ""; {
			n := min(len(rest), 1+random.IntN(5000))
			if _, err := io.WriteString(s, rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if want := int64(len(slowWire(text, false))); s.size() != want {
			t.Errorf("size of %.10q: %d, want %d", text, s.size(), want)
		}
		for range 2 { // a second transaction reads it again
			r, err := s.open()
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if err != nil || string(got) != text {
				t.Errorf("%d octets, %v; want %d", len(got), err, len(text))
			}
		}
		if inFile := s.file != nil; inFile != (len(text) > inMemory) {
			t.Errorf("%d octets in a file: %v", len(text), inFile)
		}
		s.close()
	}
}

func BenchmarkEncoder(b *testing.B) {
	const size = 50_000_000
	line := strings.Repeat("x", 75)
	for _, form := range []struct{ name, end string }{{"LF", "\n"}, {"CRLF", "\r\n"}} {
		message := []byte(strings.Repeat(line+form.end, size/(len(line)+len(form.end))))
		for _, dots := range []bool{false, true} {
			b.Run(form.name+map[bool]string{false: "-BDAT", true: "-DATA"}[dots], func(b *testing.B) {
				b.SetBytes(int64(len(message)))
				buffer, piece := make([]byte, 0, chunk), make([]byte, readPiece)
				for b.Loop() {
					m := &body{src: bytes.NewReader(message), buf: piece, encoder: encoder{dots: dots}}
					for last := false; !last; {
						var err error
						if _, last, err = m.next(buffer); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}
