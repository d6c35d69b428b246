//go:build !linux

package aliases

import (
	"fmt"
	"io/fs"
	"os"

	"mailcrane/mta/safefile"
)

// asUser opens with the rights of this process. As root it keeps what the user
// could not read: rights belong to the whole process here, and cannot be changed
// for one file.
func asUser(uid uint32, open func() (*safefile.File, error)) (*safefile.File, error) {
	f, err := open()
	if err != nil || uid == 0 || os.Geteuid() != 0 {
		return f, err
	}
	info, err := f.Stat()
	if err == nil {
		readable := fs.FileMode(0o004)
		if f.Owner == uid {
			readable = 0o400
		}
		if info.Mode()&readable == 0 {
			err = fmt.Errorf("opening %s as uid %d: %w", f.Name(), uid, fs.ErrPermission)
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
