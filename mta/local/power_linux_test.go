package local

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/lab"
)

// What was answered with 250 is in the mailbox after a power cut, whole; what was
// not is not there as if it were.
func TestWhatIsDeliveredSurvivesAPowerCut(t *testing.T) {
	if !lab.OwnMounts(t) {
		return
	}
	w := newWorld(t)
	disk := lab.NewPowerDisk(t, 16<<20)
	for path := disk.Dir; path != os.TempDir() && path != "/"; path = filepath.Dir(path) {
		w.must(os.Chmod(path, 0o755))
	}
	home := disk.Dir + "/alice"
	w.must(os.Mkdir(home, 0o755), os.Chown(home, 61001, 61001))
	a := w.users["alice"]
	a.Home = home
	w.users["alice"] = a
	syncDirectory(disk.Dir)
	for _, mailer := range []string{"maildir:~/Maildir", "mbox:~/mbox"} {
		if r := w.deliverer(mailer).Deliver(t.Context(), job("alice")); r.Code != 250 {
			t.Fatal(r)
		}
	}
	disk.Cut()
	if r := w.deliverer("maildir:~/Maildir").Deliver(t.Context(), job("alice")); r.Code/100 != 4 {
		t.Errorf("without power: %v", r)
	}
	disk.Unmount()
	disk.Mount()
	if got := mails(t, home+"/Maildir/new"); len(got) != 1 || !strings.HasSuffix(got[0], "\nHi\nFrom here on\n") {
		t.Errorf("in new there are %q", got)
	}
	if got := contents(t, home+"/mbox"); got != appended {
		t.Errorf("the mbox holds %q", got)
	}
}
