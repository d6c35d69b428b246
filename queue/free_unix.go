//go:build linux || darwin || freebsd

package queue

import "syscall"

// freeOctets is what a user may still write to the file system that holds the
// directory.
func freeOctets(dir string) (int64, error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return 0, err
	}
	return int64(fs.Bavail) * int64(fs.Bsize), nil //nolint:unconvert // their types differ between systems
}
