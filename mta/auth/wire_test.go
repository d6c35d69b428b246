package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"mailcrane/internal/config"
	"mailcrane/mta/certificate"
	"mailcrane/mta/safefile"
	"mailcrane/mta/smtpd"
	"mailcrane/smarthost/relay"
	relaysasl "mailcrane/smarthost/relay/sasl"
)

// A door is a server where one may log in, and do nothing more.
type door struct {
	auth    *Auth
	certs   *certificate.Store
	known   chan [2]string
	refused chan string
}

func (d *door) Open(ctx context.Context, c *smtpd.Conn) (smtpd.Session, error) {
	return &visitor{door: d, conn: c, ctx: ctx}, nil
}

type visitor struct {
	door *door
	conn *smtpd.Conn
	ctx  context.Context //nolint:containedctx // a session has one
}

func (v *visitor) facts() Facts {
	f := Facts{TLS: v.conn.TLS(), Remote: v.conn.Remote()}
	f.Verified = v.door.certs.Facts(f.TLS, true).Verify == "OK"
	return f
}

func (v *visitor) Greeting() (string, time.Duration) { return "mail.test ESMTP", 0 }

func (v *visitor) Features() smtpd.Features {
	return smtpd.Features{StartTLS: v.conn.TLS() == nil, Auth: len(v.AuthMechanisms()) > 0, Pipelining: true}
}

func (v *visitor) Helo(string, bool) error              { return nil }
func (v *visitor) TLS() (*tls.Config, error)            { return v.door.certs.Config(true), nil }
func (v *visitor) Secured() error                       { return nil }
func (v *visitor) Body() error                          { return nil }
func (v *visitor) Verify(string) error                  { return nil }
func (v *visitor) Expand(string) error                  { return nil }
func (v *visitor) ETRN(string) error                    { return nil }
func (v *visitor) Reset()                               {}
func (v *visitor) Logout() error                        { return nil }
func (v *visitor) Mail(string, *smtp.MailOptions) error { return nil }
func (v *visitor) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (v *visitor) Data(r io.Reader) error               { _, err := io.Copy(io.Discard, r); return err }

func (v *visitor) AuthMechanisms() []string { return v.door.auth.Mechanisms(v.facts()) }

func (v *visitor) Auth(name string) (sasl.Server, error) {
	return v.door.auth.Server(v.ctx, name, v.facts(), func(user string, why error) {
		if why != nil {
			v.door.refused <- user
			return
		}
		v.door.known <- [2]string{user, name}
	})
}

