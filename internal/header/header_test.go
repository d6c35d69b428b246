package header

import (
	"bytes"
	"strings"
	"testing"
)

func TestHeaderEndsAtBlankLineOrFirstLineThatIsNoField(t *testing.T) {
	long := strings.Repeat("x", 998)
	for _, c := range []struct {
		reason, text   string
		section, blank int
	}{
		{"a blank line", "A: b\n\nbody\n", 5, 1},
		{"a blank line with CR", "A: b\r\n\r\nbody\r\n", 6, 2},
		{"a blank line of the other kind", "A: b\n\r\nbody", 5, 2},
		{"no header", "body: no\n"[5:], 0, 0},
		{"nothing at all", "", 0, 0},
		{"a blank line first", "\nA: b\n", 0, 1},
		{"only a header", "A: b\n", 5, 0},
		{"only a header without line end", "A: b", 4, 0},
		{"a line without a colon", "A: b\nHello Joe\n", 5, 0},
		{"a line whose words come before the colon", "A: b\nHello Joe: hi\n", 5, 0},
		{"a continuation", "A: b\n c\n\td\nE: f\n\n", 16, 1},
		{"a continuation of white space alone", "A: b\n  \nC: d\n\n", 13, 1},
		{"a continuation of nothing", " b\nA: b\n", 0, 0},
		{"white space before the colon", "A \t: b\n\n", 7, 1},
		{"nothing before the colon", "A: b\n: c\n", 5, 0},
		{"a MIME boundary with a colon", "A: b\n--c: d\n", 5, 0},
		{"a CR that begins a line", "A: b\n\rC: d\n", 5, 0},
		{"8-bit is no field name", "A: b\n\xc3\xa4: c\n", 5, 0},
		{"a control character is no field name", "A: b\nC\x01: c\n", 5, 0},
		{"a dot", "A: b\n.\n", 5, 0},
		{"an mbox line", "From joe Mon Mar  2 15:04:05 2026\nA: b\n", 0, 0},
		{"a name of 997 octets", long[:997] + ": x\n\n", 1001, 1},
		{"a name of 998 octets", long + ": x\n\n", 0, 0},
	} {
		t.Run(c.reason, func(t *testing.T) {
			section, blank, ok := new(Scan).End([]byte(c.text), true)
			if section != c.section || blank != c.blank || !ok {
				t.Errorf("%q: %d, %d, %v, want %d, %d", c.text, section, blank, ok, c.section, c.blank)
			}
		})
	}
}

func TestEndDoesNotGuess(t *testing.T) {
	for _, c := range []struct {
		reason, text string
		ok           bool
	}{
		{"nothing was read", "", false},
		{"a name may go on", "Subj", false},
		{"the field may go on", "A: b", false},
		{"a continuation may follow", "A: b\n", false},
		{"a CR may be a blank line", "A: b\n\r", false},
		{"one hyphen", "-", false},
		{"two hyphens are a boundary", "--", true},
		{"a space before the colon", "A ", false},
		{"a word that is no name", "Hello Joe", true},
		{"a name that is too long", strings.Repeat("x", 998), true},
	} {
		if _, _, ok := new(Scan).End([]byte(c.text), false); ok != c.ok {
			t.Errorf("%s: %q: %v", c.reason, c.text, ok)
		}
	}
}

func TestEndIsFoundInTheSmallestSteps(t *testing.T) {
	for _, text := range []string{
		"A: b\n c\nD: e\n\nbody\n", "A: b\r\nC : d\r\n\r\nbody", "A: b\nHello Joe\n", "A: b", "A: b\r", "\r\n", "--x", "A\t: \n\t\n\rx",
	} {
		var scan Scan
		section, blank, ok := 0, 0, false
		for n := 0; n <= len(text) && !ok; n++ {
			section, blank, ok = scan.End([]byte(text[:n]), n == len(text))
		}
		if s, b, _ := new(Scan).End([]byte(text), true); s != section || b != blank || !ok {
			t.Errorf("%q: %d, %d, %v, want %d, %d", text, section, blank, ok, s, b)
		}
	}
}

// A scan that began anew with each octet would cost the square of the length.
func TestScanLooksAtEachOctetOnce(t *testing.T) {
	for _, unit := range []string{"a: b\n", "a:\n", "a: " + strings.Repeat("b", 256<<10), " \n"} {
		text := []byte("A: b\n" + strings.Repeat(unit, max(1, 256<<10/len(unit))))
		var scan Scan
		looked := 0
		for n := range text {
			at := max(scan.line, scan.seen)
			if _, _, ok := scan.End(text[:n], false); ok {
				t.Fatalf("%.10q: ends at %d", unit, n)
			}
			looked += n - at
		}
		if looked > 8*len(text) {
			t.Errorf("%.10q: looked at %d octets of %d", unit, looked, len(text))
		}
	}
}

