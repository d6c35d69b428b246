//go:build unix

package local

import (
	"os"

	"golang.org/x/sys/unix"
)

// rulesUser is who a file of rules runs as: its owner, and DefaultUser in place of
// root.
func (d *Deliverer) rulesUser(path string) (Account, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return Account{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	a := d.defaultUser
	if st.Uid != 0 {
		a = owner(st.Uid, st.Gid)
	}
	if !d.root {
		a = d.self(a)
	}
	return a, nil
}
