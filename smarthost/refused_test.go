//go:build unix

package smarthost

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mailcrane/internal/config"
	"mailcrane/queue"
	"mailcrane/smarthost/secret"
)

func TestAnUnreadableSecretIsTheRoutesFault(t *testing.T) {
	w := newWorld(t)
	s := serve(t, true, w.good(), "PLAIN")
	a := w.account("work", "me@example.org", s.address)
	if err := os.Chmod(a.Secret.Value, 0o644); err != nil {
		t.Fatal(err)
	}
	tr := w.transport()
	_, fault := tr.Open(t.Context(), "work")
	w.wantFault(fault, queue.StepSecret, "(mode 0644)", "chmod 600 "+a.Secret.Value, true)
	if fault.Server != a.Smarthost.Addr() {
		t.Errorf("the server is %q", fault.Server)
	}
	s.locked(func() {
		if strings.Contains(s.heard.String(), "AUTH PLAIN ") {
			t.Errorf("heard: %s", s.heard.String())
		}
	})
	if err := os.Chmod(a.Secret.Value, 0o600); err != nil {
		t.Fatal(err)
	}
	w.open(tr, "work")
}

func TestARunThatIsOverNeedsNoPerson(t *testing.T) {
	w := newWorld(t)
	s := serve(t, true, w.good(), "PLAIN")
	a := w.account("work", "me@example.org", s.address)
	ctx, cancel := context.WithCancelCause(t.Context())
	fifo := filepath.Join(t.TempDir(), "asked")
	a.Secret = config.Secret{Kind: "command", Value: "echo >" + fifo + "; exec sleep 600"}
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		os.ReadFile(fifo)
		cancel(errors.New("the run is over"))
	}()
	_, fault := w.transport().Open(ctx, "work")
	w.wantFault(fault, queue.StepSecret, "the run is over", "", false)
}

func TestAWrongPasswordIsSentOnlyOnce(t *testing.T) {
	w := newWorld(t)
	s := serve(t, true, w.good(), "PLAIN")
	a := w.account("work", "me@example.org", s.address)
	s.password = "another"
	tr := w.transport()
	_, fault := tr.Open(t.Context(), "work")
	w.wantFault(fault, queue.StepAuth, "535 5.7.8 Authentication credentials invalid", "correct the password in "+a.Secret.Value, true)
	for range 3 {
		_, fault = tr.Open(t.Context(), "work")
		w.wantFault(fault, queue.StepSecret, secret.ErrRefused.Error(), "mailcrane flush", true)
	}
	if refusals, _ := s.seen(); refusals != 1 || w.dials != 1 {
		t.Errorf("refused %d times, %d connections", refusals, w.dials)
	}

	tr.Again()
	_, fault = tr.Open(t.Context(), "work")
	w.wantFault(fault, queue.StepAuth, "535", "correct the password", true)
	if refusals, _ := s.seen(); refusals != 2 {
		t.Errorf("a person said to try again, and it was refused %d times", refusals)
	}

	setPassword(t, a, "another")
	w.open(tr, "work")
	if _, logins := s.seen(); len(logins) != 1 {
		t.Errorf("logins: %q", logins)
	}
}

// A log-in that was accepted before goes out with the first message, which hears
// of the refusal: no person is needed yet, and another session is worth opening at
// once, with what is kept by then.
func TestARememberedSecretThatHasRunOutIsReplacedAtOnce(t *testing.T) {
	w := newWorld(t)
	s := serve(t, true, w.good(), "PLAIN")
	a := w.account("work", "me@example.org", s.address)
	tr := w.transport()
	w.open(tr, "work").Close(t.Context())
	s.locked(func() { s.password = "the next token" })
	setPassword(t, a, "the next token")
	refused := func() {
		t.Helper()
		fault := w.open(tr, "work").(*session).Prove(t.Context())
		if fault == nil || fault.Step != queue.StepAuth || fault.NeedsPerson || !fault.Lost {
			t.Errorf("%+v", fault)
		}
	}
	refused()
	w.open(tr, "work")
	if refusals, logins := s.seen(); refusals != 1 || len(logins) != 2 {
		t.Errorf("%d refusals, logins: %q", refusals, logins)
	}

	// Where there is no newer one, it is refused once more and that is all.
	s.locked(func() { s.password = "yet another" })
	refused()
	for range 2 {
		_, fault := tr.Open(t.Context(), "work")
		w.wantFault(fault, queue.StepSecret, secret.ErrRefused.Error(), "correct the password", true)
	}
	if refusals, _ := s.seen(); refusals != 2 {
		t.Errorf("%d refusals", refusals)
	}
}

