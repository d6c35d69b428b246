//go:build unix

package secret

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

func TestCommandSecret(t *testing.T) {
	for _, c := range []struct{ why, line, want, sentence, hint string }{
		{why: "the plain case", line: "echo " + planted, want: planted},
		{why: "the first line counts, as for msmtp", line: "echo " + planted + "; echo user: me", want: planted},
		{why: "no line end", line: "printf " + planted, want: planted},
		{why: "a pipe, as in gpg -d | head -n 1", line: "printf '" + planted + "\\nx\\n' | head -n 1", want: planted},
		{why: "a complaint of a command that worked", line: "echo warning >&2; echo " + planted, want: planted},
		{why: "it reads nothing of ours", line: "read x; echo \"<$x>\"", want: "<>"},
		{
			why: "it failed", line: "echo " + planted + "; echo gpg: no secret key >&2; echo more >&2; exit 2",
			sentence: "failed (exit status 2): gpg: no secret key", hint: "[account.work]",
		},
		{why: "it failed without a word", line: "exit 3", sentence: "failed (exit status 3)", hint: "yourself"},
		{why: "no such command", line: "no-such-command-here", sentence: "not found", hint: "yourself"},
		{why: "killed by a signal", line: "kill -9 $$", sentence: "signal: killed", hint: "yourself"},
		{why: "it printed nothing", line: "echo locked >&2", sentence: "printed nothing: locked", hint: "yourself"},
		{why: "an empty first line", line: "echo; echo x", sentence: "printed nothing", hint: "yourself"},
		{
			why: "its complaint shows what it printed", line: "set -x; echo " + planted + "; exit 1",
			sentence: "failed (exit status 1)", hint: "yourself",
		},
		{why: "its complaint moves the cursor", line: `printf '\033[31mred\a\n' >&2; exit 1`, sentence: "status 1): ?[31mred", hint: "yourself"},
		{why: "more than the bound in one line", line: "head -c 70000 /dev/zero | tr '\\0' x", sentence: "more than 65536 octets", hint: "alone"},
		{why: "it never stops printing", line: "echo " + planted + "; exec yes", sentence: "more than 65536 octets", hint: "alone"},
		{why: "it never stops complaining", line: "yes >&2 & echo " + planted + "; kill $!", want: planted},
		{why: "NUL cannot be sent", line: `printf 'a\0b\n'`, sentence: "NUL", hint: "alone"},
	} {
		t.Run(c.why, func(t *testing.T) {
			t.Parallel()
			a := &config.Account{Name: "work", Secret: config.Secret{Kind: "command", Value: c.line}}
			got, err := New(a, os.Getenv).Read(t.Context())
			if c.sentence != "" {
				refusal(t, err, c.sentence, c.hint)
			} else if err != nil || string(got.Reveal()) != c.want {
				t.Errorf("got %q, %v", got.Reveal(), err)
			}
		})
	}
}

// gone waits for the end of the process whose id stands in the file.
func gone(t *testing.T, pidFile string) {
	t.Helper()
	text, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	// The killed process is not our child: its end can only be looked at.
	pid := strings.TrimSpace(string(text))
	if err := exec.Command("/bin/sh", "-c", `i=0; while [ -e /proc/$0 ] && ! grep -q '^State:.Z' /proc/$0/status; do i=$((i+1)); [ $i -lt 300 ] || exit 1; sleep .01; done`, pid).Run(); err != nil {
		t.Errorf("process %s lives on", pid)
	}
}

func TestCommandThatHangsIsKilledWithItsGroup(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	c := command{"work", "(sh -c 'echo $$ >" + quote(pid) + "; exec sleep 600') & echo asking you >&2; wait", 300 * time.Millisecond}
	start := time.Now()
	_, err := c.Read(t.Context())
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
	refusal(t, err, "gave no answer in 300ms: asking you", "[account.work]")
	gone(t, pid)
}

func TestCommandsLeftoverDoesNotHoldUpThePassword(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	c := command{"work", "sleep 600 & echo $! >" + quote(pid) + "; echo " + planted, time.Minute}
	start := time.Now()
	got, err := c.Read(t.Context())
	if err != nil || string(got.Reveal()) != planted {
		t.Errorf("got %q, %v", got.Reveal(), err)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
	text, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("kill", strings.TrimSpace(string(text))).Run(); err != nil {
		t.Errorf("what the command has left behind was killed: %v", err)
	}
}

func TestCommandEndsWithTheContext(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	if err := syscall.Mkfifo(pid+".started", 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		os.ReadFile(pid + ".started") // ends when the command has begun
		cancel(errors.New("the run is over"))
	}()
	line := "echo $$ >" + quote(pid) + "; echo >" + quote(pid+".started") + "; exec sleep 600"
	_, err := command{"work", line, time.Minute}.Read(ctx)
	refusal(t, err, "stopped: the run is over", "")
	if sysexits.Code(err) != sysexits.TempFail {
		t.Errorf("code %d: a run that was stopped needs no person", sysexits.Code(err))
	}
	gone(t, pid)
}

func TestCommandIsNotShown(t *testing.T) {
	_, err := command{"work", "true " + planted, time.Minute}.Read(t.Context())
	refusal(t, err, "printed nothing", "")
}
