package lab

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// As runs f with the rights of another user, and no more, in this process: in a
// thread of its own, which ends with it. Rights are a thread's own to the kernel
// (setresuid(2), NOTES); what f starts elsewhere has not got them.
func As(t testing.TB, uid int, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		Missing(t, "to be root, who may be several users", "sudo go test ./...")
	}
	done := make(chan error, 1)
	go func() {
		defer close(done)      // also where f ends the test
		runtime.LockOSThread() // and never unlocked: the thread must not come back
		if err := become(uid); err != nil {
			done <- err
			return
		}
		f()
	}()
	if err := <-done; err != nil {
		t.Errorf("cannot become uid %d: %v", uid, err)
	}
}

func become(uid int) error {
	id := uintptr(uid)
	if _, _, no := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); no != 0 {
		return no
	}
	if _, _, no := unix.RawSyscall(unix.SYS_SETRESGID, id, id, id); no != 0 {
		return no
	}
	if _, _, no := unix.RawSyscall(unix.SYS_SETRESUID, id, id, id); no != 0 {
		return no
	}
	return nil
}
