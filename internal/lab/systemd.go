package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A Machine is a Debian with a real systemd as its first process, booted for
// one test and gone with it. Its users are root; bob, whose user manager runs
// although he is not logged in; and alice, who has none.
type Machine struct {
	t   testing.TB
	pid string // of its first process, as this machine sees it
}

// Systemd boots a machine, which takes some seconds.
func Systemd(t testing.TB) *Machine {
	t.Helper()
	needRoot(t, "a booted systemd")
	if _, err := os.Stat(filepath.Join(Root(), "systemd/ready")); err != nil {
		Missing(t, "a booted systemd", "internal/lab/lab.sh install systemd")
	}
	pid, end := boot(t, "systemd", exec.Command(script("systemd.sh"), "boot"))
	t.Cleanup(end)
	return &Machine{t, pid}
}

// OpenRC starts a machine whose services OpenRC keeps, without users of its own.
func OpenRC(t testing.TB) *Machine {
	t.Helper()
	needRoot(t, "OpenRC")
	if _, err := os.Stat(filepath.Join(Root(), "openrc/ready")); err != nil {
		Missing(t, "OpenRC", "internal/lab/lab.sh install openrc")
	}
	pid, end := boot(t, "OpenRC", exec.Command(script("openrc.sh"), "boot"))
	t.Cleanup(end)
	return &Machine{t, pid}
}

// boot starts a machine that says the process to enter it by, and runs until end.
func boot(t testing.TB, what string, cmd *exec.Cmd) (pid string, end func()) {
	t.Helper()
	c := Start(t, cmd)
	pid, err := c.Line()
	if _, notPID := strconv.Atoi(pid); err != nil || notPID != nil {
		complaints, _ := c.End()
		t.Fatalf("%s did not boot: %q, %v\n%s", what, pid, err, complaints)
	}
	return pid, func() { _, _ = c.End() }
}

// Command is a command to be run by root in the machine.
func (m *Machine) Command(name string, args ...string) *exec.Cmd {
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "USER=root", "LANG=C.UTF-8"}
	return exec.Command("nsenter", append(append([]string{"--target", m.pid, "--all", "env", "--ignore-environment"}, env...),
		append([]string{name}, args...)...)...)
}

// As is a command to be run by a user who has come by su or cron: with a home,
// and without what a session sets. env, NAME=value, comes on top.
func (m *Machine) As(user string, env []string, name string, args ...string) *exec.Cmd {
	all := append([]string{"-u", user, "--", "env", "HOME=/home/" + user, "USER=" + user}, env...)
	return m.Command("runuser", append(append(all, name), args...)...)
}

// Session is a command to be run by a user in a session.
func (m *Machine) Session(user, name string, args ...string) *exec.Cmd {
	m.t.Helper()
	dir := "XDG_RUNTIME_DIR=/run/user/" + m.uid(user)
	return m.As(user, []string{dir}, name, args...)
}

func (m *Machine) uid(user string) string {
	m.t.Helper()
	out, err := m.Command("id", "-u", user).Output()
	if err != nil {
		m.t.Fatalf("there is no user %s in the machine: %v", user, err)
	}
	return strings.TrimSpace(string(out))
}

// Path is where this process finds a file of the machine, links in it not
// followed as the machine would.
func (m *Machine) Path(inside string) string { return filepath.Join("/proc", m.pid, "root", inside) }

// Copy puts a program of this machine into the other.
func (m *Machine) Copy(program, inside string) {
	m.t.Helper()
	data, err := os.ReadFile(program)
	if err != nil {
		m.t.Fatal(err)
	}
	m.Write(inside, string(data), 0o755)
}

// Write makes a file of root's in the machine, and its folder.
func (m *Machine) Write(inside, text string, mode os.FileMode) {
	m.t.Helper()
	err := os.MkdirAll(filepath.Dir(m.Path(inside)), 0o755)
	if err == nil {
		err = os.WriteFile(m.Path(inside), []byte(text), mode)
	}
	if err != nil {
		m.t.Fatalf("cannot write %s in the machine: %v", inside, err)
	}
}

// Await runs a command of Command, As or Session again until it succeeds, for
// some seconds, and ends the test if it never does.
func (m *Machine) Await(command func() *exec.Cmd) {
	m.t.Helper()
	const times = 50
	last := ""
	for range times {
		out, err := command().CombinedOutput()
		if err == nil {
			return
		}
		last = fmt.Sprintf("%v\n%s", err, out)
		// The wait is the machine's, so that the test has none of its own.
		_ = m.Command("sleep", "0.1").Run()
	}
	m.t.Fatalf("in the machine: %s: %s", command(), last)
}
