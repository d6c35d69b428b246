package trial

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailcrane/internal/lab"
)

// A server is a machine of a village that runs mailcrane mta, as root.
type server struct {
	*home
	machine *lab.Namespace
	running *running
}

const (
	villageUser  = 2000 // the uid of ann and me, each on a machine of their own
	craneUser    = 990  // as whom the servers run
	hubNumber    = 10
	hubIP        = "198.51.100.10"
	twoNumber    = 20
	twoIP        = "198.51.100.20"
	laptopNumber = 30
	laptopIP     = "198.51.100.30"
)

// village is two servers, of hub.test and two.test, and a laptop that is me@hub.test's.
type village struct {
	*lab.Village
	hub, two *server
	laptop   *home
	wire     *lab.Namespace
}

func newVillage(t *testing.T) *village {
	t.Helper()
	v := &village{Village: lab.NewVillage(t, map[string]string{
		"hub.test":    "@ MX 10 mail\nmail A " + hubIP + "\n",
		"two.test":    "@ MX 10 mail\nmail A 198.51.100.20\n",
		"laptop.test": "@ MX 10 mail.hub.test.\n",
		"dialup.test": "@ MX 10 mail.hub.test.\n",
		"self.test":   "@ MX 10 mail.hub.test.\n",
	})}
	v.hub = v.server(t, "hub", "me", hubNumber, fmt.Sprintf(`
[mta.users]
file = %q
[mta.tls]
cert = %q
key = %q
[[mta.listen]]
address = "0.0.0.0:587"
auth = "required"
odmr = true
[mta.turn]
users = ["me@hub.test laptop.test"]
`, v.Dir+"/hub/users", v.key(t, "hub", "good.pem"), v.key(t, "hub", "good.key")))
	v.two = v.server(t, "two", "ann", twoNumber, "")
	// What the hub holds for those who dial in, and what each sends to the other.
	v.hub.chart("mailertable", fmt.Sprintf("laptop.test dsmtp:[%s]\ndialup.test dsmtp:[%s]\nping.test relay:[%s]\n", laptopIP, twoIP, twoIP))
	v.two.chart("mailertable", fmt.Sprintf("ping.test relay:[%s]\n", hubIP))
	if r := v.hub.run("sekrit\n", "mailcrane", "mta", "user", "add", "me@hub.test"); r.code != 0 {
		t.Fatalf("mta user add: %s", r.said())
	}
	v.laptopOf(t)
	return v
}

// key copies a file of the lab's certificates to where only root can read it.
func (v *village) key(t *testing.T, machine, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(lab.Root(), "ca", name))
	if err != nil {
		lab.Missing(t, "the lab's certificates", "internal/lab/lab.sh install")
	}
	to := filepath.Join(v.Dir, machine, name)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

// give makes a file that of the server's user.
func (v *village) give(t *testing.T, path string) {
	t.Helper()
	if err := os.Chown(path, craneUser, craneUser); err != nil {
		t.Fatal(err)
	}
}

