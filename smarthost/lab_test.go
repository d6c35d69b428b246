//go:build unix

package smarthost

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/lab"
	"mailcrane/queue"
	"mailcrane/smarthost/secret"
)

var smarthosts = map[string]func(testing.TB) lab.Smarthost{"Postfix": lab.Postfix, "Exim": lab.Exim, "OpenSMTPD": lab.OpenSMTPD}

// labAccount is an account of the lab's user at one of the server's addresses.
func labAccount(t *testing.T, s lab.Smarthost, mode config.TLSMode, address string) *config.Account {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	a := &config.Account{
		Name: "work", From: []string{s.User}, User: s.User, Auth: "auto",
		Smarthost: config.Smarthost{Host: host, Port: port, TLS: mode},
		Secret:    config.Secret{Kind: "file", Value: filepath.Join(t.TempDir(), "password")},
		TLS:       config.TLS{CA: s.CAFile},
	}
	setPassword(t, a, s.Password)
	return a
}

func labTransport(a *config.Account, trace func(queue.Route, string)) *Transport {
	return New(&config.Config{Accounts: []*config.Account{a}, DefaultAccount: a, Privacy: true, Timeout: config.DefaultTimeout()},
		Options{Trace: trace})
}

// Coverage: A33.
func TestRealSmarthostTakesMail(t *testing.T) {
	for name, smarthost := range smarthosts {
		t.Run(name, func(t *testing.T) {
			s := smarthost(t)
			for _, c := range []struct {
				mode          config.TLSMode
				address, auth string
			}{
				{config.Implicit, s.Implicit, "auto"},
				{config.StartTLS, s.StartTLS, "auto"},
				{config.Implicit, s.Implicit, "plain"},
				{config.Implicit, s.Implicit, "login"},
				{config.Implicit, s.Implicit, "cram-md5"},
				{config.Implicit, s.Implicit, "scram-sha-256"},
			} {
				if name == "OpenSMTPD" && !slices.Contains([]string{"auto", "plain", "login"}, c.auth) {
					continue
				}
				t.Run(fmt.Sprintf("%s mode %d", c.auth, c.mode), func(t *testing.T) {
					a := labAccount(t, s, c.mode, c.address)
					a.Auth = c.auth
					tr := labTransport(a, nil)
					box := s.Mailbox(t)
					e := &queue.Envelope{From: s.User, To: []queue.Recipient{{Address: box.Address("you")}}}
					r, err := tr.Route(e)
					if err != nil {
						t.Fatal(err)
					}
					session, fault := tr.Open(t.Context(), r)
					if fault != nil {
						t.Fatalf("%s; %s", fault.Sentence(), fault.Hint)
					}
					defer session.Close(t.Context())
					if o := send(t, session, e, "Subject: x\n\nhello\n"); o.State() != queue.Delivered {
						t.Fatalf("%v: %v", o.State(), o.Reply())
					}
					got := box.Wait(e.To[0].Address)
					if got.From != s.User || string(got.Body()) != "hello\n" {
						t.Errorf("arrived from %s:\n%s", got.From, got.Raw)
					}
				})
			}
		})
	}
}

func TestRealSmarthostsFaults(t *testing.T) {
	pinOf := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(text)
		sum := sha256.Sum256(block.Bytes)
		return hex.EncodeToString(sum[:])
	}
	for name, smarthost := range smarthosts {
		t.Run(name, func(t *testing.T) {
			s := smarthost(t)
			dir := filepath.Dir(s.CAFile)
			for _, c := range []struct {
				why            string
				mode           config.TLSMode
				address        string
				change         func(a *config.Account)
				step           queue.Step // "" means that it works
				sentence, hint string
				person         bool
			}{
				{"expired", config.Implicit, s.Expired, nil, queue.StepTLS, "the certificate expired on", "clock", true},
				{"expired, STARTTLS", config.StartTLS, s.ExpiredStartTLS, nil, queue.StepTLS, "the certificate expired on", "clock", true},
				{"wrong name", config.Implicit, s.WrongName, nil, queue.StepTLS, "is for other.test, not for 127.0.0.1", "check the name", false},
				{"wrong name, STARTTLS", config.StartTLS, s.WrongNameStartTLS, nil, queue.StepTLS, "is for other.test, not for 127.0.0.1", "check the name", false},
				{"unknown CA", config.Implicit, s.Implicit, func(a *config.Account) { a.TLS.CA = "" }, queue.StepTLS, "not trusted", "tls.ca", false},
				{"the right pin needs no CA, name or date", config.Implicit, s.Expired, func(a *config.Account) {
					a.TLS = config.TLS{Pin: []string{pinOf(filepath.Join(dir, "expired.pem"))}}
				}, "", "", "", false},
				{"another's pin", config.Implicit, s.Implicit, func(a *config.Account) {
					a.TLS.Pin = []string{pinOf(filepath.Join(dir, "expired.pem"))}
				}, queue.StepTLS, "not the one pinned", "tls.pin", false},
				{"no STARTTLS there", config.StartTLS, s.Plain, nil, queue.StepTLS, "does not offer STARTTLS", "smtps://", true},
				{"TLS at once where there is none", config.Implicit, s.StartTLS, nil, queue.StepTLS, "does not speak TLS at once", "smtp://", true},
				// Last, because Dovecot lets whoever failed wait for some seconds.
				{"wrong password", config.Implicit, s.Implicit, func(a *config.Account) { setPassword(t, a, password) }, queue.StepAuth, "535", "correct the password in", true},
			} {
				t.Run(c.why, func(t *testing.T) {
					w := &world{t: t}
					a := labAccount(t, s, c.mode, c.address)
					if c.change != nil {
						c.change(a)
					}
					session, fault := labTransport(a, w.traced).Open(t.Context(), "work")
					if session != nil {
						session.Close(t.Context())
					}
					switch {
					case c.step != "":
						w.wantFault(fault, c.step, c.sentence, c.hint, c.person)
					case fault != nil:
						t.Errorf("%s; %s", fault.Sentence(), fault.Hint)
					}
				})
			}
		})
	}
}

