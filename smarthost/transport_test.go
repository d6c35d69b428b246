//go:build unix

package smarthost

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"mailcrane/internal/config"
	"mailcrane/queue"
	"mailcrane/smarthost/relay"
	"mailcrane/smarthost/secret"
)

func (w *world) traced(r queue.Route, line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(&w.trace, "%s %s\n", r, line)
}

// forms are what the password may look like when it leaks.
func forms(text string) []string {
	all := []string{text, fmt.Sprintf("%x", text), strings.Trim(fmt.Sprint([]byte(text)), "[]")}
	for _, whole := range []string{text, "\x00me@example.org\x00" + text} {
		all = append(all, base64.StdEncoding.EncodeToString([]byte(whole)))
	}
	return all
}

func leaks(text string) bool {
	for _, form := range forms(password) {
		if strings.Contains(text, form) {
			return true
		}
	}
	return false
}

// wantFault checks a fault's step, sentence and hint, and that the secret is
// not in it, however it is printed.
func (w *world) wantFault(f *queue.RouteFault, step queue.Step, sentence, hint string, person bool) {
	w.t.Helper()
	if f == nil {
		w.t.Fatalf("no fault; want one while %s", step)
	}
	got := f.Sentence()
	if f.Step != step || !strings.Contains(got, sentence) || strings.Contains(got, "\n") {
		w.t.Errorf("the sentence is %q; want %q while %s", got, sentence, step)
	}
	if !strings.Contains(f.Hint, hint) || hint != "" && f.Hint == "" {
		w.t.Errorf("the hint is %q; want %q", f.Hint, hint)
	}
	if f.NeedsPerson != person {
		w.t.Errorf("needs a person: %v (%s)", f.NeedsPerson, got)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if all := fmt.Sprintf("%v %+v %#v %s %#v\n%s", f, f, f, got, f.Err, w.trace.String()); leaks(all) {
		w.t.Errorf("the secret shows: %s", all)
	}
}

func (w *world) open(tr *Transport, account string) queue.Session {
	w.t.Helper()
	s, fault := tr.Open(w.t.Context(), queue.Route(account))
	if fault != nil {
		w.t.Fatalf("%s; %s", fault.Sentence(), fault.Hint)
	}
	w.t.Cleanup(func() { s.Close(context.Background()) })
	return s
}

func send(t *testing.T, s queue.Session, e *queue.Envelope, text string) queue.Outcome {
	t.Helper()
	var outcome queue.Outcome
	d := &queue.Delivery{
		ID: "test", Envelope: e, To: e.To, Size: int64(len(text)),
		Open:   func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil },
		Commit: func(context.Context) error { return nil },
		Report: func(_ int, o queue.Outcome) { outcome = o },
	}
	if fault := s.Deliver(t.Context(), d); fault != nil {
		t.Fatal(fault.Sentence())
	}
	return outcome
}

