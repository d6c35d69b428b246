//go:build unix

package listen

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// narrow gives the socket its mode before it has a name: on Linux that is the
// mode of the file that bind makes, less the umask. Other systems refuse, and
// the mode is set just after.
func narrow(mode fs.FileMode) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), uint32(mode.Perm())) })
	}
}

func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// writers says who besides us and root can write to a directory, or "".
func writers(info fs.FileInfo) string {
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok || owner.Uid != 0 && int(owner.Uid) != os.Geteuid():
		return "belongs to another user"
	case info.Mode().Perm()&0o022 != 0:
		return "can be written to by others"
	}
	return ""
}
