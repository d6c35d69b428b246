package local

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mailcrane/internal/lab"
)

// A disk that fills up in the middle of a message defers it, and what was there
// before is there after, and nothing else.
func TestAFullDiskDefersAndKeepsNothingOfTheMessage(t *testing.T) {
	if !lab.OwnMounts(t) {
		return
	}
	w := newWorld(t)
	home := filepath.Join(w.homes, "alice")
	w.must(unix.Mount("tmpfs", home, "tmpfs", 0, "size=256k,mode=0755,uid=61001,gid=61001"))
	t.Cleanup(func() { unix.Unmount(home, unix.MNT_DETACH) })
	large := job("alice")
	large.Open = func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("a: b\n\n"), strings.NewReader(strings.Repeat("a line of it\n", 100_000)))), nil
	}
	for _, mailer := range []string{"maildir:~/Maildir", "mbox:~/mbox"} {
		d := w.deliverer(mailer)
		if r := d.Deliver(t.Context(), job("alice")); r.Code != 250 {
			t.Fatal(r)
		}
		if r := d.Deliver(t.Context(), large); r.Code != 452 || r.Enhanced != "4.3.1" {
			t.Errorf("%s: %v", mailer, r)
		}
		if r := d.Deliver(t.Context(), job("alice")); r.Code != 250 {
			t.Errorf("%s: once there is room again: %v", mailer, r)
		}
	}
	if got := contents(t, home+"/mbox"); got != appended+appended {
		t.Errorf("the mbox holds %d octets: %.300q", len(got), got)
	}
	if tmp := mails(t, home+"/Maildir/tmp"); len(tmp) != 0 || len(mails(t, home+"/Maildir/new")) != 2 {
		t.Errorf("in tmp there are %d messages, in new %d", len(tmp), len(mails(t, home+"/Maildir/new")))
	}
	target := to(home+"/box", "forward:alice")
	target.Open = large.Open
	if r := w.deliverer("maildir:~/Maildir").Deliver(t.Context(), target); r.Code != 452 {
		t.Errorf("a file: %v", r)
	}
	if info, err := os.Stat(home + "/box"); err != nil || info.Size() != 0 {
		t.Errorf("of the file there is left: %v, %v", info, err)
	}
}
