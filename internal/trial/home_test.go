package trial

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/sysexits"
)

const (
	me = "me@trial.example"
	// patience bounds every wait of a trial. Reaching it is a failure.
	patience = 60 * time.Second
)

// A home is a person's home folder with a configuration, and the programs as
// that person calls them.
type home struct {
	t   testing.TB
	dir string
	// within, if not nil, makes a command of another network.
	within func(name string, args ...string) *exec.Cmd
	// env is what the environment holds besides.
	env []string
	// all: a change anywhere in dir is a step, not in the spool alone.
	all bool
}

// newHome has one account, whose lines are given, with a password file.
func newHome(t testing.TB, account, password string) *home {
	t.Helper()
	// The path of the agent's socket has a limit that the name of a test,
	// which TempDir uses, may exceed.
	dir, err := os.MkdirTemp("", "trial-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	h := &home{t: t, dir: dir}
	h.configure(account)
	h.write("password", password+"\n")
	return h
}

// configure writes the configuration anew: an account for me, and other
// tables behind it.
func (h *home) configure(account string) {
	h.t.Helper()
	h.write(".config/mailcrane/mailcrane.toml", "[account.trial]\nfrom = [\""+me+"\"]\n"+account)
}

// account is the lines for a server at url that is checked by a CA file.
func (h *home) account(url, user, ca string) string {
	return fmt.Sprintf("smarthost = %q\nuser = %q\nsecret = \"file:~/password\"\ntls = { ca = %q }\n", url, user, ca)
}

func (h *home) write(name, text string) {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func (h *home) spool(names ...string) string {
	return filepath.Join(append([]string{h.dir, ".local/state/mailcrane/spool"}, names...)...)
}

// command is one of the programs with an environment that holds no more than
// a log-in shell's.
func (h *home) command(program string, args ...string) *exec.Cmd {
	path := filepath.Join(programs, program)
	cmd := exec.Command(path, args...)
	if h.within != nil {
		cmd = h.within(path, args...)
	}
	cmd.Dir = h.dir
	cmd.Env = append([]string{"HOME=" + h.dir, "PATH=/usr/bin:/bin:/usr/sbin:/sbin", "USER=me"}, h.env...)
	return cmd
}

// A result is how a command ended.
type result struct {
	code           int
	stdout, stderr string
	took           time.Duration
}

func (r result) said() string { return r.stdout + r.stderr }

func (h *home) run(input, program string, args ...string) result {
	h.t.Helper()
	cmd := h.command(program, args...)
	cmd.Stdin = strings.NewReader(input)
	return h.start(cmd).wait()
}

// begin is run without waiting for the end.
func (h *home) begin(program string, args ...string) *running {
	h.t.Helper()
	return h.start(h.command(program, args...))
}

// A running command is killed when it takes longer than a trial's patience.
type running struct {
	t              testing.TB
	cmd            *exec.Cmd
	began          time.Time
	limit          *time.Timer
	stdout, stderr bytes.Buffer
}

func (h *home) start(cmd *exec.Cmd) *running {
	h.t.Helper()
	r := &running{t: h.t, cmd: cmd, began: time.Now()}
	cmd.Stdout, cmd.Stderr = &r.stdout, &r.stderr
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	r.limit = time.AfterFunc(patience, func() { cmd.Process.Kill() })
	return r
}

func (r *running) wait() result {
	r.t.Helper()
	err := r.cmd.Wait()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		r.t.Errorf("%q: %v", r.cmd.Args, err)
	}
	if !r.limit.Stop() {
		r.t.Errorf("%q did not end within %v; it said: %s%s", r.cmd.Args, patience, r.stdout.String(), r.stderr.String())
	}
	return result{r.cmd.ProcessState.ExitCode(), r.stdout.String(), r.stderr.String(), time.Since(r.began)}
}

// letter is a message with that Message-ID; its body is enough to tell whether
// all of it arrived.
func letter(id string) string {
	return fmt.Sprintf("From: %s\nTo: someone@trial.example\nSubject: trial\nMessage-ID: <%s@trial.example>\n\n%s", me, id, body(id))
}

// body is a kilobyte, or ten million where the id begins with "large".
func body(id string) string {
	lines := 40
	if strings.HasPrefix(id, "large") {
		lines *= 10_000
	}
	var b strings.Builder
	for i := range lines {
		fmt.Fprintf(&b, "line %d of %s\n", i, id)
	}
	return b.String() + ".\nthe end of " + id + "\n"
}

// mail hands a letter in, and fails the test where it is not accepted.
func (h *home) mail(id string, to ...string) {
	h.t.Helper()
	r := h.run(letter(id), "sendmail", append([]string{"-oi", "-f", me}, to...)...)
	if r.code != sysexits.OK {
		h.t.Fatalf("sendmail: exit code %d: %s", r.code, r.said())
	}
}

// queued is the names of the files in the queue, sorted.
func (h *home) queued() []string {
	h.t.Helper()
	return h.files("queue")
}

func (h *home) files(dir string) []string {
	h.t.Helper()
	entries, err := os.ReadDir(h.spool(dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names
}

// An item is a message as "mailcrane queue --json" tells it.
type item struct {
	ID, State, From, Why, Mend string
	Attempts                   int
	To                         []struct{ Address, State, Reply string }
}

func (h *home) list() []item {
	h.t.Helper()
	r := h.run("", "mailcrane", "queue", "--json")
	var items []item
	for dec := json.NewDecoder(strings.NewReader(r.stdout)); dec.More(); {
		var i item
		if err := dec.Decode(&i); err != nil {
			h.t.Fatalf("mailcrane queue --json: %v: %s", err, r.said())
		}
		items = append(items, i)
	}
	return items
}

// flushed empties the queue, and fails the test where something remains.
func (h *home) flushed() result {
	h.t.Helper()
	r := h.run("", "mailcrane", "flush")
	if left := h.queued(); r.code != sysexits.OK || len(left) > 0 {
		h.t.Errorf("mailcrane flush: exit code %d, in the queue are %q; it said: %s", r.code, left, r.said())
	}
	if damaged := h.files("damaged"); len(damaged) > 0 {
		h.t.Errorf("files were set aside as damaged: %q", damaged)
	}
	return r
}

// await waits until done, which is asked again every few milliseconds: what is
// waited for happens in another process.
func await(t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(patience)
	defer late.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}
