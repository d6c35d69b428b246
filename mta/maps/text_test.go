package maps

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/mta/safefile"
)

// write writes a file for a test.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// options are those of a test, whose clock goes on by ten seconds whenever it is
// asked.
func options() Options {
	now := time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC)
	return Options{Kind: safefile.Map, Rules: safefile.Rules{Blame: config.TrustStickyBit}, Now: func() time.Time { now = now.Add(10 * time.Second); return now }}
}

func TestATextMapIsReadAgainAndABadEditIsNotUsed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mailertable")
	write(t, path, "# where mail goes\nExample.org\tesmtp:[hub.example]\n")
	m, err := Open(path, options())
	if err != nil {
		t.Fatal(err)
	}
	find := func(key, want, at string) {
		t.Helper()
		value, where, ok, err := m.Find(t.Context(), key)
		if err != nil || value != want || where != at || ok != (want != "") {
			t.Errorf("%s is %q at %q, %v, %v; want %q at %q", key, value, where, ok, err, want, at)
		}
	}
	find("example.org", "esmtp:[hub.example]", path+":2")
	find("example.com", "", "")
	write(t, path, "example.com\tlocal:\n")
	find("example.com", "local:", path+":1")
	write(t, path, "example.com\n")
	find("example.com", "local:", path+":1")
	if err := m.(interface{ Reload() error }).Reload(); err == nil {
		t.Error("the line without a value is not named")
	}
}

func TestAFileThatIsNotThereIsATemporaryError(t *testing.T) {
	m, err := Open(filepath.Join(t.TempDir(), "none"), options())
	if err == nil {
		t.Error("opening says nothing of it")
	}
	if _, _, ok, err := m.Find(t.Context(), "a"); ok || err == nil {
		t.Errorf("it has an answer: %v, %v", ok, err)
	}
}

// Coverage: B57.
func TestAMapWithTheFlagDIsNotAskedInDeliveryModeD(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access")
	write(t, path, "example.org\tOK\n")
	for _, c := range []struct {
		setting  string
		deferred bool
		later    bool
	}{
		{path, false, false},
		{path, true, false},
		{"-D " + path, false, false},
		{"-D\t" + path, true, true},
	} {
		o := options()
		o.Deferred = c.deferred
		m, err := Open(c.setting, o)
		if err != nil {
			t.Fatal(err)
		}
		value, _, _, err := m.Find(t.Context(), "example.org")
		if errors.Is(err, ErrLater) != c.later || value == "OK" == c.later {
			t.Errorf("%q, deferred %v: %q, %v", c.setting, c.deferred, value, err)
		}
	}
}

// writable lets everybody change a file.
func writable(t *testing.T, path string) {
	t.Helper()
	if err := os.Chmod(path, 0o666); err != nil { //nolint:gosec // that is what it is about
		t.Fatal(err)
	}
}
