//go:build unix

package textmap

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/logbook"
	"mailcrane/mta/safefile"
)

// trial is a map in a file, with a clock that stands still.
type trial struct {
	*testing.T
	path  string
	now   time.Time
	log   bytes.Buffer
	reads int
	file  *File[*Table]
	err   error // of opening it
}

func begin(t *testing.T, text string) *trial {
	tr := &trial{T: t, path: filepath.Join(t.TempDir(), "map"), now: time.Unix(1e9, 0)}
	if text != "" {
		tr.write(text)
	}
	// Directories of tests are below /tmp.
	tr.file, tr.err = Open(Source[*Table]{
		Path: tr.path, Rules: safefile.Rules{Blame: config.TrustStickyBit},
		Read: func(name string, in io.Reader) (*Table, []string, error) {
			tr.reads++
			return Read("map", in, nil)
		},
		Log: slog.New(slog.NewTextHandler(&tr.log, nil)), Now: func() time.Time { return tr.now },
	})
	return tr
}

// write puts a new file in the place of the old one, as editors do.
func (tr *trial) write(text string) {
	tr.Helper()
	fresh := tr.path + ".new"
	if err := os.WriteFile(fresh, []byte(text), 0o600); err != nil {
		tr.Fatal(err)
	}
	if err := os.Rename(fresh, tr.path); err != nil {
		tr.Fatal(err)
	}
}

// value is that of the key a: "-" for none, or the error.
func (tr *trial) value() string {
	table, err := tr.file.Get()
	if err != nil {
		return err.Error()
	}
	if e, ok := table.Find("a"); ok {
		return e.Value
	}
	return "-"
}

func (tr *trial) want(why, want string) {
	tr.Helper()
	if got := tr.value(); got != want {
		tr.Errorf("%s: %s, want %s", why, got, want)
	}
}

// An unsafe map is what sendmail has as a serious failure.
// Coverage: B60.
func TestAnUnsafeOrBadMapIsToldExactlyFromItsLevel(t *testing.T) {
	for _, c := range []struct {
		reason, text string
		mode         os.FileMode
	}{{"unsafe", "a one\n", 0o666}, {"bad", "a\n", 0o600}} {
		for level := range 4 {
			path := filepath.Join(t.TempDir(), "map")
			if err := errors.Join(os.WriteFile(path, []byte(c.text), 0o600), os.Chmod(path, c.mode)); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			_, err := Open(Source[*Table]{
				Path: path, Rules: safefile.Rules{Blame: config.TrustStickyBit},
				Read: func(name string, in io.Reader) (*Table, []string, error) { return Read(name, in, nil) },
				Log:  slog.New(logbook.Leveled(slog.NewTextHandler(&log, nil), level)),
			})
			if err == nil {
				t.Fatalf("%s: it is used", c.reason)
			}
			if got := strings.Contains(log.String(), path); got != (level >= 1) {
				t.Errorf("%s, at %d, is told: %v\n%s", c.reason, level, got, &log)
			}
		}
	}
}

