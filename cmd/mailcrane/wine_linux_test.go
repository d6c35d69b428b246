package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/lab"
)

// A windowsUser types commands into Wine's Windows.
type windowsUser struct {
	t              *testing.T
	windows        lab.Windows
	folder, config string
}

// onWindows builds the programs for Windows, with a queue of its own.
func onWindows(t *testing.T, smarthost string) windowsUser {
	t.Helper()
	u := windowsUser{t, lab.Wine(t), t.TempDir(), ""}
	build := exec.Command("go", "build", "-o", u.folder+"/", ".", "../sendmail")
	build.Env = append(os.Environ(), "GOOS=windows", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	u.config = filepath.Join(u.folder, "mailcrane.toml")
	text := fmt.Sprintf("[queue]\ndirectory = '%s'\n[account.a]\nfrom = [\"me@example.org\"]\nsmarthost = %q\nauth = \"none\"\n",
		u.windows.Path(filepath.Join(u.folder, "spool")), smarthost)
	if err := os.WriteFile(u.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return u
}

func (u windowsUser) command(args ...string) *exec.Cmd {
	return u.windows.Command(filepath.Join(u.folder, "mailcrane.exe"), append([]string{"--config", u.windows.Path(u.config)}, args...)...)
}

// types runs a command that ends with that code, and says what is wanted.
func (u windowsUser) types(code int, want string, args ...string) string {
	u.t.Helper()
	cmd := u.command(args...)
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != code || !strings.Contains(string(out), want) {
		u.t.Fatalf("%s: %d, want %d and %q\n%s", strings.Join(args, " "), got, code, want, out)
	}
	return string(out)
}

func (u windowsUser) submits(to string) {
	u.t.Helper()
	cmd := u.windows.Command(filepath.Join(u.folder, "sendmail.exe"), "-C", u.windows.Path(u.config), "-f", "me@example.org", to)
	cmd.Stdin = strings.NewReader("Subject: from Windows\n\nhello\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		u.t.Fatalf("%v\n%s", err, out)
	}
}

// begins starts a program and waits for its first line that says what is wanted.
func (u windowsUser) begins(want string, args ...string) *exec.Cmd {
	u.t.Helper()
	cmd := u.command(args...)
	out, err := cmd.StderrPipe()
	if err == nil {
		cmd.Stdout = cmd.Stderr
		err = cmd.Start()
	}
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	said := make([]byte, 0, 4096)
	for piece := make([]byte, 1024); !bytes.Contains(said, []byte(want)); {
		n, err := out.Read(piece)
		if said = append(said, piece[:n]...); err != nil {
			u.t.Fatalf("%s never said %q: %v\n%s", strings.Join(args, " "), want, err, said)
		}
	}
	return cmd
}

// The agent did not start on Windows: it asked for a Unix socket that tells who
// is at the other end.
//
// Coverage: windows.
func TestTheAgentDeliversOnWindows(t *testing.T) {
	postfix := lab.Postfix(t)
	box, u := postfix.Mailbox(t), onWindows(t, postfix.PlainURL())
	u.types(0, "not running", "status")
	agent := u.begins("agent is up", "agent")
	u.types(0, "running since", "status")
	u.types(69, "an agent runs already", "agent")
	to := box.Address("windows")
	u.submits(to)
	box.Wait(to)
	u.types(0, "", "flush")
	u.begins(`"event":"agent-up"`, "events", "--json")

	// What an agent that was killed leaves is no agent.
	if err := agent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = agent.Wait()
	u.types(0, "not running", "status")
	u.begins("agent is up", "agent")
	u.types(0, "running since", "status")
}

// The service manager gave up on an agent that did not answer it.
//
// Coverage: windows.
func TestTheServiceManagerOfWindowsRunsTheAgent(t *testing.T) {
	postfix := lab.Postfix(t)
	box, u := postfix.Mailbox(t), onWindows(t, postfix.PlainURL())
	t.Cleanup(func() { _ = u.command("service", "uninstall", "--system").Run() })
	// Wine's machine goes down with its last program, and starts services when it
	// comes up.
	u.begins(`"event":"agent-down"`, "events", "--json")
	u.types(69, "not installed", "service", "status", "--system")
	u.types(0, "mailcrane service start --system", "service", "install", "--system")
	u.types(69, "stopped", "service", "status", "--system")
	u.types(0, "", "service", "start", "--system")
	u.types(0, "running", "service", "status", "--system")
	to := box.Address("service")
	u.submits(to)
	box.Wait(to)
	u.types(0, "running since", "status")
	u.types(0, "", "service", "stop", "--system")
	u.types(69, "stopped", "service", "status", "--system")
	u.types(0, "removed", "service", "uninstall", "--system")
	u.types(0, "not installed", "service", "uninstall", "--system")
}