func TestARefusedCertificateIsNoRefusedPassword(t *testing.T) {
	w := newWorld(t)
	address := scripted(t, w.good(), "220 hi\r\n", func(line string) string {
		if strings.HasPrefix(line, "EHLO") {
			return "250-hi\r\n250 AUTH EXTERNAL\r\n"
		}
		return "535 5.7.8 who is that\r\n"
	})
	a := w.account("work", "me@example.org", address)
	a.TLS.Cert, a.TLS.Key = w.ca.files(*w.good(), "client")
	tr := w.transport()
	for range 2 {
		_, fault := tr.Open(t.Context(), "work")
		w.wantFault(fault, queue.StepAuth, "535 5.7.8 who is that", "check tls.cert and user in [account.work]", true)
	}
}

func TestATemporaryNoIsNoRefusal(t *testing.T) {
	for _, c := range []struct {
		why, reply string
		person     bool
	}{
		{"the server's own trouble", "454 4.7.0 later\r\n", false},
		{"another mechanism is wanted", "504 5.5.4 not that\r\n", true},
		{"the server goes", "421 4.3.2 bye\r\n", false},
		{"the connection breaks", "", false},
	} {
		t.Run(c.why, func(t *testing.T) {
			w := newWorld(t)
			address := scripted(t, w.good(), "220 hi\r\n", func(line string) string {
				if strings.HasPrefix(line, "EHLO") {
					return "250-hi\r\n250 AUTH PLAIN\r\n"
				}
				return c.reply
			})
			w.account("work", "me@example.org", address)
			tr := w.transport()
			for range 2 {
				_, fault := tr.Open(t.Context(), "work")
				w.wantFault(fault, queue.StepAuth, "", "", c.person)
			}
			if w.dials != 2 {
				t.Errorf("%d connections", w.dials)
			}
		})
	}
}

// TestAServerThatRepeatsThePasswordDoesNotGetItShown: it is in what the
// server says, not in what we say.
func TestAServerThatRepeatsThePasswordDoesNotGetItShown(t *testing.T) {
	for _, code := range []string{"535", "454", "421", "334", "999", "250"} {
		w := newWorld(t)
		address := scripted(t, w.good(), "220 hi\r\n", func(line string) string {
			if strings.HasPrefix(line, "EHLO") {
				return "250-hi\r\n250 AUTH PLAIN\r\n"
			}
			reply := code + "-you said " + line + "\r\n"
			if decoded, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(line, "AUTH PLAIN ")); err == nil {
				reply += code + "-that is " + strings.ReplaceAll(string(decoded), "\x00", " ") + "\r\n"
			}
			return reply + code + " " + password + "\r\n"
		})
		w.account("work", "me@example.org", address)
		_, fault := w.transport().Open(t.Context(), "work")
		if fault != nil {
			w.wantFault(fault, fault.Step, "", "", fault.NeedsPerson)
		} else if leaks(w.trace.String()) {
			t.Errorf("the secret shows: %s", w.trace.String())
		}
		if code == "535" && (!strings.Contains(w.trace.String(), "work >>> AUTH PLAIN") || fault == nil) {
			t.Errorf("the trace lacks AUTH: %s", w.trace.String())
		}
	}
}
