//go:build unix && !linux && !darwin && !freebsd

package safefile

import "golang.org/x/sys/unix"

// searchOnly is to list a directory, since this system cannot open one to walk
// through it only.
const searchOnly = unix.O_RDONLY
