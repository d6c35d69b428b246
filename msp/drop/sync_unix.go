//go:build unix && !linux

package drop

import (
	"os"
	"syscall"
)

const noFollow = syscall.O_NOFOLLOW

// syncName makes the name of an open file durable. The directory cannot be
// opened by who may write there only. The file systems of these systems write
// the name of a file with it (FFS), or have one log for both (APFS, ZFS).
func syncName(file *os.File) error { return file.Sync() }
