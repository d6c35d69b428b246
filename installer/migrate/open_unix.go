//go:build unix

package migrate

import (
	"io/fs"
	"syscall"
)

// nonblock: to open a named pipe would wait for its other end.
const nonblock = syscall.O_NONBLOCK

// links is how many names the file has.
func links(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Nlink)
	}
	return 1
}