// Each session is of a process of its own, over one spool.
//
// Coverage: A33.
func TestRealSmarthostResumesSessionsAfterARestart(t *testing.T) {
	for name, smarthost := range smarthosts {
		if name == "OpenSMTPD" {
			continue // it gives tickets and takes none back
		}
		t.Run(name, func(t *testing.T) {
			s := smarthost(t)
			for mode, address := range map[config.TLSMode]string{config.Implicit: s.Implicit, config.StartTLS: s.StartTLS} {
				a := labAccount(t, s, mode, address)
				a.TLS.KeyExchange = config.Classical
				spool := queue.NewSpool(t.TempDir(), queue.OS{}, time.Now)
				if err := spool.Prepare(); err != nil {
					t.Fatal(err)
				}
				for i := range 5 {
					tr := labTransport(a, nil)
					tr.options.Known = spool
					tr = New(tr.config, tr.options)
					session, fault := tr.Open(t.Context(), "work")
					if fault != nil {
						t.Fatalf("%s; %s", fault.Sentence(), fault.Hint)
					}
					session.Close(t.Context())
					c := session.(queue.Coster).Cost()
					t.Logf("mode %d, session %d: %s, %s, resumed %v, handshake %d octets out, %d in", mode, i, c.TLS, c.KeyExchange, c.Resumed, c.HandshakeSent, c.HandshakeReceived)
					if kept, err := spool.Known(knownName(t, spool)); i == 0 && (err != nil || !strings.Contains(kept, "sealed")) {
						t.Skipf("%s gives no sessions to resume; start it anew with: internal/lab/lab.sh down; internal/lab/lab.sh up", name)
					}
					if c.Resumed != (i > 0) {
						t.Errorf("mode %d, session %d: resumed is %v", mode, i, c.Resumed)
					}
					if i > 0 && (c.HandshakeSent >= 1<<10 || c.HandshakeReceived >= 1<<10) {
						t.Errorf("mode %d, session %d: its handshake took %d octets out and %d in, want under 1 KiB", mode, i, c.HandshakeSent, c.HandshakeReceived)
					}
				}
			}
		})
	}
}

// knownName is the only file of what is known of a server.
func knownName(t *testing.T, spool *queue.Spool) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(spool.Dir(), "known", "work.*"))
	if err != nil || len(all) != 1 {
		t.Fatalf("%q, %v", all, err)
	}
	return filepath.Base(all[0])
}

func TestRealEximTakesAClientCertificate(t *testing.T) {
	s := lab.Exim(t)
	a := labAccount(t, s, config.Implicit, s.Implicit)
	a.TLS.Cert, a.TLS.Key = s.ClientCert, s.ClientKey
	a.Secret.Value = "/nowhere"
	r, fault := labTransport(a, nil).Check(t.Context(), "work")
	if fault != nil {
		t.Fatalf("%s; %s", fault.Sentence(), fault.Hint)
	}
	if r.Mechanism != "EXTERNAL" {
		t.Errorf("logged in with %s", r.Mechanism)
	}
}

func TestRealPostfixWithThePasswordFromARealKeyring(t *testing.T) {
	s := lab.Postfix(t)
	a := labAccount(t, s, config.Implicit, s.Implicit)
	a.Secret = config.Secret{Kind: "keyring"}
	if !lab.InKeyring(t, lab.Unlocked, lab.Seed{Service: secret.Service, User: secret.KeyringUser(a), Secret: s.Password}) {
		return
	}
	r, fault := labTransport(a, nil).Check(t.Context(), "work")
	if fault != nil {
		t.Fatalf("%s; %s", fault.Sentence(), fault.Hint)
	}
	if !strings.HasPrefix(r.Mechanism, "SCRAM-SHA-256") {
		t.Errorf("logged in with %s", r.Mechanism)
	}
	t.Log(r)
}

func TestRealPostfixWithALockedKeyring(t *testing.T) {
	s := lab.Postfix(t)
	a := labAccount(t, s, config.Implicit, s.Implicit)
	a.Secret = config.Secret{Kind: "keyring"}
	if !lab.InKeyring(t, lab.Stuck, lab.Seed{Service: secret.Service, User: secret.KeyringUser(a), Secret: s.Password}) {
		return
	}
	_, fault := labTransport(a, nil).Open(t.Context(), "work")
	(&world{t: t}).wantFault(fault, queue.StepSecret, "the keyring is locked", "unlock it with: secret-tool", true)
}
