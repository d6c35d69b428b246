//go:build linux && (386 || arm)

package local

import "golang.org/x/sys/unix"

// The calls that know users of 32 bits.
const (
	setGroups = unix.SYS_SETGROUPS32
	setResGID = unix.SYS_SETRESGID32
	setResUID = unix.SYS_SETRESUID32
	getEUID   = unix.SYS_GETEUID32
)
