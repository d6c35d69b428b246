//go:build unix

package local

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
)

func uidOf(t *testing.T, path string) (uid uint32, mode fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Uid, info.Mode().Perm()
}

func TestAMaildirIsMadeAndFilledAsItsUser(t *testing.T) {
	w := newWorld(t)
	d := w.deliverer("maildir:~/Maildir")
	if r := d.Deliver(t.Context(), job("alice")); r.Code != 250 || r.Enhanced != "2.0.0" {
		t.Fatalf("the reply is %v", r)
	}
	box := filepath.Join(w.homes, "alice/Maildir")
	want := "Return-Path: <sender@example.com>\nDelivered-To: alice@example.org\nSubject: hello\n\nHi\nFrom here on\n"
	if got := mails(t, filepath.Join(box, "new")); len(got) != 1 || got[0] != want {
		t.Errorf("in new there are %q", got)
	}
	if left := mails(t, filepath.Join(box, "tmp")); len(left) != 0 {
		t.Errorf("in tmp there are %q", left)
	}
	filepath.WalkDir(box, func(path string, e fs.DirEntry, _ error) error {
		uid, mode := uidOf(t, path)
		if want := map[bool]fs.FileMode{true: 0o700, false: 0o600}[e.IsDir()]; uid != w.users["alice"].UID || mode != want {
			t.Errorf("%s is of uid %d, mode %o", path, uid, mode)
		}
		return nil
	})
}

func TestADetailPicksAFolderOnlyWhereThereIsOne(t *testing.T) {
	w := newWorld(t)
	d := w.deliverer("maildir:~/Maildir")
	box := filepath.Join(w.homes, "alice/Maildir")
	for _, c := range []struct{ why, detail, folder string }{
		{"no folder of that name", "shop", "new"},
		{"a folder", "lists", ".lists/new"},
		{"a way out of the Maildir", "/../../bob", "new"},
		{"the parent", ".", "new"},
	} {
		if c.folder != "new" {
			made := filepath.Join(box, ".lists")
			w.must(os.Mkdir(made, 0o700), os.Chown(made, 61001, 61001))
		}
		j := job("alice")
		j.Detail, j.Open = c.detail, opens(c.why)
		if r := d.Deliver(t.Context(), j); r.Code != 250 {
			t.Errorf("%s: %v", c.why, r)
		}
		if got := strings.Join(mails(t, filepath.Join(box, c.folder)), ""); !strings.Contains(got, c.why) {
			t.Errorf("%s: in %s there is %q", c.why, c.folder, got)
		}
	}
}

// What a user puts in the way of a delivery harms nobody: the mail waits or is
// refused, and nothing is written elsewhere.
func TestAHostileHomeLeadsNowhere(t *testing.T) {
	for _, c := range []struct {
		why   string
		lay   func(w *world, alice string)
		reply string
	}{
		{"new is a link to another's directory", func(w *world, alice string) {
			w.must(os.Mkdir(alice+"/Maildir", 0o700), os.Chown(alice+"/Maildir", 61001, 61001),
				os.Symlink(w.homes+"/bob", alice+"/Maildir/new"))
		}, "451"},
		{"the Maildir is a link to another's", func(w *world, alice string) {
			w.must(os.Mkdir(w.homes+"/bob/Maildir", 0o777), os.Chmod(w.homes+"/bob/Maildir", 0o777),
				os.Chown(w.homes+"/bob/Maildir", 61002, 61002), os.Symlink(w.homes+"/bob/Maildir", alice+"/Maildir"))
		}, "451"},
		{"the Maildir is root's directory", func(w *world, alice string) {
			w.must(os.Mkdir(w.homes+"/secret", 0o700), os.Symlink(w.homes+"/secret", alice+"/Maildir"))
		}, "451"},
		{"the Maildir is a pipe", func(w *world, alice string) { w.must(syscall.Mkfifo(alice+"/Maildir", 0o600)) }, "451"},
		{"the home is another's", func(w *world, alice string) { w.must(os.Chown(alice, 61002, 61002), os.Chmod(alice, 0o777)) }, "451 4.3.5"},
		{"there is no home", func(w *world, alice string) { w.must(os.Remove(alice)) }, "451"},
	} {
		w := newWorld(t)
		c.lay(w, filepath.Join(w.homes, "alice"))
		if r := w.deliverer("maildir:~/Maildir").Deliver(t.Context(), job("alice")); !strings.HasPrefix(r.String(), c.reply) {
			t.Errorf("%s: %v", c.why, r)
		}
		filepath.WalkDir(w.homes, func(path string, e fs.DirEntry, _ error) error {
			if e.Type().IsRegular() {
				t.Errorf("%s: %s was written", c.why, path)
			}
			return nil
		})
	}
}

func TestRootsMailIsNotWrittenAsRoot(t *testing.T) {
	w := newWorld(t)
	w.must(os.Mkdir(w.homes+"/root", 0o700))
	for _, mailer := range []string{"maildir:~/Maildir", "mbox:~/mbox", "procmail", "program:/bin/cat"} {
		r := w.deliverer(mailer).Deliver(t.Context(), job("root"))
		if r.Code != 550 || !strings.Contains(r.Text, "root: you") {
			t.Errorf("%s: %v", mailer, r)
		}
	}
}

func TestNothingStaysOfAMessageThatEndsTooSoon(t *testing.T) {
	w := newWorld(t)
	j := job("alice")
	j.Open = func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("a: b\n\nhalf"), iotest.ErrReader(errors.New("a bad block")))), nil
	}
	for _, mailer := range []string{"maildir:~/Maildir", "program:/bin/sh -c 'cat >$HOME/got'"} {
		if r := w.deliverer(mailer).Deliver(t.Context(), j); r.Code != 451 || !strings.Contains(r.Text, "a bad block") {
			t.Errorf("%s: %v", mailer, r)
		}
	}
	for _, dir := range []string{"new", "tmp"} {
		if got := mails(t, filepath.Join(w.homes, "alice/Maildir", dir)); len(got) != 0 {
			t.Errorf("in %s there are %q", dir, got)
		}
	}
}

func TestAnUnknownUserIsRefused(t *testing.T) {
	d := newWorld(t).deliverer("maildir:~/Maildir")
	if r := d.Deliver(t.Context(), job("nobody-here")); r.Code != 550 || r.Enhanced != "5.1.1" {
		t.Errorf("%v", r)
	}
	for _, name := range []string{"../root", "-rf", ".", "a:b"} {
		if r := d.Deliver(t.Context(), job(name)); r.Code != 550 {
			t.Errorf("%q: %v", name, r)
		}
	}
}
