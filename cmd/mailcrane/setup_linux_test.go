package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"mailcrane/internal/lab"
)

// A typist is a person before a terminal in which a command runs.
type typist struct {
	t    *testing.T
	tty  *os.File
	cmd  *exec.Cmd
	done chan struct{}

	mu      sync.Mutex
	screen  bytes.Buffer
	read    int // of the screen, up to the last word that was waited for
	answers int
}

// patienceAtTerminal is how long a person looks at a terminal for a word.
const patienceAtTerminal = 30 * time.Second

func sitDown(t *testing.T, cmd *exec.Cmd) *typist {
	t.Helper()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 30, Cols: 120})
	if err != nil {
		t.Fatal(err)
	}
	p := &typist{t: t, tty: tty, cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_, err := io.Copy(p, tty)
		if err != nil && !errors.Is(err, syscall.EIO) { // as Linux says that it was closed
			t.Errorf("the terminal: %v", err)
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		tty.Close()
		<-p.done
	})
	return p
}

func (p *typist) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.screen.Write(text)
}

var escape = regexp.MustCompile("\x1b(\\[[0-9;?<>=:!$\"' ]*[a-zA-Z~]|\\][^\x07\x1b]*(\x07|\x1b\\\\)|P[^\x1b]*\x1b\\\\|[()][A-Z0-9]|[=>78])")

// text is what the terminal was sent, less what moves its cursor.
func (p *typist) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.ReplaceAll(escape.ReplaceAllString(p.screen.String(), ""), "\r", "")
}

// awaits looks for a word behind the last one.
func (p *typist) awaits(word string) {
	p.t.Helper()
	for end := time.Now().Add(patienceAtTerminal); ; time.Sleep(5 * time.Millisecond) {
		text := p.text()
		if i := strings.Index(text[min(p.read, len(text)):], word); i >= 0 {
			p.read += i + len(word)
			return
		}
		select {
		case <-p.done:
			if !strings.Contains(p.text()[min(p.read, len(text)):], word) {
				p.t.Fatalf("it ended and never said %q:\n%s", word, p.text())
			}
		default:
		}
		if time.Now().After(end) {
			p.t.Fatalf("it does not say %q:\n%s", word, p.text())
		}
	}
}

func (p *typist) says(text string) {
	p.t.Helper()
	p.answers++
	if _, err := p.tty.WriteString(text + "\r"); err != nil {
		p.t.Fatal(err)
	}
}

// saysUnseen is says for what the terminal must not show. A person types when the
// terminal has stopped to show it, which is just after it has asked.
func (p *typist) saysUnseen(text string) {
	p.t.Helper()
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(patienceAtTerminal)
	defer late.Stop()
	for p.shows() {
		select {
		case <-tick.C:
		case <-late.C:
			p.t.Fatalf("the terminal shows what is typed\n%s", p.text())
		}
	}
	p.says(text)
}

// shows says that the terminal echoes.
func (p *typist) shows() (echo bool) {
	p.t.Helper()
	raw, err := p.tty.SyscallConn()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		mode, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		echo = err != nil || mode.Lflag&unix.ECHO != 0
	}); err != nil {
		p.t.Fatal(err)
	}
	return echo
}

// ends waits for the end of the command, which must have exit code 0.
func (p *typist) ends() {
	p.t.Helper()
	<-p.done
	if err := p.cmd.Wait(); err != nil {
		p.t.Fatalf("%v\n%s", err, p.text())
	}
}

// freshDesk is a session of a person's, in which names are looked up at the lab's
// name server and the lab's CA is one of the system's. Then the shell runs script.
func freshDesk(t *testing.T, host lab.Smarthost, script string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("unshare", deskWords(t, host, script, args)...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "DBUS_SESSION_BUS_ADDRESS=", "XDG_RUNTIME_DIR=")
	return settled(cmd, host)
}

// keyringDesk is one beside an unlocked keyring, with a home of its own.
func keyringDesk(t *testing.T, host lab.Smarthost, script string, args ...string) *exec.Cmd {
	t.Helper()
	return settled(lab.KeyringCommand(t, lab.Unlocked, nil, "unshare", deskWords(t, host, script, args)...), host)
}

func settled(cmd *exec.Cmd, host lab.Smarthost) *exec.Cmd {
	cmd.Env = append(cmd.Env, "PATH="+bin+":"+os.Getenv("PATH"), "SSL_CERT_FILE="+host.CAFile, "TERM=xterm-256color", "MAILCRANE_CONFIG=", "ACCESSIBLE=")
	return cmd
}

