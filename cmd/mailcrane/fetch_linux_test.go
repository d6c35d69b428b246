package main

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mailcrane/internal/lab"
)

// nobody is the user of the laptop, whom every system has.
const nobody = 65534

// A provider is a server that holds mail for client.example, and the laptop of ann,
// who may fetch it: two processes, with TLS and a log-in between them.
type provider struct {
	t       *testing.T
	dir     string
	in, out string // where it takes mail in, and where mail is fetched
}

func newProvider(t *testing.T, more string) *provider {
	t.Helper()
	if os.Getuid() != 0 {
		lab.Missing(t, "to be root, who may be several users", "sudo go test ./cmd/mailcrane")
	}
	dir, err := os.MkdirTemp("", "mailcrane-fetch-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &provider{t: t, dir: dir, in: freePort(t), out: freePort(t)}
	p.certify()
	must(t, os.Chmod(dir, 0o755), os.Mkdir(p.path("lap"), 0o700), os.Chown(p.path("lap"), nobody, nobody))
	p.write("mailertable", "client.example\tdsmtp:client.example\n", 0)
	p.write("access", "To:client.example RELAY\n", 0)
	p.write("users", "", 0)
	p.write("password", "secret\n", nobody)
	p.write("server.toml", fmt.Sprintf(`[queue]
directory = %q
[mta]
hostname = "provider.example"
dont_blame_sendmail = ["TrustStickyBit"]
[mta.policy]
accept_unresolvable_domains = true
[mta.map]
mailertable = %q
access = %q
[mta.users]
file = %q
[mta.tls]
cert = %q
key = %q
[mta.turn]
users = ["ann client.example"]
[[mta.listen]]
address = %q
[[mta.listen]]
address = %q
odmr = true
`, p.path("queue"), p.path("mailertable"), p.path("access"), p.path("users"), p.path("cert.pem"), p.path("key.pem"), p.in, p.out), 0)
	p.write("laptop.toml", fmt.Sprintf(`%s
[queue]
directory = %q
[mta.deliver]
mailer = %q
[account.work]
from = ["ann@client.example"]
smarthost = "smtp://%s"
user = "ann"
secret = "file:%s"
tls.ca = %q
fetch = "atrn"
fetch_domains = ["client.example"]
`, more, p.path("lap/queue"), "maildir:"+p.path("lap/Maildir"), p.out, p.path("password"), p.path("cert.pem")), nobody)
	add := exec.Command(filepath.Join(bin, "mailcrane"), "--config", p.path("server.toml"), "mta", "user", "add", "ann")
	add.Stdin = strings.NewReader("secret\n")
	if said, err := add.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return p
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

func (p *provider) path(name string) string { return filepath.Join(p.dir, name) }

func (p *provider) write(name, text string, owner int) {
	p.t.Helper()
	must(p.t, os.WriteFile(p.path(name), []byte(text), 0o600), os.Chown(p.path(name), owner, owner))
}

// certify gives the server a certificate for 127.0.0.1.
func (p *provider) certify() {
	p.t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	pair := s.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	must(p.t, err)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})
	p.write("cert.pem", string(cert), 0)
	must(p.t, os.Chmod(p.path("cert.pem"), 0o644))
	p.write("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})), 0)
}

// start has the server run until the test ends.
func (p *provider) start() {
	p.t.Helper()
	server := exec.Command(filepath.Join(bin, "mailcrane"), "--config", p.path("server.toml"), "mta")
	log, err := server.StderrPipe()
	must(p.t, err, server.Start())
	p.t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		_ = server.Wait()
	})
	lines := bufio.NewScanner(log)
	for listens := 0; listens < 2 && lines.Scan(); {
		if strings.Contains(lines.Text(), "listening ") {
			listens++
		}
	}
	go io.Copy(io.Discard, log) // what is not read would stop it
}

func (p *provider) put(to string) {
	p.t.Helper()
	c, err := smtp.Dial(p.in)
	must(p.t, err, c.Mail("bob@example.org"), c.Rcpt(to))
	w, err := c.Data()
	must(p.t, err)
	_, err = io.WriteString(w, "Subject: hello\r\n\r\nhello "+to+"\r\n")
	must(p.t, err, w.Close(), c.Quit())
}

// command is one of the laptop's user.
func (p *provider) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(bin, "mailcrane"), append([]string{"--config", p.path("laptop.toml")}, args...)...)
	cmd.Dir, cmd.Env = "/", []string{"HOME=" + p.path("lap"), "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return cmd
}

