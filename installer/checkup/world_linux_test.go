package checkup

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailcrane/installer/links"
	"mailcrane/internal/config"
	"mailcrane/queue"
)

const (
	host     = "smtp.example.org"
	me       = "me@example.org"
	password = "hunter2-planted"
)

// now is the time that the tests' clock says, and within which their certificates
// are good.
func now() time.Time { return time.Now().Truncate(time.Second) }

// inPrograms is the variable that names the folder with mailcrane and its sendmail,
// for this process and for those that a test starts of itself.
const inPrograms = "MAILCRANE_CHECKUP_PROGRAMS"

func programs() string { return os.Getenv(inPrograms) }

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	if programs() != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "checkup-")
	if err == nil {
		defer os.RemoveAll(dir)
		build := exec.Command("go", "build", "-o", dir+"/", "../../cmd/...")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		var out []byte
		if out, err = build.CombinedOutput(); err == nil {
			err = os.Setenv(inPrograms, dir)
		}
		os.Stderr.Write(out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// A world is a machine on which all is well, until a test changes something.
type world struct {
	t          *testing.T
	home, root string
	file       string // the configuration
	server     *server
	names      *nameServer
	authority  *authority
	// ports is where a port of the server's host really is.
	ports   map[string]string
	clock   func() time.Time
	agent   *Agent
	env     map[string]string
	account string
	offline bool
	// system and uid are who asks for what; said is what systemd says to a command
	// of systemctl that begins so, where there is a systemd.
	system bool
	uid    int
	said   map[string]string
}

// newWorld has an account work at a server that speaks TLS at once on port 465,
// STARTTLS on 587, and is closed at 25.
func newWorld(t *testing.T) *world {
	t.Helper()
	bin := programs()
	w := &world{
		t: t, home: t.TempDir(), root: t.TempDir(), clock: now, ports: map[string]string{}, env: map[string]string{},
		agent: &Agent{PID: 1}, uid: os.Getuid(),
	}
	w.file = filepath.Join(w.home, ".config/mailcrane/mailcrane.toml")
	w.authority = newAuthority(t, "the test's authority")
	w.names = newNameServer(t)
	w.server = newServer(t, w.authority.issue(host, now().AddDate(-1, 0, 0), now().AddDate(1, 0, 0)))
	w.ports["465"], w.ports["587"] = w.server.listen(true), w.server.listen(false)
	w.write(filepath.Join(w.home, "password"), password+"\n")
	w.configure("smtps://"+host, "")
	w.write(filepath.Join(w.root, "etc/resolv.conf"), "nameserver 192.0.2.53\n")
	w.write(filepath.Join(w.root, "etc/ssl/certs/ca-certificates.crt"), "some\n")
	for _, dir := range []string{"usr/sbin", "usr/lib", "usr/bin"} {
		w.made(os.MkdirAll(filepath.Join(w.root, dir), 0o755))
	}
	for _, link := range []string{"usr/sbin/sendmail", "usr/lib/sendmail", "usr/bin/mailq", "usr/bin/newaliases"} {
		w.made(os.Symlink(filepath.Join(bin, "sendmail"), filepath.Join(w.root, link)))
	}
	w.made(os.Symlink("/proc", filepath.Join(w.root, "proc")))
	return w
}

func (w *world) made(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) write(path, text string) {
	w.t.Helper()
	w.made(os.MkdirAll(filepath.Dir(path), 0o700))
	w.made(os.WriteFile(path, []byte(text), 0o600))
}

// configure writes the configuration with that server, and more lines of the
// account; each setting is a line.
func (w *world) configure(smarthost, more string) {
	w.t.Helper()
	w.write(w.file, fmt.Sprintf("[account.work]\nfrom = [%q]\nsmarthost = %q\nuser = %q\nsecret = \"file:~/password\"\ntls = { ca = %q }\n%s",
		me, smarthost, me, w.authority.file, more))
}

func (w *world) replace(old, text string) {
	w.t.Helper()
	before, err := os.ReadFile(w.file)
	w.made(err)
	if !strings.Contains(string(before), old) {
		w.t.Fatalf("there is no %q in %s", old, before)
	}
	w.write(w.file, strings.ReplaceAll(string(before), old, text))
}

func (w *world) getenv(name string) string {
	if value, ok := w.env[name]; ok {
		return value
	}
	return map[string]string{"HOME": w.home, "PATH": "/usr/sbin:/usr/bin"}[name]
}

func (w *world) spoolDir() string { return filepath.Join(w.home, ".local/state/mailcrane/spool") }

func (w *world) options() Options {
	bin := programs()
	o := Options{
		Account: w.account, Offline: w.offline, System: w.system,
		Now: w.clock, Getenv: w.getenv, Dial: w.dial, AskName: w.names.dial, Root: w.root,
		Exec: func(ctx context.Context, name string, args ...string) (string, error) {
			if name == "systemctl" && w.said != nil {
				return w.systemctl(args)
			}
			out, err := exec.CommandContext(ctx, name, args...).Output()
			return string(out), err
		},
		Program: filepath.Join(bin, "mailcrane"), Call: "mailcrane", UID: w.uid, User: "me", File: w.file,
		AskAgent: func(context.Context) *Agent { return w.agent },
	}
	o.Config, o.Fault = config.Load(w.file, w.getenv)
	if o.Fault == nil {
		o.Spool = queue.NewSpoolOver(o.Config.Spools, queue.OS{}, w.clock)
	}
	return o
}

// dial looks names up as mail does, and then takes the port to where it really is.
func (w *world) dial(ctx context.Context, network, address string) (net.Conn, error) {
	name, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if net.ParseIP(name) == nil {
		if _, err := (&net.Resolver{PreferGo: true, Dial: w.names.dial}).LookupNetIP(ctx, "ip", name); err != nil {
			return nil, err
		}
	}
	to := w.ports[port]
	if to == "" {
		to = closedPort(w.t)
	}
	const patience = 300 * time.Millisecond // a port that is shut is not waited for as long as a real one
	return (&net.Dialer{Timeout: patience}).DialContext(ctx, network, to)
}

// look is a checkup.
func (w *world) look() []Finding {
	var all []Finding
	Run(w.t.Context(), w.options(), func(f Finding) { all = append(all, f) })
	return all
}

// worst are the findings that are more than a note.
func worst(all []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(all), func(f Finding) bool { return f.State == OK || f.State == Note })
}

// only is the one finding that is more than a note; another is an error.
func (w *world) only(all []Finding) Finding {
	w.t.Helper()
	bad := worst(all)
	if len(bad) != 1 {
		w.t.Fatalf("%d findings are more than a note: %+v\nof %+v", len(bad), bad, all)
	}
	return bad[0]
}

// typed runs a command as it was told, in the home.
func (w *world) typed(command, input string) {
	w.t.Helper()
	bin := programs()
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir, cmd.Stdin = w.home, strings.NewReader(input)
	cmd.Env = []string{"HOME=" + w.home, "PATH=" + bin + ":" + os.Getenv("PATH"), "MAILCRANE_CONFIG=" + w.file}
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Errorf("%s: %v\n%s", command, err, out)
	}
}