func deskWords(t *testing.T, host lab.Smarthost, script string, args []string) []string {
	t.Helper()
	if os.Getuid() != 0 {
		lab.Missing(t, "to be root, for a name server", "sudo go test ./...")
	}
	const address = "127.19.77.1"
	names := lab.ServeNames(t, address+":53")
	names.A(host.Name, "127.0.0.1")
	_, port, _ := strings.Cut(host.Implicit, ":")
	names.SRV("_submissions._tcp."+host.Name, 0, 0, number(t, port), host.Name)
	resolv := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(resolv, []byte("nameserver "+address+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	shell := `mount --bind "$0" /etc/resolv.conf || exit; ` + script
	return append([]string{"-m", "sh", "-c", shell, resolv}, args...)
}

// From the program installed to the first message that a real smarthost takes:
// the time and the answers that it takes a person, by forms and by plain lines.
func TestFromNothingToTheFirstMessageInAMinuteAndTwoAnswers(t *testing.T) {
	for _, way := range []struct {
		name, flag string
		plain      bool
	}{{"forms", "", false}, {"plain lines", "--accessible", true}} {
		t.Run(way.name, func(t *testing.T) {
			host := lab.Postfix(t)
			box := host.Mailbox(t)
			to := box.Address("setup")
			began := time.Now()
			p := sitDown(t, keyringDesk(t, host, `mailcrane setup `+way.flag+` --no-service --test-to "$1" && mailcrane config check --online && mailcrane queue && cat "$HOME/.config/mailcrane/mailcrane.toml"`, to))
			p.awaits("Your e-mail address")
			p.says(host.User)
			p.awaits("Password of " + host.User)
			p.saysUnseen(host.Password)
			p.awaits("was taken by the server: 250 ")
			took := time.Since(began)
			p.ends()
			said := p.text()
			if took > time.Minute || p.answers >= 5 {
				t.Errorf("%v, %d answers", took, p.answers)
			}
			t.Logf("%s: %v and %d answers from nothing to the first message accepted", way.name, took.Round(time.Millisecond), p.answers)
			for _, want := range []string{"the password is in the keyring", "logged in with", `secret = "keyring"`, `smarthost = "smtps://smarthost.test:12465"`} {
				if !strings.Contains(said, want) {
					t.Errorf("nothing says %q", want)
				}
			}
			if strings.Contains(said, host.Password) {
				t.Error("the password is shown")
			}
			if setup, _, _ := strings.Cut(p.raw(), "logged in with"); way.plain && strings.Contains(setup, "\x1b") {
				t.Error("plain lines move the cursor")
			}
			if got := box.Wait(to); !strings.Contains(string(got.Body()), "mailcrane setup") {
				t.Errorf("arrived %q", got.Body())
			}
			if t.Failed() {
				t.Log(said)
			}
		})
	}
}

func (p *typist) raw() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.screen.String()
}

func number(t *testing.T, text string) uint16 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return uint16(n)
}

// What a person does wrong, or thinks better of, leaves nothing half-done.
func TestSetupAtATerminalLeavesNothingHalfDone(t *testing.T) {
	host := lab.Postfix(t)
	const script = `trap : INT; stty -a | grep -o -- '-\?echo ' ; mailcrane setup $1 --secret file --no-service --no-test; echo "code $?"; stty -a | grep -o -- '-\?echo '; find "$HOME/.config" -type f; echo over`
	for _, way := range []string{"", "--accessible"} {
		for _, c := range []struct {
			name, why string
			do        func(*typist)
			code      string
			written   bool
		}{
			{"a slip", "a wrong password is asked for again", func(p *typist) {
				p.says("wrong")
				p.awaits("refuses user name or password")
				p.awaits("Password of ")
				p.saysUnseen(host.Password)
				p.awaits("Done:")
			}, "code 0", true},
			{"three slips", "providers lock accounts", func(p *typist) {
				p.says("wrong")
				for range 2 {
					p.awaits("refuses user name or password")
					p.awaits("Password of ")
					p.says("wrong")
				}
			}, "code 77", false},
			{"interrupted", "Ctrl-C is an answer", func(p *typist) { p.types("\x03") }, "code 75", false},
		} {
			t.Run(c.name+way, func(t *testing.T) {
				p := sitDown(t, freshDesk(t, host, script, way))
				p.awaits("Your e-mail address")
				p.says(host.User)
				p.awaits("Password of ")
				p.awaits("not shown")
				c.do(p)
				p.awaits(c.code)
				p.awaits("over")
				_, rest, _ := strings.Cut(p.text(), c.code)
				if strings.Contains(rest, "mailcrane.toml") != c.written || strings.Contains(rest, "-echo") {
					t.Errorf("%s: %s", c.why, p.text())
				}
				p.ends()
			})
		}
	}
}

func (p *typist) types(keys string) {
	p.t.Helper()
	if _, err := p.tty.WriteString(keys); err != nil {
		p.t.Fatal(err)
	}
}