// server is a machine with one user, whose domain is NAME.test.
func (v *village) server(t *testing.T, name, user string, number int, more string) *server {
	t.Helper()
	dir := filepath.Join(v.Dir, name)
	folk := filepath.Join(dir, "home", user)
	if err := os.MkdirAll(folk, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(folk, villageUser, villageUser); err != nil {
		t.Fatal(err)
	}
	m := v.Machine(name, number, map[string]string{
		"passwd":      fmt.Sprintf("root:x:0:0::/root:/bin/sh\ndaemon:x:1:1::/:/usr/sbin/nologin\ncrane:x:990:990::/:/usr/sbin/nologin\n%s:x:%d:%d::%s:/bin/sh\n", user, villageUser, villageUser, folk),
		"group":       fmt.Sprintf("root:x:0:\ndaemon:x:1:\ncrane:x:990:\n%s:x:%d:\n", user, villageUser),
		"hosts":       "127.0.0.1 localhost\n",
		"resolv.conf": "nameserver " + lab.VillageName + "\n",
	})
	s := &server{home: &home{t: t, dir: dir, within: m.Command}, machine: m}
	if err := os.MkdirAll(s.spool(), 0o755); err != nil { //nolint:gosec // the way there is everybody's
		t.Fatal(err)
	}
	v.give(t, s.spool())
	s.chart("aliases", "root: "+user+"\npostmaster: root\n")
	local := `"hub.test"`
	if name != "hub" {
		local = fmt.Sprintf(`"%s.test", "dialup.test"`, name)
	}
	s.write(".config/mailcrane/mailcrane.toml", fmt.Sprintf(`[queue]
directory = %q
[mta]
hostname = "mail.%s.test"
local = [%s]
relay = ["laptop.test", "dialup.test", "ping.test"]
name_servers = [%q]
run_as = "crane"
[mta.map]
aliases = [%q]
mailertable = %q
[mta.deliver]
default_user = "daemon"
[[mta.listen]]
address = "0.0.0.0:25"
`, s.spool(), name, local, lab.VillageName, dir+"/aliases", dir+"/mailertable")+more)
	return s
}

// chart writes a map, which is everybody's to read.
func (s *server) chart(name, text string) {
	s.t.Helper()
	s.write(name, text)
	if err := os.Chmod(filepath.Join(s.dir, name), 0o644); err != nil { //nolint:gosec // that is what it is for
		s.t.Fatal(err)
	}
}

func (s *server) begin() {
	s.t.Helper()
	s.running = s.home.begin("mailcrane", "mta")
	s.t.Cleanup(func() {
		_ = s.running.cmd.Process.Signal(os.Interrupt) // it may have ended
		said := s.running.wait().said()
		if s.t.Failed() {
			s.t.Logf("%s: %s", s.dir, said)
		}
	})
	await(s.t, "the server listens", func() bool {
		out, err := s.machine.Command("sh", "-c", "grep -c ':0019 ' /proc/net/tcp").Output()
		return err == nil && strings.TrimSpace(string(out)) != "0"
	})
}

// mailbox are the messages in a user's Maildir.
func (s *server) mailbox(user string) []string {
	return (&home{t: s.t, dir: filepath.Join(s.dir, "home", user)}).maildir()
}

// maildir are the messages in the Maildir of a home.
func (h *home) maildir() (all []string) {
	h.t.Helper()
	files, err := filepath.Glob(filepath.Join(h.dir, "Maildir/new/*"))
	if err != nil {
		h.t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			h.t.Fatal(err)
		}
		all = append(all, string(text))
	}
	return all
}

// laptopOf is the laptop of an ordinary user.
func (v *village) laptopOf(t *testing.T) {
	t.Helper()
	dir := filepath.Join(v.Dir, "laptop")
	m := v.Machine("laptop", laptopNumber, map[string]string{
		"passwd":      fmt.Sprintf("root:x:0:0::/root:/bin/sh\nme:x:%d:%d::%s:/bin/sh\n", villageUser, villageUser, dir),
		"group":       fmt.Sprintf("root:x:0:\nme:x:%d:\n", villageUser),
		"hosts":       "127.0.0.1 localhost\n" + hubIP + " smarthost.test\n",
		"resolv.conf": "nameserver " + lab.VillageName + "\n",
	})
	v.wire = m
	me := []string{fmt.Sprintf("--reuid=%d", villageUser), fmt.Sprintf("--regid=%d", villageUser), "--clear-groups"}
	v.laptop = &home{t: t, dir: dir, within: func(name string, args ...string) *exec.Cmd {
		return m.Command("setpriv", slices.Concat(me, []string{name}, args)...)
	}}
	v.laptop.write("password", "sekrit\n")
	v.laptop.write(".config/mailcrane/mailcrane.toml", fmt.Sprintf(`[account.hub]
from = ["me@hub.test"]
smarthost = "smtp://smarthost.test:587"
user = "me@hub.test"
secret = "file:~/password"
tls = { ca = %q }
fetch = "atrn"
fetch_domains = ["laptop.test"]
`, filepath.Join(lab.Root(), "ca/ca.pem")))
	err := errors.Join(os.Chmod(programs, 0o755), filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error { //nolint:gosec // for the user to start them
		return errors.Join(err, os.Chown(path, villageUser, villageUser))
	}))
	if err != nil {
		t.Fatal(err)
	}
}

