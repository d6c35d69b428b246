package lab

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A Sendmail is the real one as a server, in a network where it meets clients of
// any address. It delivers nothing.
type Sendmail struct {
	network *Network
	dir     string // of its configuration
	inside  string // the same, as it sees it
}

// sendmailAddress is where a Sendmail listens.
const sendmailAddress = "198.18.0.25"

// NewSendmail is a Sendmail that meets clients of some IPv4 addresses and has only
// the file hosts to ask for names. It is stopped and gone when the test ends.
func NewSendmail(t testing.TB, clients []string, hosts string) *Sendmail {
	t.Helper()
	needRoot(t, "sendmail as a server")
	root := sendmailRoot()
	if _, err := os.Stat(filepath.Join(root, "usr/libexec/sendmail/sendmail")); err != nil {
		Missing(t, "sendmail", "internal/lab/lab.sh install peers")
	}
	dir, err := os.MkdirTemp(filepath.Join(root, "var/lib"), "mailcrane-trial-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &Sendmail{Netns(t), dir, strings.TrimPrefix(dir, root)}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // sendmail wants to read it as others
		t.Fatal(err)
	}
	s.network.Laptop.ip("link set lo up")
	for _, address := range append([]string{sendmailAddress}, clients...) {
		s.network.Laptop.ip("addr replace " + address + "/32 dev lo")
	}
	for name, text := range map[string]string{
		"hosts": hosts, "host.conf": "multi off\n", "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
		"switch": "hosts files\n", "queue/.keep": "",
	} {
		s.Write(t, name, text)
	}
	return s
}

func sendmailRoot() string { return filepath.Join(Root(), "peer-sendmail/root") }

// Write writes a file beside its configuration, and Path is how sendmail names it.
func (s *Sendmail) Write(t testing.TB, name, text string) {
	t.Helper()
	path := filepath.Join(s.dir, name)
	err := os.MkdirAll(filepath.Dir(path), 0o755) //nolint:gosec // as above
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o644) //nolint:gosec // as above
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Path is a file of Write as sendmail names it.
func (s *Sendmail) Path(name string) string { return filepath.Join(s.inside, name) }

// Map compiles a map of Write, with makemap.
func (s *Sendmail) Map(t testing.TB, name, text string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "chroot", sendmailRoot(), "/usr/libexec/sendmail/makemap", "hash", s.Path(name))
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("makemap: %v\n%s", err, out)
	}
}

// Serve starts it with a configuration in m4's form, which the lab's own lines go
// before.
func (s *Sendmail) Serve(t testing.TB, mc string) {
	t.Helper()
	s.configure(t, mc)
	cmd := s.command("-bD")
	complaints := new(strings.Builder)
	cmd.Stdout, cmd.Stderr = complaints, complaints
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("sendmail says: %s", complaints)
		}
	})
	for range 200 {
		if conn, err := s.Dial(t.Context(), sendmailAddress); err == nil {
			conn.Close()
			return
		}
		time.Sleep(25 * time.Millisecond) // there is nothing that tells when it listens
	}
	t.Fatal("sendmail does not listen")
}

// configure makes its configuration.
func (s *Sendmail) configure(t testing.TB, mc string) {
	t.Helper()
	s.Write(t, "trial.mc", fmt.Sprintf(`divert(0)dnl
OSTYPE(linux)dnl
define(confDONT_PROBE_INTERFACES, true)dnl
define(confTO_IDENT, 0)dnl
define(confSERVICE_SWITCH_FILE, %[1]s/switch)dnl
define(confPID_FILE, %[1]s/pid)dnl
define(QUEUE_DIR, %[1]s/queue)dnl
define(ALIAS_FILE, null:)dnl
define(LOCAL_MAILER_FLAGS, lsDFM)dnl
MODIFY_MAILER_FLAGS(LOCAL, -w-5)dnl
DAEMON_OPTIONS(Name=MTA, Addr=%[2]s, Port=25)dnl
FEATURE(no_default_msa)dnl
FEATURE(nocanonify)dnl
%[3]sMAILER(local)dnl
MAILER(smtp)dnl
`, s.inside, sendmailAddress, mc))
	made := exec.CommandContext(t.Context(), "chroot", sendmailRoot(), "m4", "-D_CF_DIR_=/usr/share/sendmail/cf/",
		"/usr/share/sendmail/cf/m4/cf.m4", s.Path("trial.mc"))
	cf, err := made.Output()
	if err != nil {
		t.Fatalf("m4: %v", err)
	}
	s.Write(t, "trial.cf", string(cf))
}

// command is it, with an argument, in its network and with its own files in /etc.
func (s *Sendmail) command(arg string) *exec.Cmd {
	const script = `cd "$0" && for f in hosts host.conf nsswitch.conf; do mount --bind "$1/$f" "etc/$f" || exit; done
exec chroot . /usr/libexec/sendmail/sendmail "$3" -C"$2"`
	return s.network.Laptop.Command("sh", "-c", script, sendmailRoot(), s.dir, s.Path("trial.cf"), arg)
}

// Answers is what it prints for each line of its test mode (-bt), with a
// configuration as Serve has it.
func (s *Sendmail) Answers(t testing.TB, mc string, lines []string) (answers []string) {
	t.Helper()
	s.configure(t, mc)
	cmd := s.command("-bt")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("sendmail -bt: %v\n%s", err, out)
	}
	const prompt = "> "
	_, rest, _ := strings.Cut(string(out), "\n"+prompt)
	for range lines {
		answer, next, ok := "", strings.TrimPrefix(rest, prompt), strings.HasPrefix(rest, prompt)
		if !ok { // it has said something
			if answer, next, ok = strings.Cut(rest, "\n"+prompt); !ok {
				t.Fatalf("sendmail -bt has %d answers to %d lines:\n%s", len(answers), len(lines), out)
			}
		}
		answers, rest = append(answers, answer), next
	}
	return answers
}

// Dial connects a client of an address.
func (s *Sendmail) Dial(ctx context.Context, client string) (conn net.Conn, err error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(client)}, Timeout: 5 * time.Second}
	err = s.network.Laptop.Do(func() (err error) {
		conn, err = d.DialContext(ctx, "tcp4", sendmailAddress+":25")
		return err
	})
	return conn, err
}
