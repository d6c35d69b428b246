//go:build unix

package smarthost

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"mailcrane/internal/config"
	"mailcrane/queue"
	"mailcrane/smarthost/relay"
)

func (w *world) traced(r queue.Route, line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(&w.trace, "%s %s\n", r, line)
}

// forms are what the password may look like when it leaks.
func forms(text string) []string {
	all := []string{text, fmt.Sprintf("%x", text), strings.Trim(fmt.Sprintf("%d", []byte(text)), "[]")}
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

// Coverage: A33.
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