// laptop runs a command of the laptop's user.
func (p *provider) laptop(args ...string) (code int, out string) {
	p.t.Helper()
	cmd := p.command(args...)
	said, err := cmd.CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		p.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(said)
}

// mailbox is what is in the laptop's Maildir.
func (p *provider) mailbox() (all []string) {
	p.t.Helper()
	files, err := filepath.Glob(p.path("lap/Maildir/new/*"))
	must(p.t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(p.t, err)
		all = append(all, string(text))
	}
	return all
}

// Coverage: X7.
func TestALaptopFetchesWhatItsServerHolds(t *testing.T) {
	p := newProvider(t, "")
	p.start()
	if code, said := p.laptop("fetch"); code != 0 || !strings.Contains(said, "no mail at "+p.out) {
		t.Errorf("with nothing there: exit %d: %s", code, said)
	}
	p.put("ann@client.example")
	p.put("joe@client.example")
	if got := p.mailbox(); len(got) != 0 {
		t.Errorf("it came unasked: %q", got)
	}
	code, said := p.laptop("fetch", "work")
	if code != 0 || !strings.Contains(said, "2 messages from "+p.out) || !strings.Contains(said, "bob@example.org to ann@client.example") {
		t.Errorf("exit %d: %s", code, said)
	}
	got := p.mailbox()
	if len(got) != 2 {
		t.Fatalf("the mailbox has %q", got)
	}
	for _, want := range []string{"Return-Path: <bob@example.org>", "with ESMTPS id ", "hello "} {
		if !strings.Contains(got[0], want) {
			t.Errorf("there is no %q in\n%s", want, got[0])
		}
	}
	if code, said = p.laptop("fetch", "--json"); code != 0 || said != "" {
		t.Errorf("again: exit %d: %s", code, said)
	}
	p.put("ann@client.example")
	if code, said = p.laptop("fetch", "--json"); code != 0 || !strings.Contains(said, `"from":"bob@example.org","to":["ann@client.example"]`) {
		t.Errorf("exit %d: %s", code, said)
	}
}

func TestWhoMayNotFetchIsToldWhatToDo(t *testing.T) {
	p := newProvider(t, "")
	if code, said := p.laptop("fetch"); code != 75 {
		t.Errorf("without a server: exit %d: %s", code, said)
	}
	p.start()
	p.write("wrong", "wrong\n", nobody)
	config, err := os.ReadFile(p.path("laptop.toml"))
	must(t, err)
	for _, c := range []struct {
		reason, from, to string
		code             int
		said             string
	}{
		{"a domain of somebody else", `["client.example"]`, `["other.example"]`, 75, "other.example is not yours to fetch"},
		{"a port without it", p.out, p.in, 69, "does not know ATRN"},
		{"a wrong password", p.path("password"), p.path("wrong"), 77, "the server refuses user name or password"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			p.write("laptop.toml", string(bytes.ReplaceAll(config, []byte(c.from), []byte(c.to))), nobody)
			if code, said := p.laptop("fetch"); code != c.code || !strings.Contains(said, c.said) {
				t.Errorf("exit %d: %s", code, said)
			}
		})
	}
	p.write("laptop.toml", strings.ReplaceAll(string(config), `fetch = "atrn"`, `fetch = "none"`), nobody)
	if code, said := p.laptop("fetch"); code != 78 || !strings.Contains(said, "no account has fetch set") {
		t.Errorf("where nothing is set: exit %d: %s", code, said)
	}
}

func TestTheAgentOfALaptopFetchesByItself(t *testing.T) {
	p := newProvider(t, "log_level = 9\n")
	p.start()
	p.put("ann@client.example")
	agent := p.command("agent")
	log, err := agent.StderrPipe()
	must(t, err, agent.Start())
	t.Cleanup(func() {
		_ = agent.Process.Signal(syscall.SIGTERM)
		_ = agent.Wait()
	})
	var told []string
	for lines := bufio.NewScanner(log); lines.Scan(); {
		told = append(told, lines.Text())
		if strings.Contains(lines.Text(), "message delivered") {
			break
		}
	}
	if got := p.mailbox(); len(got) != 1 {
		t.Errorf("the mailbox has %q; the agent said\n%s", got, strings.Join(told, "\n"))
	}
}
