package lab

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// A PowerDisk is a real ext4 on a loop device whose power can be cut.
type PowerDisk struct {
	// Dir is where it is mounted.
	Dir   string
	t     testing.TB
	image string

	mu   sync.Mutex
	root *os.File // nil while the power is off
}

// The shutdown of ext4, from the kernel's fs/ext4/ext4.h: from then on
// every operation fails, and without a flush of the log what was not synced is
// gone.
const (
	ext4Shutdown  = 0x8004587d // _IOR('X', 125, __u32)
	ext4NoLogSync = 2          // EXT4_GOING_FLAGS_NOLOGFLUSH
)

// ext4Options: the journal must not be committed but by an fsync.
const ext4Options = "commit=300"

// NewPowerDisk makes a disk of that many octets. It needs a mount namespace of
// the test's own (OwnMounts).
func NewPowerDisk(t testing.TB, octets int64) *PowerDisk {
	t.Helper()
	mkfs, err := exec.LookPath("mkfs.ext4")
	if err != nil {
		Missing(t, "mkfs.ext4", "internal/lab/lab.sh install disks")
	}
	top := t.TempDir()
	d := &PowerDisk{t: t, Dir: filepath.Join(top, "disk"), image: filepath.Join(top, "image")}
	err = errors.Join(os.WriteFile(d.image, nil, 0o600), os.Truncate(d.image, octets), os.Mkdir(d.Dir, 0o700))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(mkfs, "-q", "-F", "-m", "0", d.image).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v: %s", err, out)
	}
	d.Mount()
	t.Cleanup(func() {
		d.root.Close()
		if err := unix.Unmount(d.Dir, 0); err != nil {
			t.Errorf("umount: %v", err)
		}
	})
	return d
}

// attach finds a free loop device. It frees itself when its last user is gone,
// and with it goes what the kernel has cached of it: a power cut forgets that
// too.
func (d *PowerDisk) attach() (device *os.File) {
	d.t.Helper()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		Missing(d.t, "loop devices", "modprobe loop")
	}
	defer control.Close()
	image, err := os.OpenFile(d.image, os.O_RDWR, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	defer image.Close()
	for {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			Missing(d.t, "loop devices", "modprobe loop")
		}
		if device, err = os.OpenFile("/dev/loop"+strconv.Itoa(n), os.O_RDWR, 0); err != nil {
			Missing(d.t, "loop devices", "modprobe loop")
		}
		config := unix.LoopConfig{Fd: uint32(image.Fd())}
		config.Info.Flags = unix.LO_FLAGS_AUTOCLEAR
		err = unix.IoctlLoopConfigure(int(device.Fd()), &config)
		if err == nil {
			return device
		}
		device.Close()
		if !errors.Is(err, unix.EBUSY) { // else another took it first
			d.t.Fatalf("cannot set up a loop device: %v", err)
		}
	}
}

// Mount gives the disk its power back: the journal is replayed.
func (d *PowerDisk) Mount() {
	d.t.Helper()
	device := d.attach()
	defer device.Close()
	if err := unix.Mount(device.Name(), d.Dir, "ext4", 0, ext4Options); err != nil {
		d.t.Fatalf("cannot mount the disk: %v", err)
	}
	root, err := os.Open(d.Dir)
	if err != nil {
		d.t.Fatal(err)
	}
	d.mu.Lock()
	d.root = root
	d.mu.Unlock()
}

// Cut cuts the power: what was not synced is gone, and whatever is asked of
// the disk fails. It may be called from any goroutine, and twice.
func (d *PowerDisk) Cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.root == nil {
		return
	}
	if err := unix.IoctlSetPointerInt(int(d.root.Fd()), ext4Shutdown, ext4NoLogSync); err != nil {
		d.t.Errorf("cannot shut the disk down: %v", err)
	}
	d.root.Close()
	d.root = nil
}

// Unmount ends what Cut began. No file of the disk may be open any more.
func (d *PowerDisk) Unmount() {
	d.t.Helper()
	if err := unix.Unmount(d.Dir, 0); err != nil {
		d.t.Fatalf("cannot unmount the disk: %v", err)
	}
}