// hands hands a letter in to the server of a machine, as its own programs do.
func (s *server) hands(from, id, to string) {
	s.t.Helper()
	err := s.machine.Do(func() error {
		c, err := smtp.Dial("127.0.0.1:25")
		if err != nil {
			return err
		}
		defer c.Close()
		if err := errors.Join(c.Mail(from), c.Rcpt(to)); err != nil {
			return err
		}
		w, err := c.Data()
		if err != nil {
			return err
		}
		_, err = io.WriteString(w, strings.ReplaceAll(letter(id), me, from))
		return errors.Join(err, w.Close())
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// saysETRN asks another machine's server for what it holds.
func (s *server) saysETRN(address, domain string) {
	s.t.Helper()
	var reply string
	err := s.machine.Do(func() error {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		defer c.Close()
		in := bufio.NewScanner(c)
		for _, line := range []string{"EHLO mail.two.test", "ETRN " + domain} {
			for in.Scan() && !strings.HasPrefix(in.Text(), "220 ") && !strings.HasPrefix(in.Text(), "250 ") {
			}
			if _, err := fmt.Fprintf(c, "%s\r\n", line); err != nil {
				return err
			}
		}
		for in.Scan() {
			if reply = in.Text(); len(reply) > 3 && reply[3] == ' ' && strings.Contains(reply, "Queu") {
				return nil
			}
		}
		return in.Err()
	})
	if err != nil || !strings.HasPrefix(reply, "25") {
		s.t.Errorf("ETRN: %q, %v", reply, err)
	}
}

func (v *village) link(state string) {
	v.t().Helper()
	if out, err := exec.Command("ip", "-n", v.wire.Name, "link", "set", "eth0", state).CombinedOutput(); err != nil {
		v.t().Fatalf("%v: %s", err, out)
	}
	if state == "up" {
		if out, err := exec.Command("ip", "-n", v.wire.Name, "route", "replace", "default", "via", lab.VillageName).CombinedOutput(); err != nil {
			v.t().Fatalf("%v: %s", err, out)
		}
	}
}

func (v *village) t() testing.TB { return v.laptop.t }

func has(all []string, parts ...string) bool {
	for _, text := range all {
		found := true
		for _, part := range parts {
			found = found && strings.Contains(text, part)
		}
		if found {
			return true
		}
	}
	return false
}

// The whole way: a letter that is written offline goes through the smarthost to a
// mailbox on another machine, one to nobody comes back, and what is held for a
// machine that dials in comes by ATRN and by ETRN.
//
// Coverage: X7.
func TestALaptopAndTwoServersHaveMailGoAllWays(t *testing.T) {
	v := newVillage(t)
	v.hub.begin()
	v.two.begin()
	v.link("down")
	agent := v.laptop.begin("mailcrane", "agent")
	t.Cleanup(func() {
		_ = agent.cmd.Process.Signal(os.Interrupt) // it may have ended
		if said := agent.wait().said(); t.Failed() {
			t.Log(said)
		}
	})
	for id, to := range map[string]string{"to-ann": "ann@two.test", "to-nobody": "nobody@two.test"} {
		text := strings.ReplaceAll(letter(id), me, "me@hub.test")
		if r := v.laptop.run(text, "sendmail", "-oi", "-f", "me@hub.test", to); r.code != 0 {
			t.Fatalf("sendmail: %s", r.said())
		}
	}
	if n := len(v.laptop.queued()); n != 2 {
		t.Fatalf("%d letters wait, not 2", n)
	}
	v.link("up")
	await(t, "the letter is in ann's Maildir", func() bool {
		return has(v.two.mailbox("ann"), "Message-ID: <to-ann@", "Delivered-To: ann@two.test", "the end of to-ann")
	})
	await(t, "the letter to nobody came back", func() bool {
		return has(v.hub.mailbox("me"), "multipart/report", "nobody@two.test", "5.1.1")
	})
	await(t, "nothing waits", func() bool {
		return len(v.laptop.queued())+len(v.hub.queued())+len(v.two.queued()) == 0
	})
	if n := len(v.two.mailbox("ann")); n != 1 {
		t.Errorf("ann has %d letters", n)
	}

	// What comes for the laptop while it is away waits at its server, and comes when it
	// is there: nobody else's does.
	v.link("down")
	v.two.hands("ann@two.test", "for-laptop", "me@laptop.test")
	v.two.hands("ann@two.test", "for-dialup", "me@hub.test")
	v.hub.hands("me@hub.test", "held", "ann@dialup.test")
	await(t, "the hub holds both", func() bool { return len(v.hub.queued()) == 2 })
	v.link("up")
	await(t, "the laptop fetches its letter", func() bool {
		return has(v.laptop.maildir(), "Message-ID: <for-laptop@", "the end of for-laptop")
	})
	if n := len(v.hub.queued()); n != 1 {
		t.Errorf("%d letters wait at the hub, not the one for dialup.test", n)
	}
	v.two.saysETRN(hubIP+":25", "dialup.test")
	await(t, "what was held comes by ETRN", func() bool { return has(v.two.mailbox("ann"), "Message-ID: <held@") })
	await(t, "nothing waits", func() bool {
		return len(v.laptop.queued())+len(v.hub.queued())+len(v.two.queued()) == 0
	})
}
