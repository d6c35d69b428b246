package textmap

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAMapIsReadInMakemapsForm(t *testing.T) {
	for _, c := range []struct {
		why, text string
		want      []Entry
	}{
		{"key, white space, value", "a.example\tOK\nb.example   550 no  way \n", []Entry{{"a.example", "OK", 1}, {"b.example", "550 no  way", 2}}},
		{"comments and empty lines", "# a comment\n\na OK\n#b OK\n   \nc OK", []Entry{{"a", "OK", 3}, {"c", "OK", 6}}},
		{"keys in any case, values as they are", "A.Example Hello World", []Entry{{"a.example", "Hello World", 1}}},
		{"lines of another system", "a OK\r\nb OK\r\n", []Entry{{"a", "OK", 1}, {"b", "OK", 2}}},
		{"a # within a value is one", "a smtp:b # c", []Entry{{"a", "smtp:b # c", 1}}},
		{"nothing", "", nil},
		{"no newline at the end", "a OK", []Entry{{"a", "OK", 1}}},
		{"the first of two counts", "a first\nA second", []Entry{{"a", "first", 1}}},
	} {
		table, _, err := Read("m", strings.NewReader(c.text), nil)
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
			continue
		}
		if table.Len() != len(c.want) {
			t.Errorf("%s: %d entries", c.why, table.Len())
		}
		for _, want := range c.want {
			got, ok := table.Find(want.Key)
			if diff := cmp.Diff(want, got); diff != "" || !ok {
				t.Errorf("%s: %s", c.why, diff)
			}
		}
		if e, ok := table.Find("none"); ok {
			t.Errorf("%s: found %+v", c.why, e)
		}
	}
}

func TestAllBadLinesOfAMapAreNamed(t *testing.T) {
	for _, c := range []struct{ why, line, want string }{
		{"no value", "a.example", "no value for a.example: write the key, white space, and the value"},
		{"no value behind white space", "a.example \t ", "no value for a.example"},
		{"white space before the key", " a OK", "white space before the key: it has to begin the line"},
		{"a control character", "a O\x01K", "there is a control character (0x01) in column 4"},
		{"a NUL in the key", "a\x00b OK", "there is a control character (0x00) in column 2"},
		{"not UTF-8", "a \xff", "this is no UTF-8"},
		{"a long line", "a " + strings.Repeat("x", maxLine), "the line is longer than 16384 octets"},
		{"a long key", strings.Repeat("k", maxKey+1) + " OK", "the key is longer than 1024 octets"},
	} {
		text := "good OK\n" + c.line + "\ngood2 OK\n" + c.line + "\n"
		_, _, err := Read("file", strings.NewReader(text), nil)
		if err == nil || strings.Count(err.Error(), "\n") != 1 || !strings.HasPrefix(err.Error(), "file:2: "+c.want) || !strings.Contains(err.Error(), "\nfile:4: "+c.want) {
			t.Errorf("%s: %v", c.why, err)
		}
	}
}

func TestComplaintsHaveABound(t *testing.T) {
	_, _, err := Read("m", strings.NewReader(strings.Repeat("bad\n", 1000)), nil)
	if err == nil || strings.Count(err.Error(), "\n") != mostComplaints || !strings.HasSuffix(err.Error(), "m: and 950 lines more") {
		t.Errorf("%v", err)
	}
}

func TestTheLineOfAnEntryIsFoundAgainInALongMap(t *testing.T) {
	var text strings.Builder
	for i := range 3000 {
		if i%7 == 0 {
			text.WriteString("# comment\n")
			continue
		}
		fmt.Fprintf(&text, "host%d.example value %d\n", i, i)
	}
	table, warnings, err := Read("m", strings.NewReader(text.String()), nil)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	for i := range 3000 {
		e, ok := table.Find(fmt.Sprintf("host%d.example", i))
		if ok != (i%7 != 0) || ok && (e.Line != i+1 || e.Value != fmt.Sprintf("value %d", i)) {
			t.Fatalf("%d: %+v %v", i, e, ok)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{"a OK\n", "# c\n\nA.b\tERROR:\"550 x\"\n", " a b", "a\n", "a b\na c\n", "a \x00", "\xff b", "a b\r\n\r\n", "\n\n\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var seen []Entry
		table, _, err := Read("m", strings.NewReader(text), func(e Entry) (string, error) {
			seen = append(seen, e)
			return "", nil
		})
		if err != nil {
			return
		}
		lines := strings.Split(text, "\n")
		first := map[string]Entry{}
		for _, e := range seen {
			if _, twice := first[e.Key]; !twice {
				first[e.Key] = e
			}
			if e.Key == "" || e.Value == "" || !strings.HasPrefix(strings.ToLower(lines[e.Line-1]), e.Key) {
				t.Fatalf("%+v", e)
			}
		}
		if table.Len() != len(first) {
			t.Fatalf("%d entries of %d keys", table.Len(), len(first))
		}
		for key, want := range first {
			if got, ok := table.Find(key); !ok || got != want {
				t.Fatalf("%q: %+v, want %+v", key, got, want)
			}
		}
	})
}

// A million entries is the map of somebody who refuses countries by hand.
func BenchmarkAMillionEntries(b *testing.B) {
	var text strings.Builder
	for i := range 1_000_000 {
		fmt.Fprintf(&text, "Connect:%d.%d.%d.%d\tERROR:5.7.1:550 no mail from there\n", i>>24+1, i>>16&255, i>>8&255, i&255)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if table, _, err := Read("m", strings.NewReader(text.String()), nil); err != nil || table.Len() != 1_000_000 {
			b.Fatal(table.Len(), err)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	var text strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&text, "host%d.example OK\n", i)
	}
	table, _, err := Read("m", strings.NewReader(text.String()), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := table.Find("host77777.example"); !ok {
			b.Fatal("not found")
		}
	}
}
