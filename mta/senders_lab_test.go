//go:build linux

package mta

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/lab"
	"mailcrane/queue"
	"mailcrane/smarthost"
)

// oddBodies are what programs have been seen to spoil on the way.
var oddBodies = []struct{ reason, body string }{
	{"plain", "one\r\ntwo\r\n"},
	{"dots", ".\r\n..\r\n.one\r\nx.\r\n\r\n.\r\n"},
	{"lines of mbox", "From me\r\n>From you\r\n"},
	{"eight bits", "Gr\xc3\xbc\xc3\x9fe\r\n"},
	{"the longest line", strings.Repeat("x", 998) + "\r\n"},
	{"blank lines at the end", "x\r\n\r\n\r\n"},
	{"nothing", ""},
}

// bodyOf is what stands behind the header of a kept message.
func bodyOf(t *testing.T, kept string) string {
	t.Helper()
	_, message, _ := strings.Cut(kept, "\nReceived: ")
	_, body, found := strings.Cut(message, "\r\n\r\n")
	if !found {
		t.Fatalf("there is no body in\n%s", kept)
	}
	return body
}

// A real Exim logs in over verified TLS and hands over what it was given.
func TestARealEximSendsThroughTheServer(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can run Exim in its own root")
	}
	root := filepath.Join(lab.Root(), "peer-exim/root")
	if _, err := os.Stat(filepath.Join(root, "usr/sbin/exim4")); err != nil {
		lab.Missing(t, "Exim", "internal/lab/lab.sh install-peers")
	}
	dir, err := os.MkdirTemp(filepath.Join(root, "var/spool"), "mailcrane-trial-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	inside := strings.TrimPrefix(dir, root)
	for _, test := range oddBodies {
		t.Run(test.reason, func(t *testing.T) {
			text := users(t)
			r := run(t, text, "auth = \"required\"\n")
			_, port, _ := net.SplitHostPort(r.address)
			settings := fmt.Sprintf(eximSettings, inside, inside, port, inside)
			for name, text := range map[string]string{"ca.pem": authorityOf(t, text), "conf": settings} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			mustRun(t, "", nil, "chroot", root, "chown", "-R", "Debian-exim", inside)
			if err := os.Chown(filepath.Join(dir, "conf"), 0, 0); err != nil {
				t.Fatal(err)
			}
			message := strings.ReplaceAll("Subject: x\r\nFrom: me@example.net\r\n\r\n"+test.body, "\r\n", "\n")
			mustRun(t, message, nil, "chroot", root, "/usr/sbin/exim4", "-C", inside+"/conf", "-odi", "-oi", "-f", "me@example.net", "you@example.org")
			entries, texts := r.kept()
			if len(entries) != 1 {
				log, _ := os.ReadFile(filepath.Join(dir, "mainlog"))
				t.Fatalf("%d messages are kept; Exim's log:\n%s", len(entries), log)
			}
			if got := bodyOf(t, texts[0]); got != test.body {
				t.Errorf("the body is %q, want %q", got, test.body)
			}
			if !strings.Contains(texts[0], " with ESMTPSA id ") {
				t.Errorf("it does not tell of TLS and the log-in:\n%s", texts[0])
			}
		})
	}
}

// eximSettings want its directory twice, the port, and the directory again.
const eximSettings = `primary_hostname = sender.test
keep_environment =
spool_directory = %s
log_file_path = %s/%%slog
message_size_limit = 64M
begin routers
out:
  driver = manualroute
  transport = out
  route_list = * localhost byname
  self = send
begin transports
out:
  driver = smtp
  port = %s
  allow_localhost
  hosts_require_tls = *
  hosts_require_auth = *
  tls_verify_certificates = %s/ca.pem
  tls_verify_hosts = *
  tls_verify_cert_hostnames = *
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^fred^secret
`

// Python's smtplib is what scripts send with.
func TestPythonsSmtplibSendsThroughTheServer(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		lab.Missing(t, "python3", "apt-get install python3")
	}
	const script = `
import smtplib, ssl, sys
host, port = sys.argv[1:3]
body = sys.stdin.buffer.read()
s = smtplib.SMTP(host, int(port), timeout=30)
s.starttls(context=ssl._create_unverified_context()) # the test is of SMTP
s.login("fred", "secret")
s.sendmail("me@example.net", ["y\u00f6u@example.org"], b"Subject: x\r\n\r\n" + body, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
s.quit()
`
	large := strings.Repeat(strings.Repeat("0123456789", 7)+"\r\n", 20<<20/72)
	for _, test := range append(slices.Clone(oddBodies), struct{ reason, body string }{"20 MiB", large}) {
		t.Run(test.reason, func(t *testing.T) {
			r := run(t, users(t), "auth = \"required\"\n")
			host, port, _ := net.SplitHostPort(r.address)
			mustRun(t, test.body, nil, python, "-c", script, host, port)
			entries, texts := r.kept()
			if len(entries) != 1 || entries[0].Envelope.To[0].Address != "yöu@example.org" || !entries[0].Envelope.UTF8 {
				t.Fatalf("kept are %+v", entries)
			}
			if got := bodyOf(t, texts[0]); got != test.body {
				t.Errorf("the body is %.200q (%d octets), want %.200q (%d)", got, len(got), test.body, len(test.body))
			}
		})
	}
}

