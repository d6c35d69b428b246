//go:build unix && !linux

package local

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// lockWhole takes the lock of flock(2), which is one of the open file; to these
// systems it keeps out who locks by fcntl(2) too.
func lockWhole(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("%w by flock", errLocked)
	}
	return err
}

func kernelFile(*os.File) bool { return false }