func TestMailGoesThroughTheAccountOfItsSender(t *testing.T) {
	for _, mode := range []config.TLSMode{config.Implicit, config.StartTLS} {
		w := newWorld(t)
		work := serve(t, mode == config.Implicit, w.good(), "PLAIN")
		home := serve(t, mode == config.Implicit, w.good(), "PLAIN")
		w.account("work", "me@example.org", work.address).Smarthost.TLS = mode
		w.account("home", "me@home.example", home.address).Smarthost.TLS = mode
		tr := w.transport()
		for _, c := range []struct {
			why  string
			e    queue.Envelope
			to   *server
			user string
		}{
			{"the sender is work's", queue.Envelope{From: "me@example.org"}, work, "me@example.org"},
			{"the sender with a detail", queue.Envelope{From: "me+git@home.example"}, home, "me@home.example"},
			{"the envelope names the account", queue.Envelope{From: "me@example.org", Account: "home"}, home, "me@home.example"},
		} {
			t.Run(fmt.Sprintf("mode %d, %s", mode, c.why), func(t *testing.T) {
				c.e.To = []queue.Recipient{{Address: "you@example.net"}}
				r, err := tr.Route(&c.e)
				if err != nil {
					t.Fatal(err)
				}
				if o := send(t, w.open(tr, string(r)), &c.e, "Subject: x\n\nhello\n"); o.State() != queue.Delivered {
					t.Errorf("%v: %v", o.State(), o.Reply())
				}
				c.to.locked(func() {
					last := len(c.to.senders) - 1
					if last < 0 || c.to.senders[last] != c.e.From || c.to.bodies[last] != "Subject: x\r\n\r\nhello\r\n" ||
						c.to.logins[len(c.to.logins)-1] != "PLAIN "+c.user {
						t.Errorf("the server saw %q, %q, %q", c.to.senders, c.to.bodies, c.to.logins)
					}
				})
			})
		}
	}
}

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
			sentence: "is for other.test, not for smtp.example.org", hint: "check the name", person: true,
		},
		{
			why: "the certificate is of a CA that is not trusted", step: queue.StepTLS,
			cert: func(w *world) *tls.Certificate {
				c := newAuthority(w.t, "somebody's CA").issue(hostName, testNow.AddDate(1, 0, 0))
				return &c
			},
			sentence: `signed by "somebody's CA", a CA that is not trusted`, hint: "tls.ca", person: true,
		},
		{
			why: "the system's CAs do not know the server's", step: queue.StepTLS,
			change:   func(x setting) { x.a.TLS.CA = "" },
			sentence: "not trusted", hint: "tls.ca", person: true,
		},
		{
			why: "the pin is another certificate's", step: queue.StepTLS,
			change:   func(x setting) { x.a.TLS.Pin = []string{strings.Repeat("ab", 32)} },
			sentence: "not the one pinned", hint: "tls.pin", person: true,
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

func TestAPinReplacesTheCheckAgainstCAs(t *testing.T) {
	w := newWorld(t)
	cert := newAuthority(t, "somebody's CA").issue("other.test", testNow.AddDate(0, -1, 0))
	s := serve(t, true, &cert, "PLAIN")
	a := w.account("work", "me@example.org", s.address)
	a.TLS.Pin = []string{strings.Repeat("ab", 32), relay.CertificatePin(cert.Leaf).String()}
	tr := w.transport()
	w.open(tr, "work")
	w.open(tr, "work") // resumed
}

func TestAClientCertificateLogsIn(t *testing.T) {
	for _, c := range []struct{ why, auth, user, want string }{
		{"it comes before a password where it is taken", "auto", "me@example.org", "EXTERNAL me@example.org"},
		{"the server knows the user from the certificate", "external", "", "EXTERNAL "},
	} {
		w := newWorld(t)
		s := serve(t, true, w.good(), "PLAIN", "EXTERNAL")
		a := w.account("work", "me@example.org", s.address)
		a.TLS.Cert, a.TLS.Key = w.ca.files(*w.good(), "client")
		a.Auth, a.User = c.auth, c.user
		a.Secret.Value = "/nowhere" // and no password is asked for
		w.open(w.transport(), "work")
		if _, logins := s.seen(); !slices.Equal(logins, []string{c.want}) {
			t.Errorf("%s: logins: %q", c.why, logins)
		}
	}
}

func TestAClientCertificateAndAPasswordWhereTheServerWantsBoth(t *testing.T) {
	w := newWorld(t)
	s := serve(t, true, w.good(), "PLAIN")
	s.tls.ClientAuth, s.tls.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	s.tls.ClientCAs.AddCert(w.ca.cert)
	a := w.account("work", "me@example.org", s.address)
	_, fault := w.transport().Open(t.Context(), "work")
	if fault == nil || fault.Step == queue.StepSecret || fault.Step == queue.StepAuth || !strings.Contains(fault.Hint, "tls.cert") {
		t.Errorf("without the certificate: %+v", fault)
	}
	a.TLS.Cert, a.TLS.Key = w.ca.files(*w.good(), "client")
	w.open(w.transport(), "work")
	if _, logins := s.seen(); !slices.Equal(logins, []string{"PLAIN me@example.org"}) {
		t.Errorf("logins: %q", logins)
	}
}

func TestATokenIsSentWhereOnlyTokensAreTaken(t *testing.T) {
	w := newWorld(t)
	s := serve(t, true, w.good(), "OAUTHBEARER")
	w.account("work", "me@example.org", s.address)
	w.open(w.transport(), "work")
	if _, logins := s.seen(); !slices.Equal(logins, []string{"OAUTHBEARER me@example.org"}) {
		t.Errorf("logins: %q", logins)
	}
}

func TestNobodyLogsInWithoutAuth(t *testing.T) {
	w := newWorld(t)
	s := serve(t, true, w.good(), "PLAIN")
	a := w.account("work", "me@example.org", s.address)
	a.Auth, a.Secret.Value = "none", "/nowhere"
	w.open(w.transport(), "work")
	s.locked(func() {
		if strings.Contains(s.heard.String(), "AUTH PLAIN ") || len(s.logins) > 0 {
			t.Errorf("heard: %s", s.heard.String())
		}
	})
}

func TestTheNameInEHLOIsNeutralUnlessSet(t *testing.T) {
	system, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		why     string
		privacy bool
		name    string
		want    string
	}{
		{"privacy is on", true, "laptop.example.org", relay.NeutralHello},
		{"privacy is off", false, "laptop.example.org", "laptop.example.org"},
		{"privacy is off, and no name set", false, "", system},
	} {
		w := newWorld(t)
		s := serve(t, true, w.good(), "PLAIN")
		w.account("work", "me@example.org", s.address)
		w.config.Privacy, w.config.Hostname = c.privacy, c.name
		w.open(w.transport(), "work")
		s.locked(func() {
			if !strings.Contains(s.heard.String(), "EHLO "+c.want+"\r\n") {
				t.Errorf("%s: heard %s", c.why, s.heard.String())
			}
		})
	}
}

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

func TestARememberedSecretThatHasRunOutIsReplacedAtOnce(t *testing.T) {
	w := newWorld(t)
	s := serve(t, true, w.good(), "PLAIN")
	a := w.account("work", "me@example.org", s.address)
	tr := w.transport()
	w.open(tr, "work").Close(t.Context())
	s.locked(func() { s.password = "the next token" })
	setPassword(t, a, "the next token")
	w.open(tr, "work")
	if refusals, logins := s.seen(); refusals != 1 || len(logins) != 2 {
		t.Errorf("%d refusals, logins: %q", refusals, logins)
	}

	// Where there is no newer one, it is refused once more and that is all.
	s.locked(func() { s.password = "yet another" })
	_, fault := tr.Open(t.Context(), "work")
	w.wantFault(fault, queue.StepAuth, "535", "correct the password", true)
	if refusals, _ := s.seen(); refusals != 2 {
		t.Errorf("%d refusals", refusals)
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

func TestNoSuchAccount(t *testing.T) {
	w := newWorld(t)
	w.account("work", "me@example.org", "")
	_, fault := w.transport().Open(t.Context(), "home")
	w.wantFault(fault, queue.StepConfig, `there is no account "home"`, "are: work", true)
}
