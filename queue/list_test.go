package queue

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhyIsTheReasonOfTheHold(t *testing.T) {
	s := testSpool(t)
	id := put(t, s, envelope("a@x.org"), "x")
	refused := record(time.Now(), "work", 0, "a@x.org", OutcomeOf("mx", Reply{450, "4.2.0", "try later"}))
	if _, err := s.appendRecords(only(t, s), []Record{refused}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		do   func() error
		want string
	}{
		{func() error { return s.Hold(t.Context(), id, "spam") }, "spam"},
		{func() error { return s.ReleaseHeld(t.Context(), id) }, "450 4.2.0 try later"},
		{func() error { return s.Hold(t.Context(), id, "read it first") }, "read it first"},
		{func() error { return s.Hold(t.Context(), id, "") }, "450 4.2.0 try later"},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if entry, ok := s.Entry(only(t, s)); !ok || entry.Why() != step.want {
			t.Errorf("why is %q, want %q", entry.Why(), step.want)
		}
	}
}

// On a slow link a large message is on its way for minutes, in which its name
// says nothing yet.
func TestALargeMessageThatIsBeingSentShowsAsSuch(t *testing.T) {
	s := testSpool(t)
	id := put(t, s, envelope("a@x.org"), strings.Repeat("0123456789abcde\n", longOnWay/16))
	states := func() string {
		t.Helper()
		shown, ok := s.Shown(only(t, s))
		read, text, err := s.Read(id)
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		text.Close()
		return shown.State(time.Now()) + ", " + read.State(time.Now())
	}
	if got := states(); got != "queued, queued" {
		t.Error("before:", got)
	}
	m, err := s.claim(only(t, s), false)
	if err != nil {
		t.Fatal(err)
	}
	if got := states(); got != "sending, sending" {
		t.Error("claimed:", got)
	}
	m.Release()
}

// Who looks must not keep the message from being sent.
func TestAListThatLooksHoldsNoMessageUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		put(t, s, envelope("a@x.org"), strings.Repeat("0123456789abcde\n", longOnWay/16))
		f, err := s.disk.Open(s.file(only(t, s)))
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := f.Lock(false); !ok || err != nil {
			t.Fatal(ok, err)
		}
		time.AfterFunc(time.Millisecond, func() { f.Close() })
		m, err := s.claim(only(t, s), false)
		if err != nil {
			t.Fatal(err)
		}
		m.Release()
	})
}

func TestARouteThatCouldNotBeNotedLeavesNothingForEver(t *testing.T) {
	disk := &faultyDisk{Disk: swiftDisk{OS{}}}
	later := time.Now()
	s := NewSpool(t.TempDir(), disk, func() time.Time { return later })
	put(t, s, envelope("a@x.org"), "x")
	disk.fail = func(op, _ string) error {
		if op == "rename" || op == "remove" {
			return errStop
		}
		return nil
	}
	if err := s.NoteRoute("main", nil); err == nil {
		t.Fatal("the process did not stop")
	}
	disk.fail = func(string, string) error { return nil }
	later = later.Add(2 * tmpAge)
	if err := s.Sweep(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{dirTmp, dirRoute} {
		if left, err := os.ReadDir(s.path(dir, "")); err != nil && !errors.Is(err, fs.ErrNotExist) || len(left) > 0 {
			t.Errorf("%s/ holds %v, %v", dir, left, err)
		}
	}
}
