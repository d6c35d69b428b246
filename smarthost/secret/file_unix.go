//go:build unix

package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"mailcrane/internal/sysexits"
)

var errSymlink error = syscall.ELOOP

// openNoFollow opens path itself. O_NONBLOCK, because to open a named pipe
// would wait for its writer.
func openNoFollow(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	// FreeBSD and NetBSD have words of their own for a symbolic link.
	if errors.Is(err, syscall.EMLINK) {
		err = errSymlink
	}
	return f, err
}

// private refuses a password file that another user wrote, or could read. uid is of
// who asks: root may use the file of the service that it looks after.
func private(path string, info fs.FileInfo, uid int) error {
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && int(st.Uid) != uid && uid != 0 {
		return sysexits.Errorf(sysexits.NoPerm, fmt.Sprintf("make it yours with: sudo chown %d %s", uid, quote(path)),
			"the password file %s belongs to another user (uid %d)", path, st.Uid)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return sysexits.Errorf(sysexits.NoPerm, "type: chmod 600 "+quote(path),
			"the password file %s can be read or changed by other users (mode %04o)", path, mode)
	}
	return nil
}

// inherit gives the new file f the owner of the old one, or of the directory:
// root logs in for a service that runs as another user, and must read it.
func inherit(f *os.File, old fs.FileInfo) error {
	if os.Geteuid() != 0 {
		return nil
	}
	if old == nil {
		var err error
		if old, err = os.Stat(filepath.Dir(f.Name())); err != nil {
			return err
		}
	}
	if st, ok := old.Sys().(*syscall.Stat_t); ok && st.Uid != 0 {
		return f.Chown(int(st.Uid), int(st.Gid))
	}
	return nil
}

// syncDir makes a rename in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
