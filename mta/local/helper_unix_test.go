//go:build unix

package local

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// TestMain is the helper where it is started as one.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Arg(0) != "helper" {
		os.Exit(m.Run())
	}
	if err := Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
		io.WriteString(os.Stderr, err.Error())
		os.Exit(1)
	}
}

func TestAProcessOfTheUsersWritesWhereNoThreadCan(t *testing.T) {
	w := newWorld(t)
	self := filepath.Join(w.homes, "self")
	b, err := os.ReadFile(os.Args[0])
	w.must(err, os.WriteFile(self, b, 0o755), os.Chmod(self, 0o755))
	spool := filepath.Join(w.homes, "spool")
	w.must(os.Mkdir(spool, 0o775), os.Chown(spool, 0, 8), os.Chmod(spool, 0o2775))
	home := filepath.Join(w.homes, "alice")
	for _, c := range []struct {
		why, mailer, target, file string
	}{
		{"a Maildir", "maildir:~/Maildir", "", home + "/Maildir/new/*"},
		{"an mbox in the spool", "mbox:" + spool + "/$u", "", spool + "/alice"},
		{"a file of a .forward", "maildir:~/Maildir", home + "/box", home + "/box"},
	} {
		d := w.deliverer(c.mailer, func(o *Options) { o.Helper = []string{self, "helper"} })
		d.threads = false
		j := job("alice")
		if j.Target = c.target; c.target != "" {
			j.By = "forward:alice"
		}
		half := j
		half.Open = func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader("a: b\n\n"+strings.Repeat("half\n", 100_000)), iotest.ErrReader(errors.New("a bad block")))), nil
		}
		if r := d.Deliver(t.Context(), half); r.Code != 451 || !strings.Contains(r.Text, "a bad block") {
			t.Errorf("%s, half: %v", c.why, r)
		}
		if r := d.Deliver(t.Context(), j); r.Code != 250 {
			t.Errorf("%s: %v", c.why, r)
			continue
		}
		files, _ := filepath.Glob(c.file)
		if len(files) != 1 {
			t.Errorf("%s: there are %q", c.why, files)
			continue
		}
		if uid, _ := uidOf(t, files[0]); uid != 61001 || !strings.Contains(contents(t, files[0]), "\nHi\n") || strings.Contains(contents(t, files[0]), "half") {
			t.Errorf("%s: uid %d: %q", c.why, uid, contents(t, files[0]))
		}
		d.Helper = nil
		if r := d.Deliver(t.Context(), j); r.Code != 451 || r.Enhanced != "4.3.5" {
			t.Errorf("%s, without a helper: %v", c.why, r)
		}
	}
}
