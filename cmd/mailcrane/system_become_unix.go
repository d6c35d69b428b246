//go:build unix

package main

import (
	"os"
	"syscall"

	"mailcrane/internal/sysexits"
)

// ownerOf is whose a directory is; ok is false where there is none.
func ownerOf(dir string) (uid, gid int, ok bool) {
	var st syscall.Stat_t
	if syscall.Stat(dir, &st) != nil {
		return 0, 0, false
	}
	return int(st.Uid), int(st.Gid), true
}

// become gives the rights of root up for those of another user, for good.
func become(uid, gid int) error {
	err := syscall.Setgroups(nil)
	if err == nil {
		err = syscall.Setgid(gid)
	}
	if err == nil {
		err = syscall.Setuid(uid)
	}
	if err != nil {
		return sysexits.Errorf(sysexits.OSErr, "", "cannot become uid %d, whose the queue of this machine is: %w", uid, err)
	}
	return os.Chdir("/")
}
