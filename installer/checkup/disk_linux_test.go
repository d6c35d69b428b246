package checkup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mailcrane/internal/lab"
)

// The disks here are real ones, in a mount namespace that ends with the test.
func TestADiskInMemoryIsToldOf(t *testing.T) {
	if !lab.OwnMounts(t) {
		return
	}
	w := newWorld(t)
	w.queued(10)
	w.made(unix.Mount("none", w.spoolDir(), "tmpfs", 0, "size=1g,mode=700"))
	defer unix.Unmount(w.spoolDir(), 0)
	if f := w.only(w.look()); f.ID != "disk-memory" || f.State != Warning || !strings.Contains(f.Mend, "[queue] directory") {
		t.Errorf("found %+v", f)
	}
}

// Coverage: doctor.
func TestAFullDiskIsFoundUntilThereIsRoom(t *testing.T) {
	if !lab.OwnMounts(t) {
		return
	}
	disk := lab.NewPowerDisk(t, 300<<20)
	w := newWorld(t)
	w.configure("smtps://"+host, "[queue]\ndirectory = \""+disk.Dir+"/spool\"\n")
	w.made(os.Mkdir(filepath.Join(disk.Dir, "spool"), 0o700))
	filler := filepath.Join(disk.Dir, "filler")
	f, err := os.Create(filler)
	w.made(err)
	for block := make([]byte, 1<<20); err == nil; {
		_, err = f.Write(block)
	}
	f.Close()
	if f := w.only(w.look()); f.ID != "disk-full" || f.Command != "df -h "+filepath.Join(disk.Dir, "spool") || f.Code == 0 {
		t.Errorf("found %+v", f)
	}
	w.made(os.Remove(filler))
	if bad := worst(w.look()); len(bad) > 0 {
		t.Errorf("with room: %+v", bad)
	}
}

// Coverage: doctor.
func TestAReadOnlyDiskIsFoundAndMended(t *testing.T) {
	if !lab.OwnMounts(t) {
		return
	}
	disk := lab.NewPowerDisk(t, 300<<20)
	w := newWorld(t)
	w.configure("smtps://"+host, "[queue]\ndirectory = \""+disk.Dir+"/spool\"\n")
	w.made(os.Mkdir(filepath.Join(disk.Dir, "spool"), 0o700))
	w.made(unix.Mount("", disk.Dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	f := w.only(w.look())
	if f.ID != "disk-read-only" || !strings.Contains(f.Command, "mount -o remount,rw") {
		t.Errorf("found %+v", f)
	}
	w.typed(f.Command, "")
	if bad := worst(w.look()); len(bad) > 0 {
		t.Errorf("after the mend: %+v", bad)
	}
}
