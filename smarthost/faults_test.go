//go:build unix

package smarthost

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/config"
	"mailcrane/queue"
)

// TestFaultsBeforeTheCertificateIsVerified covers everything that goes wrong
// before AUTH may begin. No octet of the password goes out, and the secret's
// source is not even asked.
func TestFaultsBeforeTheCertificateIsVerified(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	type setting struct {
		w *world
		a *config.Account
		s *server
	}
	for _, c := range []struct {
		why            string
		mode           config.TLSMode
		cert           func(w *world) *tls.Certificate
		change         func(x setting)
		step           queue.Step
		sentence, hint string
		person         bool
	}{
		{
			why:    "the port is closed",
			change: func(x setting) { x.w.real[x.a.Smarthost.Addr()] = closed.Addr().String() },
			step:   queue.StepConnect, sentence: "connection refused", hint: "check the port",
		},
		{
			why: "the certificate has expired", step: queue.StepTLS,
			cert:     func(w *world) *tls.Certificate { c := w.ca.issue(hostName, testNow.AddDate(0, -1, 0)); return &c },
			sentence: "the certificate expired on 4 April 2026", hint: "clock", person: true,
		},
		{
			why: "the certificate is for another server", step: queue.StepTLS,
			cert:     func(w *world) *tls.Certificate { c := w.ca.issue("other.test", testNow.AddDate(1, 0, 0)); return &c },
			sentence: "is for other.test, not for smtp.example.org", hint: "check the name",
		},
		{
			why: "the certificate is of a CA that is not trusted", step: queue.StepTLS,
			cert: func(w *world) *tls.Certificate {
				c := newAuthority(w.t, "somebody's CA").issue(hostName, testNow.AddDate(1, 0, 0))
				return &c
			},
			sentence: `signed by "somebody's CA", a CA that is not trusted`, hint: "tls.ca",
		},
		{
			why: "the system's CAs do not know the server's", step: queue.StepTLS,
			change:   func(x setting) { x.a.TLS.CA = "" },
			sentence: "not trusted", hint: "tls.ca",
		},
		{
			why: "the pin is another certificate's", step: queue.StepTLS,
			change:   func(x setting) { x.a.TLS.Pin = []string{strings.Repeat("ab", 32)} },
			sentence: "not the one pinned", hint: "tls.pin",
		},
		{
			why: "STARTTLS is not offered", mode: config.StartTLS, step: queue.StepTLS,
			cert:     func(*world) *tls.Certificate { return nil },
			sentence: "does not offer STARTTLS", hint: "smtps://", person: true,
		},
		{
			why: "a plain port where TLS should be", mode: config.Implicit, step: queue.StepTLS,
			cert:     func(*world) *tls.Certificate { return nil },
			sentence: "does not speak TLS at once", hint: "smtp://", person: true,
		},
		{
			why: "the greeting is 554", mode: config.StartTLS, step: queue.StepGreeting,
			change: func(x setting) {
				x.w.real[x.a.Smarthost.Addr()] = scripted(x.w.t, nil, "554 5.7.1 go away\r\n", func(string) string { return "" })
			},
			sentence: "554 5.7.1 go away", hint: "another network", person: true,
		},
		{
			why: "the greeting is 554, under TLS", mode: config.Implicit, step: queue.StepGreeting,
			change: func(x setting) {
				x.w.real[x.a.Smarthost.Addr()] = scripted(x.w.t, x.w.good(), "554 5.7.1 go away\r\n", func(string) string { return "" })
			},
			sentence: "554 5.7.1 go away", hint: "another network", person: true,
		},
		{
			why: "no AUTH is offered", step: queue.StepAuth,
			change:   func(x setting) { x.s.mechs = nil },
			sentence: "offers no log-in", hint: `auth = "none"`, person: true,
		},
		{
			why: "only unknown mechanisms are offered", step: queue.StepAuth,
			change:   func(x setting) { x.s.mechs = []string{"NTLM"} },
			sentence: "no way to log in that we know", hint: "ntlm", person: true,
		},
		{
			why: "the set mechanism is not offered", step: queue.StepAuth,
			change:   func(x setting) { x.a.Auth = "cram-md5" },
			sentence: "does not offer the log-in set in auth, cram-md5", hint: "plain", person: true,
		},
		{
			why: "the CA file is not there", step: queue.StepConfig,
			change:   func(x setting) { x.a.TLS.CA = "/nowhere/ca.pem" },
			sentence: "/nowhere/ca.pem", hint: "tls.ca", person: true,
		},
		{
			why: "the CA file is none", step: queue.StepConfig,
			change:   func(x setting) { _, x.a.TLS.CA = x.w.ca.files(*x.w.good(), "key") },
			sentence: "no certificate in", hint: "tls.ca", person: true,
		},
		{
			why: "the client certificate is not there", step: queue.StepConfig,
			change:   func(x setting) { x.a.TLS.Cert, x.a.TLS.Key = "/nowhere/me.pem", "/nowhere/me.key" },
			sentence: "/nowhere/me.pem", hint: "tls.cert", person: true,
		},
		{
			why: "the client's key is of another certificate", step: queue.StepConfig,
			change: func(x setting) {
				x.a.TLS.Cert, _ = x.w.ca.files(*x.w.good(), "one")
				_, x.a.TLS.Key = x.w.ca.files(*x.w.good(), "two")
			},
			sentence: "does not match", hint: "belong together", person: true,
		},
	} {
		t.Run(c.why, func(t *testing.T) {
			w := newWorld(t)
			cert := w.good()
			if c.cert != nil {
				cert = c.cert(w)
			}
			s := serve(t, c.mode == config.Implicit, cert, "PLAIN")
			a := w.account("work", "me@example.org", s.address)
			a.Smarthost.TLS = c.mode
			asked := filepath.Join(t.TempDir(), "asked")
			a.Secret = config.Secret{Kind: "command", Value: "echo >>'" + asked + "'; echo " + password}
			if c.change != nil {
				c.change(setting{w, a, s})
			}
			tr := w.transport()
			for range 2 { // the second time, too
				session, fault := tr.Open(t.Context(), "work")
				if session != nil {
					t.Error("a session came with the fault")
				}
				w.wantFault(fault, c.step, c.sentence, c.hint, c.person)
			}
			if _, err := os.Stat(asked); err == nil {
				t.Error("the secret was asked for")
			}
			s.locked(func() {
				if s.refusals > 0 || len(s.logins) > 0 || strings.Contains(s.heard.String(), "AUTH PLAIN ") || leaks(s.heard.String()+s.wire.String()) {
					t.Errorf("the server heard: %s", s.heard.String())
				}
			})
		})
	}
}

func TestNoSuchAccount(t *testing.T) {
	w := newWorld(t)
	w.account("work", "me@example.org", "")
	_, fault := w.transport().Open(t.Context(), "home")
	w.wantFault(fault, queue.StepConfig, `there is no account "home"`, "are: work", true)
}