// queued puts a message of that size into the queue.
func (w *world) queued(octets int) {
	w.t.Helper()
	spool := queue.NewSpool(w.spoolDir(), queue.OS{}, w.clock)
	e := &queue.Envelope{From: me, To: []queue.Recipient{{Address: "you@example.net"}}}
	_, err := spool.Put(w.t.Context(), e, strings.NewReader("From: "+me+"\n\n"+strings.Repeat("0123456789\n", octets/11)))
	w.made(err)
}

// linked puts the names of sendmail right, as "mailcrane service link --replace"
// does on a machine of its own.
func (w *world) linked() {
	w.t.Helper()
	bin := programs()
	none := func(context.Context, string, ...string) (string, error) { return "", exec.ErrNotFound }
	_, err := links.New(links.Options{Shim: filepath.Join(bin, "sendmail"), Root: w.root, Run: none}).Install(w.t.Context(), true)
	w.made(err)
}

// closedPort is an address where nobody listens.
func closedPort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// removed takes a file away, which need not be there.
func (w *world) removed(path string) {
	w.t.Helper()
	if err := os.RemoveAll(path); err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
}

// chmod sets a mode.
func (w *world) chmod(path string, mode fs.FileMode) { w.t.Helper(); w.made(os.Chmod(path, mode)) }
