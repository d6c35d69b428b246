package local

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// canBecome: rights are a thread's own to the kernel (setresuid(2), NOTES).
const canBecome = true

// become gives this thread the rights of a user and takes all of root's. The real
// and the saved user stay root's, so that the user can send the thread no signal,
// which would end the whole process (kill(2)), and trace it no more (ptrace(2)). The
// capabilities go, so that quotas and reserved blocks hold, and nothing leads back
// but a call that no code here makes.
func become(uid, gid uint32, groups []uint32) error {
	if _, _, no := unix.RawSyscall(setGroups, uintptr(len(groups)), uintptr(unsafe.Pointer(unsafe.SliceData(groups))), 0); no != 0 {
		return no
	}
	if _, _, no := unix.RawSyscall(setResGID, uintptr(gid), uintptr(gid), uintptr(gid)); no != 0 {
		return no
	}
	if _, _, no := unix.RawSyscall(setResUID, 0, uintptr(uid), 0); no != 0 {
		return no
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&head, &none[0]); err != nil {
		return err
	}
	if euid, _, _ := unix.RawSyscall(getEUID, 0, 0, 0); euid != uintptr(uid) {
		return unix.EPERM
	}
	return nil
}