// pairs are a CA and what it has signed, as files of a directory.
func pairs(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	var above *x509.Certificate
	var signer *ecdsa.PrivateKey
	for i, c := range []*x509.Certificate{
		{Subject: pkix.Name{CommonName: "ca"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign},
		{Subject: pkix.Name{CommonName: "mail"}, DNSNames: []string{"mail.test"}},
		{Subject: pkix.Name{CommonName: "ann"}, EmailAddresses: []string{"ann@example.org"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}},
		{Subject: pkix.Name{CommonName: "bob"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}},
	} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(int64(i+1)), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		if above == nil {
			above, signer = c, key
		}
		der, err := x509.CreateCertificate(rand.Reader, c, above, &key.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		secret, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		for name, block := range map[string]pem.Block{".pem": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY", Bytes: secret}} {
			if err := os.WriteFile(filepath.Join(dir, c.Subject.CommonName+name), pem.EncodeToMemory(&block), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// serve opens the door on loopback, with TLS from the first octet on port two.
func serve(t *testing.T, auth *Auth, dir string) (d *door, address, implicit string) {
	t.Helper()
	c := &config.Config{}
	c.MTA.TLS = config.ServerTLS{Cert: filepath.Join(dir, "mail.pem"), Key: filepath.Join(dir, "mail.key"), CA: filepath.Join(dir, "ca.pem")}
	certs, err := certificate.New(t.Context(), c, safefile.Rules{Blame: config.TrustStickyBit}, slog.New(slog.DiscardHandler), time.Now, nil)
	if err != nil {
		t.Fatal(err)
	}
	d = &door{auth: auth, certs: certs, known: make(chan [2]string, 10), refused: make(chan string, 100)}
	server := smtpd.New(d, smtpd.Options{Hostname: "mail.test"})
	addresses := make([]string, 0, 2)
	for _, port := range []*config.Listener{{}, {TLS: config.ListenImplicit}} {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- server.Serve(ctx, l, port) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		addresses = append(addresses, l.Addr().String())
	}
	return d, addresses[0], addresses[1]
}

// TestOurRelayLogsInByEachMechanism is our own client against our own server,
// over TLS on a socket.
//
// Coverage: A34, A46.
func TestOurRelayLogsInByEachMechanism(t *testing.T) {
	dir := pairs(t)
	a, log := start(t, hashes(t, "ann@example.org", planted), nil)
	d, startTLS, implicit := serve(t, a, dir)
	for _, c := range []struct {
		reason, mechanism, certificate string
		mode                           relay.Mode
		secret, want                   string // want is the mechanism, or "" for a refusal
	}{
		{"the best that there is", "auto", "", relay.Implicit, planted, "SCRAM-SHA-256-PLUS"},
		{"the same after STARTTLS", "auto", "", relay.StartTLS, planted, "SCRAM-SHA-256-PLUS"},
		{"PLAIN", "plain", "", relay.Implicit, planted, "PLAIN"},
		{"LOGIN", "login", "", relay.StartTLS, planted, "LOGIN"},
		{"SCRAM takes channel binding where there is one", "scram-sha-256", "", relay.Implicit, planted, "SCRAM-SHA-256-PLUS"},
		{"a client certificate", "external", "ann", relay.StartTLS, "", "EXTERNAL"},
		{"a certificate for nobody in the file", "external", "bob", relay.Implicit, "", ""},
		{"a wrong password", "plain", "", relay.Implicit, planted + "-not", ""},
		{"a wrong password by SCRAM", "auto", "", relay.Implicit, planted + "-not", ""},
	} {
		t.Run(c.reason, func(t *testing.T) {
			a.guesses = NewGuesses(time.Now) // the pauses are shown elsewhere
			cert, key := "", ""
			if c.certificate != "" {
				cert, key = filepath.Join(dir, c.certificate+".pem"), filepath.Join(dir, c.certificate+".key")
			}
			policy, err := relay.LoadTLS(filepath.Join(dir, "ca.pem"), cert, key, nil)
			if err != nil {
				t.Fatal(err)
			}
			address := map[relay.Mode]string{relay.Implicit: implicit, relay.StartTLS: startTLS}[c.mode]
			user := "ann@example.org"
			if cert != "" {
				user = ""
			}
			s, fault := relay.Open(t.Context(), relay.Target{
				LoginHint: "none", Server: "mail.test", Address: address, Mode: c.mode, TLS: policy,
				Auth: relaysasl.Credentials{User: user, Secret: c.secret, Mechanism: c.mechanism, Certificate: cert != ""},
			})
			if fault != nil {
				if c.want != "" {
					t.Fatal(fault.Sentence())
				}
				return
			}
			s.Close(t.Context())
			if c.want == "" {
				t.Fatal("the log-in was taken")
			}
			if got := <-d.known; got != [2]string{"ann@example.org", c.want} {
				t.Errorf("%v has logged in", got)
			}
		})
	}
	if strings.Contains(log.String(), planted) {
		t.Errorf("the password is in the log: %s", log)
	}
	close(d.refused)
	said := make(map[string]bool)
	for user := range d.refused {
		said[user] = true
	}
	if !said["ann@example.org"] {
		t.Errorf("nobody is told that ann was refused, only of %v", said)
	}
}
