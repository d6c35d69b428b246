package queue

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/windows"
)

// openFile opens a file that may get another name, or be removed, while it is
// open, as a message is whenever its state changes: os.OpenFile does not share
// that. What is a link is opened itself.
func openFile(path string, flags int) (*os.File, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	access, how := uint32(windows.GENERIC_READ), uint32(windows.OPEN_EXISTING)
	switch {
	case flags&os.O_APPEND != 0:
		// All that GENERIC_WRITE is, without writing elsewhere than at the end.
		access |= windows.FILE_GENERIC_WRITE &^ windows.FILE_WRITE_DATA
		how = windows.OPEN_ALWAYS
	case flags&os.O_CREATE != 0:
		access |= windows.GENERIC_WRITE
		how = windows.CREATE_NEW
	}
	const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	handle, err := windows.CreateFile(name, access, share, nil, how, windows.FILE_ATTRIBUTE_NORMAL|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}

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
