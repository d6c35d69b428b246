//go:build unix

package queue

import (
	"errors"
	"os"
	"syscall"
)

// openNoFollow refuses a symbolic link, and does not wait for the other end
// of a FIFO.
const openNoFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

func openFile(path string, flags int) (*os.File, error) {
	return os.OpenFile(path, flags|openNoFollow, 0o600)
}

// lockFile uses flock(2): the lock belongs to the open file, survives its
// renaming, and ends with the process however that ends. The file keeps its
// name meanwhile, so no lock file is left behind.
func lockFile(f *os.File, wait bool) (bool, error) {
	how := syscall.LOCK_EX
	if !wait {
		how |= syscall.LOCK_NB
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	var lockErr error
	err = raw.Control(func(fd uintptr) {
		for {
			if lockErr = syscall.Flock(int(fd), how); !errors.Is(lockErr, syscall.EINTR) {
				return
			}
		}
	})
	if err != nil {
		return false, err
	}
	if errors.Is(lockErr, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return lockErr == nil, lockErr
}

func diskFullErrors() []error { return []error{syscall.ENOSPC, syscall.EDQUOT} }

// syncDir is three calls of the system, where package os makes nine: every
// message that is taken in needs one.
func syncDir(path string) error {
	fd, err := uninterrupted(func() (int, error) {
		return syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_DIRECTORY, 0)
	})
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer syscall.Close(fd) //nolint:errcheck // nothing was written through it
	if _, err := uninterrupted(func() (int, error) { return 0, syscall.Fsync(fd) }); err != nil {
		return &os.PathError{Op: "sync", Path: path, Err: err}
	}
	return nil
}

// peek needs three calls of the system, where package os needs seven: a list
// of the queue opens every message. What is no regular file shows by the read,
// which a directory and a FIFO refuse, or by the open, as a link and a socket.
func peek(path string, b []byte) (int, error) {
	fd, err := uninterrupted(func() (int, error) {
		return syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|openNoFollow, 0)
	})
	switch {
	case errors.Is(err, syscall.ELOOP), errors.Is(err, syscall.EMLINK), errors.Is(err, syscall.ENXIO):
		return 0, errNotRegular
	case err != nil:
		return 0, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer syscall.Close(fd) //nolint:errcheck // it was only read
	n, err := uninterrupted(func() (int, error) { return syscall.Pread(fd, b, 0) })
	switch {
	case errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ESPIPE):
		return 0, errNotRegular
	case err != nil:
		return 0, &os.PathError{Op: "read", Path: path, Err: err}
	}
	return n, nil
}

// rename and unlink are one call of the system. Package os makes two or three of
// each, to tell directories from files, and a message that is sent takes four.
func rename(from, to string) error {
	_, err := uninterrupted(func() (int, error) { return 0, syscall.Rename(from, to) })
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

func unlink(path string) error {
	_, err := uninterrupted(func() (int, error) { return 0, syscall.Unlink(path) })
	if err != nil {
		return &os.PathError{Op: "remove", Path: path, Err: err}
	}
	return nil
}

// uninterrupted repeats a call of the system that a signal has broken off.
func uninterrupted(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}
