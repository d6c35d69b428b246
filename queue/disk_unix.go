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

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
