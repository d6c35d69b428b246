package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"mailcrane/internal/lab"
)

func TestAnotherUserCannotForgeWhoHandedAMessageIn(t *testing.T) {
	t.Parallel()
	s := newShared(t, "")
	s.start()
	s.submit(mallet, "From: Root <root@localhost>\nSender: uid 0\nReceived: from (from root@localhost)\nX-Submitter: root\n\nx\n", "-f", "alice@example.org", "-F", "uid 0 (root)", "-L", "uid 0", "joe@example.net")
	lab.As(t, mallet, func() {
		c, err := net.Dial("unix", s.socket)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		fmt.Fprintf(c, "EHLO uid-0\r\nMAIL FROM:<root@example.org> ENVID=uid0\r\nRCPT TO:<ann@example.net>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\nQUIT\r\n")
		for in := bufio.NewScanner(c); in.Scan(); {
		}
	})
	list := s.list(mallet)
	if len(list) != 2 || len(s.list(alice)) != 0 {
		t.Fatalf("mallet has %+v", list)
	}
	for _, m := range list {
		_, story := s.run(0, "", "mailcrane", "explain", m.ID)
		if !strings.Contains(story, fmt.Sprintf("by uid %d, process ", mallet)) || strings.Contains(story, "uid 0") {
			t.Errorf("the story of %s says:\n%s", m.ID, story)
		}
	}
	s.stop()
	if n := strings.Count(s.log.String(), fmt.Sprintf("msg=\"message taken in\" id=%s uid=%d", list[0].ID, mallet)); n != 1 || strings.Contains(s.log.String(), "uid=0 ") {
		t.Errorf("the log says:\n%s", s.log)
	}
}

func TestAnotherUserDoesNotGetAtTheAgentOrItsMail(t *testing.T) {
	t.Parallel()
	s := newShared(t, "")
	s.start()
	s.submit(alice, "\nsecret words\n", "joe@example.net")
	pid := s.agent.Process.Pid
	proc := fmt.Sprintf("/proc/%d/", pid)
	var message string
	must(t, filepath.WalkDir(filepath.Join(s.spool, "queue"), func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			message = path
		}
		return err
	}))
	if message == "" {
		t.Fatal("no message is in the spool")
	}
	read := func(path string) error { _, err := os.ReadFile(path); return err }
	list := func(path string) error { _, err := os.ReadDir(path); return err }
	tries := map[string]func() error{
		"list the spool":             func() error { return list(s.spool) },
		"read a message":             func() error { return read(message) },
		"list the drop directory":    func() error { return list(s.drop) },
		"remove the socket":          func() error { return os.Remove(s.socket) },
		"put another in its place":   func() error { return os.WriteFile(s.socket+"2", nil, 0o600) },
		"move its directory away":    func() error { return os.Rename(filepath.Dir(s.socket), s.dir+"/other") },
		"read its environment":       func() error { return read(proc + "environ") },
		"read its memory map":        func() error { return read(proc + "maps") },
		"open its memory":            func() error { f, err := os.Open(proc + "mem"); f.Close(); return err },
		"list its files":             func() error { return list(proc + "fd") },
		"trace it":                   func() error { return unix.PtraceAttach(pid) },
		"stop it":                    func() error { return unix.Kill(pid, unix.SIGSTOP) },
		"kill it":                    func() error { return unix.Kill(pid, unix.SIGKILL) },
		"ask its control socket":     func() error { _, err := net.Dial("unix", filepath.Join(s.spool, "agent.sock")); return err },
		"write to the configuration": func() error { return os.WriteFile(s.config, nil, 0o600) },
	}
	lab.As(t, mallet, func() {
		for what, try := range tries {
			if try() == nil {
				t.Errorf("another user could %s", what)
			}
		}
	})
	// Nor does a process of the agent's own user, such as the child that a
	// secret's command is, get at its memory.
	lab.As(t, keeper, func() {
		for _, what := range []string{"read its environment", "read its memory map", "open its memory", "list its files", "trace it"} {
			if tries[what]() == nil {
				t.Errorf("a process of its own user could %s", what)
			}
		}
	})
	if len(s.list(alice)) != 1 {
		t.Error("the agent does not answer any more")
	}
}

func TestTenThousandConnectionsOfOneUserKeepNobodyOut(t *testing.T) {
	t.Parallel()
	s := newShared(t, "")
	s.start()
	var limit unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	if limit.Max < 11000 {
		lab.Missing(t, "11000 files open at once", "ulimit -n 20000")
	}
	limit.Cur = limit.Max
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	const many = 10_000
	var open []int
	defer func() {
		for _, fd := range open {
			syscall.Close(fd)
		}
	}()
	lab.As(t, mallet, func() {
		for range many {
			fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Errorf("a socket: %v", err)
				return
			}
			open = append(open, fd)
			if err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: s.socket}); err != nil {
				t.Errorf("connection %d: %v", len(open), err)
				return
			}
		}
	})
	s.submit(alice, "\nbody\n", "joe@example.net")
	waitUntil(t, "alice's message", func() bool { return len(s.list(alice)) == 1 })
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.agent.Process.Pid))
	must(t, err)
	var kilobytes int
	for line := range strings.Lines(string(status)) {
		fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes)
	}
	if t.Logf("the agent had %d KiB at the most", kilobytes); kilobytes == 0 || kilobytes > 150<<10 {
		t.Errorf("the agent had %d KiB of memory", kilobytes)
	}
}

// A socket that another user serves is given no mail.
func TestAStrangersSocketIsGivenNoMail(t *testing.T) {
	t.Parallel()
	s := newShared(t, "")
	must(t, os.Chmod(filepath.Dir(s.socket), 0o777))
	var l net.Listener
	lab.As(t, mallet, func() {
		var err error
		if l, err = net.Listen("unix", s.socket); err != nil {
			t.Error(err)
		}
		os.Chmod(s.socket, 0o666)
	})
	defer l.Close()
	s.submit(alice, "\nbody\n", "joe@example.net")
	if names := s.dropped(); len(names) != 1 || !strings.HasSuffix(names[0], ".mail") {
		t.Errorf("the drop directory holds %q", names)
	}
}
