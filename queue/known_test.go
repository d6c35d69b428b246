package queue

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWhatIsKnownOfServersIsKeptAndGoesWhenNobodyWritesToIt(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	s := NewSpool(dir, OS{}, func() time.Time { return now })
	if err := s.Prepare(); err != nil {
		t.Fatal(err)
	}
	if text, err := s.Known("work.abc"); text != "" || err != nil {
		t.Errorf("at first: %q, %v", text, err)
	}
	for _, text := range []string{"one\n", "two\n"} {
		if err := s.KeepKnown("work.abc", text); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Known("work.abc"); got != text || err != nil {
			t.Errorf("%q, %v; want %q", got, err, text)
		}
	}
	path := filepath.Join(dir, dirKnown, "work.abc")
	for _, c := range []struct {
		age  time.Duration
		kept bool
	}{
		{knownAge - time.Hour, true},
		{knownAge + time.Hour, false},
	} {
		if err := os.Chtimes(path, now, now.Add(-c.age)); err != nil {
			t.Fatal(err)
		}
		if err := s.Sweep(); err != nil {
			t.Fatal(err)
		}
		if text, err := s.Known("work.abc"); (text != "") != c.kept || err != nil {
			t.Errorf("after %v: %q, %v", c.age, text, err)
		}
	}
}

func TestWhatIsKnownIsReadWithinBoundsAndFromAFileOnly(t *testing.T) {
	dir := t.TempDir()
	s := NewSpool(dir, OS{}, time.Now)
	if err := s.Prepare(); err != nil {
		t.Fatal(err)
	}
	if err := s.KeepKnown("../queue/x", strings.Repeat("x", MaxKnown+1)); err != nil {
		t.Fatal(err)
	}
	if text, err := s.Known("../queue/x"); len(text) != MaxKnown || err != nil {
		t.Errorf("%d octets, %v", len(text), err)
	}
	if names, err := os.ReadDir(filepath.Join(dir, dirQueue)); len(names) > 0 || err != nil {
		t.Errorf("it left its directory: %v, %v", names, err)
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, dirKnown, "link")); err != nil {
		t.Skip("no symbolic links here")
	}
	if text, err := s.Known("link"); err == nil {
		t.Errorf("a link was followed: %q", text)
	}
}
