//go:build linux && !386 && !arm

package local

import "golang.org/x/sys/unix"

// The calls that know users of 32 bits.
const (
	setGroups = unix.SYS_SETGROUPS
	setResGID = unix.SYS_SETRESGID
	setResUID = unix.SYS_SETRESUID
	getEUID   = unix.SYS_GETEUID
)
