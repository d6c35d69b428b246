package queue

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"mailcrane/internal/config"
)

// listed is the ids of a listing as Each gives them.
func listed(t *testing.T, s *Spool, order ListOrder) []ID {
	t.Helper()
	l, err := s.List(order)
	if err != nil {
		t.Fatal(err)
	}
	var ids []ID
	l.Each(func(e Entry) bool {
		ids = append(ids, e.Name.ID)
		return true
	})
	return ids
}

func TestAListHasEveryMessageInTheOrderOfReceipt(t *testing.T) {
	s := NewSpool(t.TempDir(), swiftDisk{OS{}}, time.Now)
	const n = 3*lastBatch + 7 // more than the readers take at once
	now := time.Now()
	var want []ID
	for i := range n {
		e := envelope(fmt.Sprintf("a%d@x.org", i))
		e.Received = now.Add(time.Duration(i) * time.Minute)
		want = append(want, put(t, s, e, "x"))
	}
	if got := listed(t, s, ListOrder{}); !slices.Equal(got, want) {
		t.Errorf("%d of %d messages, or not in order", len(got), n)
	}
}

func TestAListInOrderOfPriorityKeepsEqualsAsTheyCame(t *testing.T) {
	s := NewSpool(t.TempDir(), swiftDisk{OS{}}, time.Now)
	now := time.Now()
	at := func(i int, body string, to ...string) ID {
		e := envelope(to...)
		e.Received = now.Add(time.Duration(i) * time.Minute)
		return put(t, s, e, body)
	}
	two, bulk := at(0, "x", "a@x.org", "b@x.org"), at(1, "Precedence: bulk\n\nx", "a@x.org")
	first, second := at(2, "x", "a@x.org"), at(3, "x", "a@x.org")
	priority := func(n Name) int64 { return n.Priority(config.DefaultQueue()) }
	// 30000 a recipient, and 60 times 1800 for bulk.
	if got, want := listed(t, s, ListOrder{Key: priority}), []ID{first, second, two, bulk}; !slices.Equal(got, want) {
		t.Errorf("listed as %v, want %v", got, want)
	}
}

func TestAListEndsWhenItsReaderHasHadEnough(t *testing.T) {
	s := NewSpool(t.TempDir(), swiftDisk{OS{}}, time.Now)
	for range 3 * firstBatch {
		put(t, s, envelope("a@x.org"), "x")
	}
	l, err := s.List(ListOrder{})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	l.Each(func(Entry) bool {
		seen++
		return seen < 2
	})
	if seen != 2 {
		t.Errorf("it was told of %d", seen)
	}
}

func TestAMessageThatShowsTwiceIsListedOnceByItsLatestName(t *testing.T) {
	s := NewSpool(t.TempDir(), swiftDisk{OS{}}, time.Now)
	id := put(t, s, envelope("a@x.org"), "x")
	old := only(t, s)
	chatty(t, s, Reply{Code: 450, Text: "later"}).flush()
	later := only(t, s)
	// The one it had before, as a directory read meanwhile may give it.
	if err := os.Link(s.file(later), s.file(old)); err != nil {
		t.Fatal(err)
	}
	l, err := s.List(ListOrder{})
	if err != nil {
		t.Fatal(err)
	}
	l.Each(func(e Entry) bool {
		if e.Name != later {
			t.Errorf("listed as %v", e.Name)
		}
		return true
	})
	if got := listed(t, s, ListOrder{}); !slices.Equal(got, []ID{id}) {
		t.Errorf("listed are %v", got)
	}
}

func TestAListPassesOverWhatIsNoMessageAndShowsWhatCannotBeRead(t *testing.T) {
	s := NewSpool(t.TempDir(), swiftDisk{OS{}}, time.Now)
	good := put(t, s, envelope("a@x.org"), "x")
	name := only(t, s)
	for _, file := range []string{"x", string(good), string(good) + ".s1", "README.txt", ".hidden.file.of.theirs"} {
		if err := os.WriteFile(filepath.Join(s.QueueDir(), file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bad := put(t, s, envelope("b@x.org"), "x")
	var spoilt string
	err := filepath.WalkDir(s.QueueDir(), func(path string, _ fs.DirEntry, err error) error {
		if n, perr := ParseName(filepath.Base(path)); perr == nil && n.ID == bad {
			spoilt = path
		}
		return err
	})
	if err != nil || os.WriteFile(spoilt, []byte("spoilt\n"), 0o600) != nil {
		t.Fatal(err)
	}
	l, err := s.List(ListOrder{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	l.Each(func(e Entry) bool {
		got = append(got, fmt.Sprint(e.Name.ID, e.Trouble != ""))
		return true
	})
	want := []string{fmt.Sprint(name.ID, false), fmt.Sprint(bad, true)}
	if !slices.Equal(got, want) {
		t.Errorf("listed as %v, want %v", got, want)
	}
}

func TestAnEnvelopeLongerThanAPageIsReadWhole(t *testing.T) {
	s := NewSpool(t.TempDir(), swiftDisk{OS{}}, time.Now)
	var to []string
	for i := range 500 {
		to = append(to, fmt.Sprintf("somebody%d@a-host-with-a-name.example", i))
	}
	put(t, s, envelope(to...), "x")
	e, ok := s.Entry(only(t, s))
	if !ok || len(e.Envelope.To) != len(to) || e.Envelope.To[499].Address != to[499] {
		t.Errorf("read: %v, %d recipients", ok, len(e.Envelope.To))
	}
}

func TestPeekTakesRegularFilesOnly(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	var b [8]byte
	if n, err := (OS{}).Peek(file, b[:]); err != nil || string(b[:n]) != "text" {
		t.Errorf("of a file: %q, %v", b[:n], err)
	}
	for _, path := range append(strange(t, dir), link, dir) {
		if _, err := (OS{}).Peek(path, b[:]); err != errNotRegular {
			t.Errorf("of %s: %v", path, err)
		}
	}
}
