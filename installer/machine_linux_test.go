package installer

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/lab"
	"mailcrane/internal/sysexits"
)

// The tests here run the real program in a machine that systemd has booted.

const installed = "/usr/local/bin/mailcrane"

// A typist types commands into the machine, as somebody.
type typist struct {
	t       *testing.T
	machine *lab.Machine
	command func(name string, args ...string) *exec.Cmd
}

// A result is what a command has answered.
type result struct {
	code           int
	stdout, stderr string
}

func bootWithMailcrane(t *testing.T) *lab.Machine {
	t.Helper()
	m := lab.Systemd(t)
	copyMailcrane(t, m)
	return m
}

func copyMailcrane(t *testing.T, m *lab.Machine) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "mailcrane")
	build := exec.Command("go", "build", "-o", binary, "../cmd/mailcrane")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	m.Copy(binary, installed)
}

func bob(t *testing.T, m *lab.Machine) typist {
	return typist{t, m, func(name string, args ...string) *exec.Cmd { return m.Session("bob", name, args...) }}
}

func root(t *testing.T, m *lab.Machine) typist { return typist{t, m, m.Command} }

func (u typist) run(name string, args ...string) result {
	u.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := u.command(name, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		u.t.Fatalf("%s: %v", cmd, err)
	} else if ok {
		return result{exit.ExitCode(), stdout.String(), stderr.String()}
	}
	return result{0, stdout.String(), stderr.String()}
}

// does runs a command that must succeed and say all of want.
func (u typist) does(command string, want ...string) {
	u.t.Helper()
	words := strings.Fields(command)
	u.check(command, u.run(words[0], words[1:]...), 0, want...)
}

// refused runs a command that must fail with code and say all of want.
func (u typist) refused(code int, command string, want ...string) {
	u.t.Helper()
	words := strings.Fields(command)
	u.check(command, u.run(words[0], words[1:]...), code, want...)
}

func (u typist) check(command string, r result, code int, want ...string) {
	u.t.Helper()
	for _, w := range want {
		if !strings.Contains(r.stdout+r.stderr, w) {
			u.t.Errorf("%s: does not say %q:\n%s%s", command, w, r.stdout, r.stderr)
		}
	}
	if r.code != code {
		u.t.Errorf("%s: exit code %d, want %d:\n%s%s", command, r.code, code, r.stdout, r.stderr)
	}
}

// await waits until a command of the shell succeeds.
func (u typist) await(command string) {
	u.t.Helper()
	u.machine.Await(func() *exec.Cmd { return u.command("sh", "-c", command) })
}