func TestFieldIsTakenApartWithoutLoss(t *testing.T) {
	for _, c := range []struct{ reason, raw, name, body, text string }{
		{"plain", "Subject: hi\n", "Subject", " hi", "hi"},
		{"CRLF", "Subject: hi\r\n", "Subject", " hi", "hi"},
		{"no line end", "Subject: hi", "Subject", " hi", "hi"},
		{"no space", "a:b\n", "a", "b", "b"},
		{"space before the colon", "A \t: b\n", "A", " b", "b"},
		{"folded", "A: b\r\n\tc\n d\n", "A", " b\r\n\tc\n d", "b\tc d"},
		{"a bare CR stays", "A: b\rc\n\td\n", "A", " b\rc\n\td", "b\rc\td"},
		{"empty", "A:\n", "A", "", ""},
	} {
		f := Field{[]byte(c.raw)}
		if f.Name() != c.name || string(f.Body()) != c.body || f.Text() != c.text {
			t.Errorf("%s: %q %q %q", c.reason, f.Name(), f.Body(), f.Text())
		}
		if !f.Is(strings.ToUpper(c.name)) || f.Is(c.name+"x") || f.Is("x"+c.name) {
			t.Errorf("%s: Is is wrong", c.reason)
		}
		if same := f.WithBody(f.Body()); string(same.Raw) != c.raw {
			t.Errorf("%s: WithBody made %q", c.reason, same.Raw)
		}
	}
}

const three = "A: 1\nB : 2\n b\nA: 3"

func TestEditKeepsAllElse(t *testing.T) {
	for _, c := range []struct {
		reason string
		edit   func(*Section)
		want   string
	}{
		{"nothing", func(*Section) {}, three},
		{"delete", func(s *Section) { s.Delete("a") }, "B : 2\n b\n"},
		{"set replaces the first and deletes the others", func(s *Section) { s.Set("a", "x") }, "a: x\nB : 2\n b\n"},
		{"set to nothing", func(s *Section) { s.Set("B", "") }, "A: 1\nB:\nA: 3"},
		{"set appends, and ends the line before", func(s *Section) { s.Set("C", "x") }, three + "\nC: x\n"},
		{"insert first", func(s *Section) { s.Insert(0, New("C", "x", "\n"), New("D", "y", "\n")) }, "C: x\nD: y\n" + three},
		{"insert last", func(s *Section) { s.Insert(3, New("C", "x", "\n")) }, three + "\nC: x\n"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			input := []byte(three)
			s := Parse(input)
			c.edit(s)
			if got := string(s.AppendTo(nil)); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			if string(input) != three {
				t.Errorf("the input became %q", input)
			}
		})
	}
}

func TestLineEndIsThatOfTheMessage(t *testing.T) {
	for text, want := range map[string]string{"A: b\r\nC: d\n": "\r\n", "A: b\nC: d\r\n": "\n", "": "\n", "\n": "\n"} {
		if got := Parse([]byte(text)).EOL; got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestFieldsAreFoundByName(t *testing.T) {
	s := Parse([]byte(three))
	if f, ok := s.Get("a"); !ok || f.Text() != "1" {
		t.Errorf("Get: %v %v", f, ok)
	}
	if s.Count("A") != 2 || s.Count("b") != 1 || s.Has("C") {
		t.Error("wrong count")
	}
}

func FuzzScanKeepsEveryOctet(f *testing.F) {
	for _, seed := range []string{
		three, "A: b\r\n\r\nbody", "\n", "", "x", "A: b\n c\n\n", "--x: y\n", "A\n:", "A:\r\r\n\n", "From x\nA: b", "\xff: y\n",
	} {
		f.Add([]byte(seed), 3)
	}
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		section, blank, ok := new(Scan).End(b, true)
		if !ok || section < 0 || section+blank > len(b) {
			t.Fatalf("%q: %d %d %v", b, section, blank, ok)
		}
		s := Parse(b[:section])
		if got := s.AppendTo(nil); !bytes.Equal(got, b[:section]) {
			t.Fatalf("%q became %q", b[:section], got)
		}
		for _, field := range s.Fields {
			if name := field.Name(); name == "" || !field.Is(name) || strings.ContainsAny(name, " \t\n:") {
				t.Fatalf("field %q has the name %q", field.Raw, name)
			}
			if again := field.WithBody(field.Body()); !bytes.Equal(again.Raw, field.Raw) {
				t.Fatalf("field %q became %q", field.Raw, again.Raw)
			}
		}
		// What a part of the input decides, the whole must not undo.
		if cut < 0 || cut > len(b) {
			return
		}
		if n, k, ok := new(Scan).End(b[:cut], false); ok && (n != section || k != blank) {
			t.Fatalf("%q: %d octets say %d, %d; all say %d, %d", b, cut, n, k, section, blank)
		}
	})
}
