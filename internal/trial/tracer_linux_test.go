package trial

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A tracer runs a program and stops it by SIGKILL before the nth step: a system
// call that changes something in the spool or sends something. strace can do
// that to a program with one thread; it counts for each thread and for each
// call alone, and in a Go program a step falls to any thread.
type tracer struct {
	// spool is where a path must be to count.
	spool string
	// kill is the step that does not happen; 0 for none.
	kill int
	// started, if not nil, is called when the program runs.
	started func(pid int)

	steps []string
	known map[int]bool // threads
}

// A traced is how the program ended.
type traced struct {
	steps  []string // those that began, the one that was killed included
	code   int      // exit code, -1 where it was killed
	killed bool
}

// run runs cmd to its end, and to the end of all that it starts and that stays
// in its process group. Its streams must be files or nil.
func (c *tracer) run(cmd *exec.Cmd) (traced, error) {
	type answer struct {
		traced
		err error
	}
	result := make(chan answer)
	go func() {
		// ptrace(2) belongs to a thread. This one ends with the goroutine.
		runtime.LockOSThread()
		t, err := c.onThread(cmd)
		result <- answer{t, err}
	}()
	a := <-result
	return a.traced, a.err
}

func (c *tracer) onThread(cmd *exec.Cmd) (traced, error) {
	c.known = make(map[int]bool)
	// In a group of its own, so that no other child of this thread is waited for.
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return traced{}, fmt.Errorf("cannot trace: %w", err)
	}
	pid := cmd.Process.Pid
	var status unix.WaitStatus
	if _, err := wait(-pid, &status); err != nil {
		return traced{}, err
	}
	const options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK |
		unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_EXITKILL
	if err := unix.PtraceSetOptions(pid, options); err != nil {
		return traced{}, err
	}
	c.known[pid] = true
	if err := unix.PtraceSyscall(pid, 0); err != nil {
		return traced{}, err
	}
	if c.started != nil {
		c.started(pid)
	}
	t := traced{code: -1}
	for {
		tid, err := wait(-pid, &status)
		if errors.Is(err, unix.ECHILD) {
			t.steps = c.steps
			return t, nil
		}
		if err != nil {
			return t, err
		}
		switch {
		case status.Exited() && tid == pid:
			t.code = status.ExitStatus()
		case status.Signaled() && tid == pid:
			t.killed = status.Signal() == unix.SIGKILL
		case status.Stopped():
			// A thread that is gone meanwhile is no fault.
			unix.PtraceSyscall(tid, c.stopped(tid, status))
		}
	}
}

// wait waits for a process group.
func wait(group int, status *unix.WaitStatus) (int, error) {
	for {
		tid, err := unix.Wait4(group, status, unix.WALL|unix.WNOTHREAD, nil)
		if !errors.Is(err, unix.EINTR) {
			return tid, err
		}
	}
}

// stopped deals with a thread that has stopped, and returns the signal that it
// is to get.
func (c *tracer) stopped(tid int, status unix.WaitStatus) int {
	signal := status.StopSignal()
	first := !c.known[tid]
	c.known[tid] = true
	switch {
	case signal == unix.SIGTRAP|0x80:
		if step := c.step(tid); step != "" {
			c.steps = append(c.steps, step)
			if len(c.steps) == c.kill {
				// The call is not carried out: the kernel looks for a deadly
				// signal once more when the tracer lets the thread go on.
				unix.Kill(tid, unix.SIGKILL)
			}
		}
		return 0
	case signal == unix.SIGTRAP, signal == unix.SIGSTOP && first:
		return 0
	}
	return int(signal)
}

// callInfo is the head of struct ptrace_syscall_info (ptrace(2)).
type callInfo struct {
	op   byte
	_    [23]byte
	call uint64
	args [6]uint64
}

// step is the system call that the thread is about to make, in words, or "" if
// it is none that counts, or over.
func (c *tracer) step(tid int) string {
	var info callInfo
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_GET_SYSCALL_INFO, uintptr(tid),
		unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno != 0 || info.op != unix.PTRACE_SYSCALL_INFO_ENTRY {
		return ""
	}
	switch info.call {
	case unix.SYS_OPENAT:
		if info.args[2]&unix.O_CREAT == 0 {
			return ""
		}
		return c.path("create", tid, info.args[1])
	case unix.SYS_MKDIRAT:
		return c.path("mkdir", tid, info.args[1])
	case unix.SYS_UNLINKAT:
		return c.path("unlink", tid, info.args[1])
	case unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2:
		if to := c.path("rename to", tid, info.args[3]); to != "" {
			return c.path("rename", tid, info.args[1]) + ", " + to
		}
	case unix.SYS_WRITE, unix.SYS_PWRITE64, unix.SYS_WRITEV, unix.SYS_SENDTO:
		return c.descriptor("write", tid, info.args[0])
	case unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_SYNCFS:
		return c.descriptor("sync", tid, info.args[0])
	case unix.SYS_CONNECT:
		return c.descriptor("connect", tid, info.args[0])
	case unix.SYS_EXIT_GROUP:
		return "exit"
	}
	return ""
}

func (c *tracer) path(verb string, tid int, address uint64) string {
	var text []byte
	for buffer := make([]byte, 64); len(text) < 4096; {
		n, err := unix.PtracePeekData(tid, uintptr(address)+uintptr(len(text)), buffer)
		if err != nil || n == 0 {
			break
		}
		if end := strings.IndexByte(string(buffer[:n]), 0); end >= 0 {
			text = append(text, buffer[:end]...)
			break
		}
		text = append(text, buffer[:n]...)
	}
	return c.within(verb, string(text))
}

func (c *tracer) within(verb, path string) string {
	if rest, ok := strings.CutPrefix(path, c.spool); ok {
		return verb + " " + strings.TrimPrefix(rest, "/")
	}
	return ""
}

func (c *tracer) descriptor(verb string, tid int, number uint64) string {
	target, err := os.Readlink(filepath.Join("/proc", fmt.Sprint(tid), "fd", fmt.Sprint(number)))
	if err != nil {
		return ""
	}
	if strings.HasPrefix(target, "socket:") {
		return verb + " socket"
	}
	return c.within(verb, target)
}
