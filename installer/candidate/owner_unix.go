//go:build unix

package candidate

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives f the owner and the mode of the file that it is to replace.
func keepOwner(f *os.File, info fs.FileInfo) error {
	if st, ok := info.Sys().(*syscall.Stat_t); ok && (int(st.Uid) != os.Geteuid() || int(st.Gid) != os.Getegid()) {
		if err := f.Chown(int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	return f.Chmod(info.Mode().Perm())
}