// The laptop whose smarthost is its own server: fifty messages of uneven size, some
// of them of any octets, over TLS and with SCRAM, each octet for octet.
func TestOurOwnAgentSendsThroughOurOwnServer(t *testing.T) {
	text := users(t)
	r := run(t, text, "tls = \"implicit\"\nauth = \"required\"\n")
	_, port, _ := net.SplitHostPort(r.address)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := fmt.Sprintf("[account.own]\nfrom = [\"me@example.net\"]\nsmarthost = \"smtps://localhost:%s\"\nuser = \"fred\"\nauth = \"scram-sha-256\"\nsecret = \"file:%s\"\ntls = { pin = [\"%s\"] }\n",
		port, secret, pinOf(t, authorityOf(t, text)))
	c, err := config.Parse("laptop.toml", []byte(settings), func(string) string { return t.TempDir() })
	if err != nil {
		t.Fatal(err)
	}
	spool := queue.NewSpool(filepath.Join(t.TempDir(), "laptop"), queue.OS{}, time.Now)
	out := smarthost.New(c, smarthost.Options{Now: time.Now, Getenv: os.Getenv, Known: spool, Warn: slog.New(slog.NewTextHandler(t.Output(), nil)).Warn})
	dice, sent := rand.New(rand.NewPCG(7, 7)), make(map[string]bool)
	for i := range 50 {
		body := make([]byte, dice.IntN(40_000))
		for j := range body {
			body[j] = byte('a' + j%26)
			if j%70 == 69 && j+1 < len(body) {
				copy(body[j-1:], "\r\n")
			}
			if i%5 == 0 {
				body[j] = byte(11 + dice.IntN(246)) // a bare LF would be taken for the end of a line
			}
		}
		message := fmt.Sprintf("Subject: message %d\r\nFrom: me@example.net\r\n\r\n%s\r\n", i, body)
		sent[message] = true
		e := &queue.Envelope{From: "me@example.net", To: []queue.Recipient{{Address: "you@elsewhere.example"}}}
		if _, err := spool.Put(t.Context(), e, strings.NewReader(message)); err != nil {
			t.Fatal(err)
		}
	}
	runner := &queue.Runner{Spool: spool, Router: out, Transport: out, Reach: reached{}, Tuning: c.Queue, Now: time.Now, Log: slog.New(slog.DiscardHandler), Hostname: "laptop.example"}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	sum, err := runner.Flush(ctx, nil)
	if err != nil || sum.Delivered != len(sent) {
		t.Fatalf("the run has come to %+v, %v", sum, err)
	}
	_, texts := r.kept()
	for _, kept := range texts {
		_, message, _ := strings.Cut(kept, "\r\nSubject: ")
		if message = "Subject: " + message; !sent[message] {
			t.Errorf("kept twice, or nobody has sent it: %.40q… of %d octets, which ends in %q", message, len(message), message[max(0, len(message)-20):])
		}
		delete(sent, message)
	}
	for message := range sent {
		t.Errorf("lost is %.40q… of %d octets", message, len(message))
	}
}

// reached is a way out that is always there.
type reached struct{}

func (reached) Verdict(queue.Route) queue.Verdict { return queue.Verdict{Try: true} }
func (reached) Changes() <-chan struct{}          { return nil }

// authorityOf is the certificate of a server of that configuration, which is its own
// authority.
func authorityOf(t *testing.T, settings string) string {
	t.Helper()
	_, path, _ := strings.Cut(settings, "cert = \"")
	path, _, _ = strings.Cut(path, "\"")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// mustRun gives a command a minute, its input, and an environment where it is not to
// have that of the test, and wants it to end well.
func mustRun(t *testing.T, stdin string, env []string, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	c.Stdin, c.Env, c.WaitDelay = strings.NewReader(stdin), env, 5*time.Second
	if text, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, text)
	}
}

// pinOf is the fingerprint of a certificate.
func pinOf(t *testing.T, certificate string) string {
	t.Helper()
	block, _ := pem.Decode([]byte(certificate))
	if block == nil {
		t.Fatalf("that is no certificate: %q", certificate)
	}
	sum := sha256.Sum256(block.Bytes)
	return hex.EncodeToString(sum[:])
}