// files lists what is below a folder of the machine, as paths in it.
func files(t *testing.T, m *lab.Machine, folder string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(m.Path(folder), func(path string, _ fs.DirEntry, err error) error {
		all = append(all, strings.TrimPrefix(path, m.Path("/")))
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return all
}

func TestUserServiceLivesFromInstallToUninstall(t *testing.T) {
	m := bootWithMailcrane(t)
	u := bob(t, m)
	u.refused(sysexits.Unavailable, "mailcrane service start", "not installed", "type: mailcrane service install")
	u.refused(sysexits.Unavailable, "mailcrane service status", "not installed", "type: mailcrane service install")
	u.does("mailcrane service uninstall", string(Absent))
	u.does("mkdir -p /home/bob/.config")
	before := files(t, m, "/home/bob")

	u.does("mailcrane service install", string(Installed))
	u.does("systemctl --user is-enabled mailcrane", "enabled")
	u.refused(sysexits.Unavailable, "mailcrane service status", "stopped", "type: mailcrane service start")
	u.does("mailcrane service start")
	u.does("mailcrane service status", "running since", "process ")
	u.await("journalctl --user -t mailcrane | grep -q 'agent is up'")
	u.does("systemctl --user show mailcrane --property=NoNewPrivileges,LimitCORE,UMask", "NoNewPrivileges=yes", "LimitCORE=0", "UMask=0077")

	u.does("mailcrane service start")
	u.does("mailcrane service install", string(Unchanged))
	u.does("mailcrane service status", "running since")

	u.does("mailcrane service restart")
	if again := u.says("systemctl --user show -P MainPID mailcrane"); again == "" || again == "0" {
		t.Error("after a restart it does not run")
	}
	u.does("mailcrane service stop")
	u.does("mailcrane service stop")
	u.refused(sysexits.Unavailable, "mailcrane service status", "stopped")

	u.does("mailcrane service start")
	u.does("systemctl --user disable mailcrane")
	u.does("mailcrane service status", "will not start by itself: mailcrane service install")
	u.does("mailcrane service install", string(Unchanged))
	u.does("systemctl --user is-enabled mailcrane", "enabled")

	u.does("mailcrane service stop")
	root(t, m).does("systemctl restart user@1000.service")
	u.await("mailcrane service status") // it has started with the session

	// Not in queue: what is no message there, the agent sets aside.
	u.does("touch /home/bob/.local/state/mailcrane/spool/a-file")
	u.does("mailcrane service uninstall", string(Removed))
	u.does("test -e /home/bob/.local/state/mailcrane/spool/a-file")
	u.does("rm -r /home/bob/.local")
	if after := files(t, m, "/home/bob"); strings.Join(before, "\n") != strings.Join(after, "\n") {
		t.Errorf("left in bob's home: %q\nbefore: %q", after, before)
	}
	u.does("systemctl --user show mailcrane --property=LoadState,ActiveState", "LoadState=not-found", "ActiveState=inactive")
	u.refused(1, "pgrep --exact mailcrane")
}

func TestUserServiceThatChangedIsReplacedAndRestarted(t *testing.T) {
	m := bootWithMailcrane(t)
	u := bob(t, m)
	m.Write("/etc/mailcrane/other.toml", "delivery_mode = \"deferred\"\n", 0o644)
	u.does("mailcrane service install")
	u.does("mailcrane service start")
	pid := u.run("systemctl", "--user", "show", "mailcrane", "--property=MainPID").stdout

	u.does("mailcrane --config /etc/mailcrane/other.toml service install", string(Replaced))
	u.does("mailcrane service status", "running")
	if again := u.run("systemctl", "--user", "show", "mailcrane", "--property=MainPID").stdout; again == pid {
		t.Errorf("the old agent still runs: %s", pid)
	}
	u.await("pgrep -f 'mailcrane agent --config /etc/mailcrane/other.toml'")
	for _, file := range files(t, m, "/home/bob/.config/systemd") {
		if strings.HasSuffix(file, ".new") {
			t.Errorf("left over: %s", file)
		}
	}
	u.does("mailcrane --config /etc/mailcrane/other.toml service install", string(Unchanged))
}

func TestUserServiceComesBackAfterACrashAndNotAfterAConfigurationError(t *testing.T) {
	m := bootWithMailcrane(t)
	u := bob(t, m)
	m.Write("/etc/mailcrane/mailcrane.toml", "delivery_mode = \"deferred\"\n", 0o644)
	u.does("mailcrane service install")
	u.does("mailcrane service start")
	u.await("journalctl --user -t mailcrane | grep -q 'agent is up'")
	u.does("systemctl --user kill --signal=SIGKILL mailcrane")
	u.await("mailcrane service status | grep -q 'starts again in a few seconds, because it was killed (killed)'")
	u.does("mailcrane service start")
	u.does("mailcrane service status", "running")
	u.does("systemctl --user show mailcrane --property=NRestarts", "NRestarts=0") // it did not wait for systemd's own

	m.Write("/etc/mailcrane/mailcrane.toml", "no_such_key = 1\n", 0o644)
	u.does("mailcrane service stop")
	u.refused(sysexits.Unavailable, "mailcrane service start", "does not start: its configuration is wrong", "journalctl --user -t mailcrane")
	u.await("mailcrane service status | grep -q 'given up, because its configuration is wrong; to see why, type: journalctl --user -t mailcrane'")
	u.await("journalctl --user -t mailcrane -e | grep -q no_such_key")

	m.Write("/etc/mailcrane/mailcrane.toml", "delivery_mode = \"deferred\"\n", 0o644)
	u.does("mailcrane service start")
	u.does("mailcrane service status", "running")
}

func TestUserServiceStartsAgainAlthoughItFailedTooOften(t *testing.T) {
	m := bootWithMailcrane(t)
	u := bob(t, m)
	u.does("mailcrane service install")
	limited := u.run("sh", "-c", "for i in $(seq 20); do systemctl --user start mailcrane || exit; systemctl --user stop mailcrane; done")
	if limited.code == 0 {
		t.Fatalf("the start limit is never reached:\n%s", limited.stderr)
	}
	u.does("mailcrane service start")
	u.does("mailcrane service status", "running")
}

func TestInstallationThatFailsLeavesNothing(t *testing.T) {
	m := bootWithMailcrane(t)
	u := bob(t, m)
	t.Run("HOME is not that of the user manager", func(t *testing.T) {
		u := bob(t, m)
		u.does("mkdir -p /tmp/else/.config")
		u.refused(sysexits.OSErr, "env HOME=/tmp/else mailcrane service install", "systemd does not look for services in /tmp/else/.config/systemd/user", "systemctl --user show-environment")
		if left := files(t, m, "/tmp/else/.config"); len(left) != 1 {
			t.Errorf("left: %q", left)
		}
	})
	t.Run("the folder cannot be written", func(t *testing.T) {
		u := bob(t, m)
		root(t, m).does("install -d -o root /home/bob/.config")
		u.refused(sysexits.CantCreat, "mailcrane service install", "cannot write", "ls -ld /home/bob/.config/systemd/user")
		root(t, m).does("chown bob /home/bob/.config")
	})
	u.does("mailcrane service install", string(Installed))
}

func TestUnitOfOthersIsLeftAlone(t *testing.T) {
	m := bootWithMailcrane(t)
	u := bob(t, m)
	const folder = "/home/bob/.config/systemd/user/"
	const foreignUnit = "[Service]\nExecStart=/bin/true\n"
	u.does("mkdir -p " + folder)

	t.Run("one written by hand", func(t *testing.T) {
		u := bob(t, m)
		m.Write(folder+"mailcrane.service", foreignUnit, 0o644)
		u.refused(sysexits.CantCreat, "mailcrane service install", "was not made by mailcrane service install", "systemctl --user cat mailcrane")
		u.refused(sysexits.CantCreat, "mailcrane service uninstall", "is left alone")
		u.refused(sysexits.CantCreat, "mailcrane service stop", "is left alone")
		if data, err := os.ReadFile(m.Path(folder + "mailcrane.service")); string(data) != foreignUnit {
			t.Errorf("it is now %q, %v", data, err)
		}
		os.Remove(m.Path(folder + "mailcrane.service"))
	})
	t.Run("a masked one", func(t *testing.T) {
		u := bob(t, m)
		u.does("systemctl --user mask mailcrane")
		u.refused(sysexits.CantCreat, "mailcrane service install", "systemctl --user unmask mailcrane")
		u.refused(sysexits.Unavailable, "mailcrane service status", "must not be started")
		u.does("systemctl --user unmask mailcrane")
	})
	t.Run("one of a package", func(t *testing.T) {
		u := bob(t, m)
		m.Write("/usr/lib/systemd/user/mailcrane.service", foreignUnit, 0o644)
		u.does("systemctl --user daemon-reload")
		u.refused(sysexits.CantCreat, "mailcrane service install", "/usr/lib/systemd/user/mailcrane.service", "systemctl --user enable --now mailcrane")
		u.refused(sysexits.Unavailable, "mailcrane service status", "installed by others, in /usr/lib")
		os.Remove(m.Path("/usr/lib/systemd/user/mailcrane.service"))
	})
	t.Run("an empty one is nobody's", func(t *testing.T) {
		u := bob(t, m)
		m.Write(folder+"mailcrane.service", "", 0o644)
		u.does("chown bob " + folder)
		u.does("mailcrane service install", string(Installed))
		u.does("mailcrane service start")
		u.does("mailcrane service status", "running")
	})
}

func TestUserWithoutASessionIsToldWhatToType(t *testing.T) {
	m := bootWithMailcrane(t)
	as := func(user string, env ...string) func(string, ...string) *exec.Cmd {
		return func(name string, args ...string) *exec.Cmd { return m.As(user, env, name, args...) }
	}
	tests := map[string]struct {
		who  func(string, ...string) *exec.Cmd
		code int
		says []string
	}{
		"su, sudo or cron while a user manager runs": {
			as("bob"), sysexits.Unavailable,
			[]string{"XDG_RUNTIME_DIR does not lead to your session", "type: XDG_RUNTIME_DIR=/run/user/1000 mailcrane service install"},
		},
		"no user manager": {
			as("alice"), sysexits.Unavailable,
			[]string{"no session", "sudo loginctl enable-linger alice", "XDG_RUNTIME_DIR=/run/user/1001 mailcrane service install"},
		},
		"su keeps the variable of the other user": {
			as("alice", "XDG_RUNTIME_DIR=/run/user/1000"), sysexits.Unavailable,
			[]string{"the session of another user", "sudo loginctl enable-linger alice"},
		},
		"root keeps the variable of the other user": {
			as("root", "XDG_RUNTIME_DIR=/run/user/1000", "HOME=/root"), sysexits.Unavailable,
			[]string{"the session of another user", "enable-linger root"},
		},
		"sudo": {
			as("root", "SUDO_USER=bob", "HOME=/root"), sysexits.Usage,
			[]string{"root's own service, not yours", "sudo mailcrane service install --system"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			u := typist{t, m, test.who}
			u.refused(test.code, "mailcrane service install", test.says...)
		})
	}
	t.Run("what it says works", func(t *testing.T) {
		root(t, m).does("loginctl enable-linger alice")
		alice := typist{t, m, as("alice", "XDG_RUNTIME_DIR=/run/user/1001")}
		alice.await("systemctl --user show >/dev/null")
		alice.does("mailcrane service install", string(Installed))
		alice.does("mailcrane service start")
		alice.does("mailcrane service status", "running")
	})
	t.Run("a machine without systemd", func(t *testing.T) {
		// Its own mount namespace is enough for the program not to see any.
		r := root(t, m).run("unshare", "--mount", "sh", "-c", "mount -t tmpfs none /run && mailcrane service install")
		root(t, m).check("install", r, sysexits.Unavailable, "not started by systemd", "mailcrane agent")
		r = root(t, m).run("unshare", "--mount", "sh", "-c", "mount -t tmpfs none /run && mailcrane service install --system")
		root(t, m).check("install --system", r, sysexits.Unavailable, "not started by systemd", "mailcrane agent")
	})
}

// Coverage: B63.
func TestSystemServiceRunsSandboxedAsItsOwnUser(t *testing.T) {
	m := bootWithMailcrane(t)
	u := root(t, m)
	bob(t, m).refused(sysexits.NoPerm, "mailcrane service install --system", "only root", "sudo mailcrane service install --system")
	before := files(t, m, "/etc/systemd")

	u.does("mailcrane service install --system", string(Installed))
	u.does("mailcrane service start --system")
	u.await("journalctl -t mailcrane | grep -q 'agent is up'")
	u.does("mailcrane service status --system", "running since")
	bob(t, m).does("mailcrane service status --system", "running since")
	uid := strings.TrimSpace(strings.TrimPrefix(u.run("systemctl", "show", "mailcrane", "--property=UID").stdout, "UID="))
	u.does("pgrep --exact --euid " + uid + " mailcrane")
	u.refused(1, "pgrep --exact --euid root mailcrane")
	u.does("stat --format %u /var/lib/mailcrane/.local", uid+"\n")
	u.does("systemd-analyze security --threshold=20 mailcrane") // in tenths
	if r := bob(t, m).run("ls", "/var/lib/mailcrane/"); r.code == 0 {
		t.Errorf("another user reads the spool:\n%s", r.stdout)
	}

	u.does("mailcrane service install --system", string(Unchanged))
	u.does("mailcrane service uninstall --system", string(Removed))
	u.does("test -d /var/lib/mailcrane/.local/state/mailcrane/spool")
	if after := files(t, m, "/etc/systemd"); strings.Join(before, "\n") != strings.Join(after, "\n") {
		t.Errorf("left: %q\nbefore: %q", after, before)
	}
}

func TestOddPathsReachTheAgentAsTheyAre(t *testing.T) {
	m := bootWithMailcrane(t)
	u := bob(t, m)
	const oddProgram = "/opt/100% $HOME {{Path}} ${x} ü;é/mail crane"
	const oddConfig = "/etc/a \"b\" 'c' %n $HOME ${HOME} $$ {{Path}} \\x41 \\ ü \x01 #;.toml"
	m.Copy(m.Path(installed), oddProgram)
	m.Write(oddConfig, "delivery_mode = \"deferred\"\n", 0o644)
	if r := u.run(oddProgram, "--config", oddConfig, "service", "install"); r.code != 0 {
		t.Fatalf("%+v", r)
	}
	u.does("mailcrane service start")
	u.await("journalctl --user -t mailcrane | grep -q 'agent is up'")
	pid := strings.TrimSpace(strings.TrimPrefix(u.run("systemctl", "--user", "show", "mailcrane", "--property=MainPID").stdout, "MainPID="))
	exe := strings.TrimSuffix(root(t, m).run("readlink", "/proc/"+pid+"/exe").stdout, "\n")
	argv := strings.Split(strings.TrimSuffix(u.run("cat", "/proc/"+pid+"/cmdline").stdout, "\x00"), "\x00")
	if exe != oddProgram {
		t.Errorf("systemd runs %q", exe)
	}
	if want := []string{"agent", "--config", oddConfig, "--idle-exit", "30s"}; strings.Join(argv[1:], "|") != strings.Join(want, "|") {
		t.Errorf("called with %q, want %q", argv[1:], want)
	}
}

// A newer program under the same path makes the same unit, and the agent of the
// one before went on running.
func TestInstallingANewerProgramUnderTheSamePathRestartsTheAgent(t *testing.T) {
	m := bootWithMailcrane(t)
	for name, as := range map[string]struct {
		u    typist
		flag string
	}{"a user's": {bob(t, m), ""}, "the machine's": {root(t, m), " --system"}} {
		u, flag, owner := as.u, as.flag, "bob"
		if flag != "" {
			owner = Name
		}
		running := "pgrep -x -u " + owner + " mailcrane"
		u.does("mailcrane service install --stay"+flag, string(Installed))
		u.does("mailcrane service start" + flag)
		u.does("mailcrane service install --stay"+flag, string(Unchanged))
		pid := u.says(running)
		root(t, m).says("cp " + installed + " " + installed + ".new && mv " + installed + ".new " + installed)
		u.does("mailcrane service install --stay"+flag, string(Replaced))
		if now := u.says(running); now == pid {
			t.Errorf("%s agent was not restarted: process %s", name, now)
		}
		u.does("mailcrane service install --stay"+flag, string(Unchanged))
		u.does("mailcrane service uninstall" + flag)
	}
}
