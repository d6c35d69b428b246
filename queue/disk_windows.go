package queue

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/windows"
)

// openNoFollow has no counterpart here: os.OpenFile does not follow what only
// an administrator may create.
const openNoFollow = 0

// lockFile locks one octet far behind the end: LockFileEx is mandatory, and a
// lock on the message itself would keep others from reading it.
func lockFile(f *os.File, wait bool) (bool, error) {
	how := uint32(windows.LOCKFILE_EXCLUSIVE_LOCK)
	if !wait {
		how |= windows.LOCKFILE_FAIL_IMMEDIATELY
	}
	at := &windows.Overlapped{OffsetHigh: 0x7fffffff}
	err := windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}

func diskFullErrors() []error { return []error{windows.ERROR_DISK_FULL} }

// syncDir does nothing: a directory cannot be flushed here, and NTFS writes a
// rename to its journal before it returns.
func syncDir(string) error { return nil }

func rename(from, to string) error { return os.Rename(from, to) }

func unlink(path string) error { return os.Remove(path) }

func peek(path string, b []byte) (int, error) {
	f, err := OS{}.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, err := f.ReadAt(b, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}
