package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailcrane/internal/lab"
)

// The users of these tests: nobody has an account by these numbers.
const (
	keeper = 65410 // the agent's
	alice  = 65411
	mallet = 65412 // who is up to no good
)

// A shared is a machine whose users share one agent. Its mail goes nowhere: its
// smarthost is a port on which nobody listens.
type shared struct {
	t                   *testing.T
	dir, config, socket string
	spool, drop         string
	agent               *exec.Cmd
	log                 *bytes.Buffer
}

func newShared(t *testing.T, more string) *shared {
	t.Helper()
	if os.Getuid() != 0 {
		lab.Missing(t, "to be root, who may be several users", "sudo go test ./cmd/mailcrane")
	}
	dir, err := os.MkdirTemp("", "mailcrane-shared-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &shared{
		t: t, dir: dir, config: filepath.Join(dir, "mailcrane.toml"), socket: filepath.Join(dir, "run/submit.sock"),
		spool: filepath.Join(dir, "queue"), drop: filepath.Join(dir, "drop"),
	}
	for _, d := range []struct {
		path string
		mode os.FileMode
	}{{filepath.Join(dir, "run"), 0o755}, {s.spool, 0o700}, {s.drop, 0o733 | os.ModeSticky | os.ModeSetgid}, {filepath.Join(dir, "home"), 0o777 | os.ModeSticky}} {
		must(t, os.Mkdir(d.path, 0o700), os.Chown(d.path, keeper, keeper), os.Chmod(d.path, d.mode))
	}
	text := more + fmt.Sprintf("[system]\nsocket = %q\ndrop = %q\n[queue]\ndirectory = %q\n", s.socket, s.drop, s.spool) +
		"[account.out]\nfrom = [\"box@example.org\", \"*@example.org\"]\nsmarthost = \"smtp+insecure://127.0.0.1:1\"\nauth = \"none\"\n"
	must(t, os.WriteFile(s.config, []byte(text), 0o644), os.Chmod(dir, 0o755))
	return s
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// as is a program of bin run by a user.
func (s *shared) as(uid uint32, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(bin, name), args...)
	cmd.Dir = "/"
	cmd.Env = []string{"MAILCRANE_CONFIG=" + s.config, "HOME=" + filepath.Join(s.dir, "home"), "LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin", "LOGNAME=forged"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	return cmd
}

// run returns the exit code and what was printed.
func (s *shared) run(uid uint32, stdin, name string, args ...string) (code int, out string) {
	s.t.Helper()
	cmd := s.as(uid, name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	said, err := cmd.CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		s.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(said)
}

// submit has a user hand in a message, which must be taken.
func (s *shared) submit(uid uint32, text string, args ...string) {
	s.t.Helper()
	if code, said := s.run(uid, text, "sendmail", args...); code != 0 || said != "" {
		s.t.Fatalf("sendmail of uid %d: exit %d: %s", uid, code, said)
	}
}

func (s *shared) start() {
	s.t.Helper()
	s.agent, s.log = s.as(keeper, "mailcrane", "agent"), &bytes.Buffer{}
	s.agent.Stderr = s.log
	ready, tell, err := os.Pipe()
	must(s.t, err)
	s.agent.ExtraFiles = []*os.File{tell}
	must(s.t, s.agent.Start())
	tell.Close()
	ready.Close()
	waitUntil(s.t, "the agent's socket", func() bool {
		c, err := net.Dial("unix", s.socket)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	s.t.Cleanup(s.stop)
}

func (s *shared) stop() {
	if s.agent == nil {
		return
	}
	agent := s.agent
	s.agent = nil
	agent.Process.Signal(syscall.SIGTERM)
	agent.Wait()
	if s.t.Failed() {
		s.t.Logf("the agent said:\n%s", s.log)
	}
}

// waitUntil looks every few milliseconds; the deadline is for a machine that is
// very busy.
func waitUntil(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ticks := time.NewTicker(5 * time.Millisecond)
	defer ticks.Stop()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); <-ticks.C {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

// A listed is a message as a user's queue list --json shows it.
type listed struct {
	ID   string
	From string
	To   []struct{ Address string }
}

func (s *shared) list(uid uint32) []listed {
	s.t.Helper()
	code, out := s.run(uid, "", "mailcrane", "queue", "list", "--json")
	if code != 0 {
		s.t.Fatalf("queue list of uid %d: exit %d: %s", uid, code, out)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(out)); ; {
		var one listed
		if err := d.Decode(&one); err == io.EOF {
			return all
		} else if err != nil {
			s.t.Fatalf("%v in %s", err, out)
		}
		all = append(all, one)
	}
}

func (s *shared) dropped() []string {
	s.t.Helper()
	entries, err := os.ReadDir(s.drop)
	must(s.t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestUsersHandTheirMailToTheMachinesAgent(t *testing.T) {
	t.Parallel()
	s := newShared(t, "")
	s.start()
	s.submit(alice, "Subject: first\n\nbody\n", "joe@example.net")
	s.submit(0, "Subject: by root\n\nbody\n", "ann@example.net")
	if got := s.list(alice); len(got) != 1 || got[0].To[0].Address != "joe@example.net" || got[0].From != "box@example.org" {
		t.Fatalf("alice sees %+v", got)
	}
	if got := s.list(0); len(got) != 2 {
		t.Fatalf("root sees %+v", got)
	}
	if got := s.list(mallet); len(got) != 0 {
		t.Fatalf("mallet sees %+v", got)
	}
	id := s.list(alice)[0].ID
	_, story := s.run(0, "", "mailcrane", "explain", id)
	if want := fmt.Sprintf("uid %d, process ", alice); !strings.Contains(story, want) {
		t.Errorf("its story does not say %q:\n%s", want, story)
	}
	_, text := s.run(alice, "", "mailcrane", "queue", "show", id)
	if n := strings.Count(text, "Received:"); n != 1 {
		t.Errorf("%d Received fields:\n%s", n, text)
	}

	s.stop()
	s.submit(alice, "Subject: dropped\n\nbody\r with a stray CR and a \x00\n", "jim@example.net")
	if names := s.dropped(); len(names) != 1 {
		t.Fatalf("the drop directory holds %q", names)
	}
	s.start()
	waitUntil(t, "the dropped message", func() bool { return len(s.list(alice)) == 2 && len(s.dropped()) == 0 })
	raw := ""
	for _, m := range s.list(alice) {
		if m.To[0].Address == "jim@example.net" {
			_, raw = s.run(0, "", "mailcrane", "queue", "show", "--raw", m.ID)
		}
	}
	if !strings.HasSuffix(raw, "\n\nbody\r with a stray CR and a \x00\n") {
		t.Errorf("the dropped message became %q", raw)
	}
	// While the agent runs, what SMTP does not take goes the same way.
	s.submit(alice, "Subject: binary\n\n\x00\n", "jill@example.net")
	waitUntil(t, "the binary message", func() bool { return len(s.list(alice)) == 3 })
	// A long one does not.
	s.submit(alice, "Subject: long\n\n"+strings.Repeat("0123456789\n", 100_000), "jack@example.net")
	if got := s.list(alice); len(got) != 4 || len(s.dropped()) != 0 {
		t.Errorf("alice sees %+v, dropped are %q", got, s.dropped())
	}
}

func TestAUserIsToldOfItsOwnMailAlone(t *testing.T) {
	t.Parallel()
	s := newShared(t, "")
	s.start()
	s.submit(alice, "Subject: hers\n\nsecret words\n", "joe@example.net")
	id := s.list(alice)[0].ID
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"queue show " + id, 65, "you have no message"},
		{"explain " + id, 65, "you have no message"},
		{"queue hold " + id, 65, "you have no message"},
		{"queue remove " + id, 65, "you have no message"},
		{"queue show --raw " + id, 77, "sudo mailcrane queue show --raw"},
		{"queue edit --now " + id, 77, "you may not do that"},
		{"flush", 77, "sudo mailcrane flush"},
		{"status", 0, "empty"},
		{"status --why", 77, "sudo mailcrane status --why"},
		{"events", 77, "sudo mailcrane events"},
		{"undo", 77, "sudo mailcrane undo"},
		{"queue list --done", 77, "sudo mailcrane queue list --done"},
	} {
		if code, out := s.run(mallet, "", "mailcrane", strings.Fields(c.args)...); code != c.code || !strings.Contains(out, c.want) || strings.Contains(out, "secret words") || strings.Contains(out, "joe@") {
			t.Errorf("%s: exit %d: %s", c.args, code, out)
		}
	}
	if code, out := s.run(mallet, "", "mailq"); code != 0 || !strings.Contains(out, "is empty") {
		t.Errorf("mailq of mallet: exit %d: %s", code, out)
	}
	if code, out := s.run(alice, "", "mailq"); code != 0 || !strings.Contains(out, id) {
		t.Errorf("mailq of alice: exit %d: %s", code, out)
	}
	if code, out := s.run(alice, "", "mailcrane", "explain", id); code != 0 || !strings.Contains(out, "joe@example.net") {
		t.Errorf("explain of alice: exit %d: %s", code, out)
	}
	if code, out := s.run(alice, "", "mailcrane", "queue", "hold", id); code != 0 || out != id+" held\n" {
		t.Errorf("hold of alice: exit %d: %q", code, out)
	}
	if code, out := s.run(alice, "", "mailcrane", "queue", "remove", id); code != 0 || out != id+" removed\n" {
		t.Errorf("remove of alice: exit %d: %q", code, out)
	}
	s.submit(mallet, "\nbody\n", "jim@example.net")
	s.submit(mallet, "\nbody\n", "jim@example.net")
	for uid, want := range map[uint32]int{alice: 0, mallet: 2, 0: 2} {
		var r statusReport
		code, out := s.run(uid, "", "mailcrane", "status", "--json")
		if err := json.Unmarshal([]byte(out), &r); code != 0 || err != nil || r.Queue.Messages != want || r.Accounts[0].Waiting != want || r.Agent == nil {
			t.Errorf("status of uid %d: exit %d, %v: %s", uid, code, err, out)
		}
	}
	// What root has done belongs to the agent still.
	s.submit(alice, "\nbody\n", "joe@example.net")
	id = s.list(alice)[0].ID
	if code, out := s.run(0, "", "mailcrane", "queue", "hold", id); code != 0 {
		t.Fatalf("hold of root: exit %d: %s", code, out)
	}
	must(t, filepath.WalkDir(s.spool, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Sys().(*syscall.Stat_t).Uid != keeper {
			t.Errorf("%s is uid %d's", path, info.Sys().(*syscall.Stat_t).Uid)
		}
		return err
	}))
}
