package smtpd

import (
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// program finds a real mail client or skips by its name.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

func TestRealClientsAreServed(t *testing.T) {
	for _, c := range []struct {
		name  string
		args  []string
		stdin string
		body  string // what the message ends in
	}{
		{"swaks", []string{"--server", "ADDRESS", "--from", "me@b.c", "--to", "you@e.f", "--body", ".\nhello", "--pipeline"}, "", "\r\n\r\n.\r\nhello\r\n\r\n\r\n"},
		{"swaks", []string{"--server", "ADDRESS", "--from", "me@b.c", "--to", "you@e.f", "--body", "x", "--tls", "--auth", "PLAIN", "--auth-user", "fred", "--auth-password", "secret"}, "", "\r\n\r\nx\r\n\r\n\r\n"},
		{"curl", []string{"-sS", "--ssl-reqd", "-k", "-u", "fred:secret", "smtp://ADDRESS/me", "--mail-from", "me@b.c", "--mail-rcpt", "you@e.f", "--crlf", "-T", "-"}, "Subject: x\n\n.dot\n", "Subject: x\r\n\r\n.dot\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := program(t, c.name)
			h := house{features: allFeatures, tls: certificate(t)}
			address := onSocket(t, &h, Options{})
			args := make([]string, len(c.args))
			for i, a := range c.args {
				args[i] = strings.ReplaceAll(a, "ADDRESS", address)
			}
			cmd := exec.CommandContext(t.Context(), path, args...)
			cmd.Stdin = strings.NewReader(c.stdin)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if got := h.bodies(); len(got) != 1 || !strings.HasSuffix(got[0], c.body) {
				t.Errorf("taken: %q", got)
			}
		})
	}
}

func TestGoSMTPsClientIsServed(t *testing.T) {
	h := house{features: allFeatures}
	conn, err := net.Dial("tcp", onSocket(t, &h, Options{}))
	if err != nil {
		t.Fatal(err)
	}
	c := smtp.NewClient(conn)
	defer c.Close()
	c.CommandTimeout = 10 * time.Second
	for range 2 {
		if err := c.Mail("a@b.c", &smtp.MailOptions{Size: 10, EnvelopeID: "x+y"}); err != nil {
			t.Fatal(err)
		}
		if err := c.Rcpt("d@e.f", &smtp.RcptOptions{Notify: []smtp.DSNNotify{smtp.DSNNotifyNever}}); err != nil {
			t.Fatal(err)
		}
		w, err := c.Data()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(w, "a: b\r\n\r\n.x\r\n")
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Quit(); err != nil {
		t.Fatal(err)
	}
	wantBodies(t, &h, "a: b\r\n\r\n.x\r\n", "a: b\r\n\r\n.x\r\n")
}
