package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const typedLine = "Subject: one" // a terminal shows it

// A person who has typed the wrong command types Ctrl-C, and has the terminal back
// as it was. The program hears of it as a signal, which ends no read by itself.
func TestCtrlCEndsWhatIsTyped(t *testing.T) {
	for _, c := range []struct {
		name, awaits, says string
		code               int
		args               []string
	}{
		{"a password", "(not shown)", "nothing was changed: the password was not typed", 66, []string{"mailcrane", "login", "work"}},
		{"a message", typedLine, "nothing was queued", 74, []string{"mailcrane", "sendmail", "you@example.net"}},
		{"a message by send", typedLine, "nothing was queued", 74, []string{"mailcrane", "send", "you@example.net"}},
		{"a message by sendmail's name", typedLine, "", -1, []string{"sendmail", "you@example.net"}},
		{"a log-in in the browser", "open this address", "the log-in was broken off; nothing was changed", 75, []string{"mailcrane", "login", "tokens"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			home := t.TempDir()
			settings := filepath.Join(home, "m.toml")
			err := os.WriteFile(settings, []byte("[account.work]\nfrom=[\"me@example.org\"]\nsmarthost=\"smtps://127.0.0.1:1\"\nuser=\"me\"\n"+
				"[account.tokens]\nfrom=[\"me@example.com\"]\nsmarthost=\"smtps://127.0.0.1:1\"\nuser=\"me\"\noauth={issuer=\"google\",client_id=\"crane\"}\n"), 0o600)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(filepath.Join(bin, c.args[0]), c.args[1:]...)
			cmd.Env = []string{"HOME=" + home, "MAILCRANE_CONFIG=" + settings, "PATH=" + bin + ":/nonexistent", "TERM=xterm"}
			p := sitDown(t, cmd)
			if c.awaits == typedLine {
				p.types(typedLine + "\r")
			}
			p.awaits(c.awaits)
			for unread(t, p.tty) {
				time.Sleep(time.Millisecond) // the terminal shows what nobody has read yet
			}
			p.types("\x03")
			select {
			case <-p.done:
			case <-time.After(patienceAtTerminal / 3):
				t.Fatal("it goes on")
			}
			err = cmd.Wait()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != c.code {
				t.Errorf("it ended with %v; want %d", err, c.code)
			}
			const usual = unix.ECHO | unix.ICANON | unix.ISIG
			if after := modes(t, p.tty); after&usual != usual {
				t.Errorf("the terminal is left with modes %#x", after)
			}
			if c.says != "" {
				p.awaits(c.says)
			}
		})
	}
}

// modes are the local modes of a terminal, as whether it echoes.
func modes(t *testing.T, tty *os.File) uint32 {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return s.Lflag
}

// unread says that a line was typed, and the program has not come to read it.
func unread(t *testing.T, tty *os.File) bool {
	t.Helper()
	n, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDONLY|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	waiting, err := unix.IoctlGetInt(int(other.Fd()), unix.TIOCINQ)
	if err != nil {
		t.Fatal(err)
	}
	return waiting > 0
}
