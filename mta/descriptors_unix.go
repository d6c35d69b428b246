//go:build unix

package mta

import "syscall"

// descriptors are the files that this process may have open, 0 for no bound. Go
// has raised the limit to the most that it may be.
func descriptors() int {
	const many = 1 << 30
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil || uint64(limit.Cur) >= many { //nolint:unconvert // it is signed on FreeBSD
		return 0
	}
	return int(limit.Cur) //nolint:gosec // less than many
}