func TestAChangedMapIsReadAgainAtMostOnceASecond(t *testing.T) {
	tr := begin(t, "a one\n")
	tr.want("at the beginning", "one")
	tr.write("a two\n")
	tr.now = tr.now.Add(900 * time.Millisecond)
	tr.want("within the second", "one")
	tr.now = tr.now.Add(100 * time.Millisecond)
	tr.want("after it", "two")
	for range 5 {
		tr.now = tr.now.Add(time.Second)
		tr.want("unchanged", "two")
	}
	if tr.reads != 2 {
		t.Errorf("it was read %d times", tr.reads)
	}
	tr.write("a three\n")
	if err := tr.file.Reload(); err != nil {
		t.Error(err)
	}
	tr.want("when asked to", "three")
	if err := os.WriteFile(tr.path, []byte("a fourth\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tr.now = tr.now.Add(time.Second)
	tr.want("written in place", "fourth")
}

func TestAMapWithBadLinesLeavesTheOneBeforeInUse(t *testing.T) {
	tr := begin(t, "a one\n")
	tr.log.Reset()
	tr.write("a two\nbad\n")
	for range 5 {
		tr.now = tr.now.Add(time.Second)
		tr.want("with a bad line", "one")
	}
	if n := strings.Count(tr.log.String(), "map:2: no value for bad"); n != 1 {
		t.Errorf("the log says it %d times: %s", n, tr.log.String())
	}
	if !strings.Contains(tr.log.String(), "the map from before is used") || tr.reads != 2 {
		t.Errorf("read %d times: %s", tr.reads, tr.log.String())
	}
	if err := tr.file.Reload(); err == nil || !strings.Contains(err.Error(), "map:2:") {
		t.Errorf("reloading says %v", err)
	}
	tr.write("a three\n")
	tr.now = tr.now.Add(time.Second)
	tr.want("mended", "three")
}

func TestAMapThatWasNeverGoodIsAnErrorUntilItIsMended(t *testing.T) {
	tr := begin(t, "bad\n")
	if tr.err == nil || !strings.Contains(tr.value(), "map:1: no value for bad") {
		t.Errorf("%v; %s", tr.err, tr.value())
	}
	tr.write("a one\n")
	tr.now = tr.now.Add(time.Second)
	tr.want("mended", "one")

	tr = begin(t, "")
	if !errors.Is(tr.err, os.ErrNotExist) {
		t.Errorf("a missing map: %v", tr.err)
	}
	tr.write("a one\n")
	tr.now = tr.now.Add(time.Second)
	tr.want("made", "one")
}

// Coverage: B62, B99.
func TestAMapThatBecomesUnsafeIsNotUsedAnyMore(t *testing.T) {
	tr := begin(t, "a one\n")
	tr.log.Reset()
	for _, mode := range []os.FileMode{0o620, 0o600} {
		if err := os.Chmod(tr.path, mode); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			tr.now = tr.now.Add(time.Second)
			if got := tr.value(); (got == "one") != (mode == 0o600) || got != "one" && !strings.Contains(got, "unsafe map file") {
				t.Errorf("mode %o: %s", mode, got)
			}
		}
	}
	if n := strings.Count(tr.log.String(), "Group writable file"); n != 1 {
		t.Errorf("the log says it %d times: %s", n, tr.log.String())
	}
	if !strings.Contains(tr.log.String(), "chmod g-w") || !strings.Contains(tr.log.String(), "used again") || tr.reads != 1 {
		t.Errorf("read %d times: %s", tr.reads, tr.log.String())
	}
	if err := os.Chmod(filepath.Dir(tr.path), 0o777); err != nil {
		t.Fatal(err)
	}
	tr.now = tr.now.Add(time.Second)
	if got := tr.value(); !strings.Contains(got, "World writable directory") {
		t.Errorf("in a directory that has become unsafe: %s", got)
	}
	if err := os.Remove(tr.path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(tr.path), 0o700); err != nil {
		t.Fatal(err)
	}
	tr.now = tr.now.Add(time.Second)
	if _, err := tr.file.Get(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a map that is gone: %v", err)
	}
}

func TestAMapIsReadWhileOthersUseTheOneBefore(t *testing.T) {
	tr := begin(t, "a one\n")
	reading, go1 := make(chan struct{}), make(chan struct{})
	slow := tr.file.Read
	tr.file.Read = func(name string, in io.Reader) (*Table, []string, error) {
		close(reading)
		<-go1
		return slow(name, in)
	}
	tr.write("a two\n")
	tr.now = tr.now.Add(time.Second)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tr.file.Get() // it is looked at below
	}()
	<-reading
	tr.want("meanwhile", "one")
	close(go1)
	<-done
	tr.want("afterwards", "two")
}
