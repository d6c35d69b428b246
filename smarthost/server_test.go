//go:build unix

package smarthost

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"mailcrane/internal/config"
	"mailcrane/smarthost/known"
)

// testNow is within the validity of all certificates but the expired one.
var testNow = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

const (
	password = "hunter2-planted"
	hostName = "smtp.example.org"
)

// An authority signs certificates, of which each goes to PEM files.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: testNow.AddDate(-5, 0, 0), NotAfter: testNow.AddDate(5, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.key = newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err == nil {
		a.cert, err = x509.ParseCertificate(der)
	}
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, a.caFile(), "CERTIFICATE", der)
	return a
}

func (a *authority) caFile() string { return filepath.Join(a.dir, "ca.pem") }

// issue makes a certificate for name that is good until the day given.
func (a *authority) issue(name string, until time.Time) tls.Certificate {
	a.t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: testNow.AddDate(-1, 0, 0), NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	key := newKey(a.t)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// files writes a certificate and its key.
func (a *authority) files(c tls.Certificate, name string) (cert, key string) {
	a.t.Helper()
	cert, key = filepath.Join(a.dir, name+".pem"), filepath.Join(a.dir, name+".key")
	writePEM(a.t, cert, "CERTIFICATE", c.Certificate[0])
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		a.t.Fatal(err)
	}
	writePEM(a.t, key, "PRIVATE KEY", der)
	return cert, key
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A server is a go-smtp server that remembers what it saw.
type server struct {
	address string
	tls     *tls.Config
	// password is the one it takes; mechs are the mechanisms it offers.
	mechs []string

	mu       sync.Mutex
	password string
	heard    bytes.Buffer // all octets in both directions, TLS taken off
	wire     bytes.Buffer // all octets that came in, as they came
	logins   []string     // "MECHANISM user", the accepted ones
	refusals int
	senders  []string
	bodies   []string
}

// serve starts a server; implicit is TLS at once, else STARTTLS where there
// is a certificate.
func serve(t *testing.T, implicit bool, cert *tls.Certificate, mechs ...string) *server {
	t.Helper()
	s := &server{password: password, mechs: mechs}
	smtpServer := smtp.NewServer(s)
	smtpServer.Domain, smtpServer.AllowInsecureAuth = hostName, true
	smtpServer.ErrorLog = log.New(io.Discard, "", 0)
	smtpServer.Debug = &tap{s: s, to: &s.heard}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	l = tapped{l, s}
	if cert != nil {
		s.tls = &tls.Config{Certificates: []tls.Certificate{*cert}, ClientAuth: tls.RequestClientCert}
		if implicit {
			l = tls.NewListener(l, s.tls)
		} else {
			smtpServer.TLSConfig = s.tls
		}
	}
	go smtpServer.Serve(l)
	t.Cleanup(func() { smtpServer.Close() })
	return s
}

// A tap copies into one of the server's buffers.
type tap struct {
	s  *server
	to *bytes.Buffer
}

func (w *tap) Write(p []byte) (int, error) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	return w.to.Write(p)
}

type tapped struct {
	net.Listener
	s *server
}

func (l tapped) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tappedConn{conn, io.TeeReader(conn, &tap{s: l.s, to: &l.s.wire})}, nil
}

type tappedConn struct {
	net.Conn
	r io.Reader
}

func (c tappedConn) Read(p []byte) (int, error) { return c.r.Read(p) }

func (s *server) NewSession(*smtp.Conn) (smtp.Session, error) { return &inbound{server: s}, nil }

// locked gives a look at what was seen so far.
func (s *server) locked(look func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	look()
}

// seen is how many log-ins were refused, and which were accepted.
func (s *server) seen() (refusals int, logins []string) {
	s.locked(func() { refusals, logins = s.refusals, slices.Clone(s.logins) })
	return refusals, logins
}

type inbound struct {
	server *server
	from   string
}

func (i *inbound) AuthMechanisms() []string { return i.server.mechs }

func (i *inbound) Auth(mech string) (sasl.Server, error) {
	check := func(user, secret string) error {
		s := i.server
		s.mu.Lock()
		defer s.mu.Unlock()
		if secret != s.password {
			s.refusals++
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "Authentication credentials invalid"}
		}
		s.logins = append(s.logins, mech+" "+user)
		return nil
	}
	switch mech {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, user, secret string) error { return check(user, secret) }), nil
	case sasl.External:
		return sasl.NewExternalServer(func(identity string) error { return check(identity, i.server.password) }), nil
	case sasl.OAuthBearer:
		return sasl.NewOAuthBearerServer(func(o sasl.OAuthBearerOptions) *sasl.OAuthBearerError {
			if check(o.Username, o.Token) != nil {
				return &sasl.OAuthBearerError{Status: "invalid_token"}
			}
			return nil
		}), nil
	}
	return nil, errors.New("no such mechanism")
}

func (i *inbound) Mail(from string, _ *smtp.MailOptions) error { i.from = from; return nil }
func (i *inbound) Rcpt(string, *smtp.RcptOptions) error        { return nil }
func (i *inbound) Reset()                                      {}
func (i *inbound) Logout() error                               { return nil }

func (i *inbound) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	i.server.mu.Lock()
	defer i.server.mu.Unlock()
	i.server.senders = append(i.server.senders, i.from)
	i.server.bodies = append(i.server.bodies, string(body))
	return err
}

// scripted is a server that says greeting, and to each line what answer says;
// "" ends the connection.
func scripted(t *testing.T, cert *tls.Certificate, greeting string, answer func(line string) string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	address := l.Addr().String()
	if cert != nil {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{*cert}})
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				fmt.Fprint(conn, greeting)
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					reply := answer(lines.Text())
					fmt.Fprint(conn, reply)
					if reply == "" {
						return
					}
				}
			}()
		}
	}()
	return address
}

// A world is a configuration of accounts, and which address each of their
// servers has.
type world struct {
	t      *testing.T
	config *config.Config
	ca     *authority
	real   map[string]string // by host:port of the configuration

	// files are what a restart leaves.
	files known.Files
	// issuers are in the place of the web.
	issuers http.RoundTripper

	mu     sync.Mutex
	dials  int
	dialed []string // the addresses, as they were asked for
	trace  bytes.Buffer
}

func newWorld(t *testing.T) *world {
	return &world{
		t: t, ca: newAuthority(t, "the test's CA"), real: map[string]string{},
		config: &config.Config{Path: "/home/me/mailcrane.toml", Privacy: true, Timeout: config.DefaultTimeout()},
	}
}

// good is a certificate that all is right with.
func (w *world) good() *tls.Certificate {
	c := w.ca.issue(hostName, testNow.AddDate(1, 0, 0))
	return &c
}

// account adds one whose server is at the address given, with the password in
// a file.
func (w *world) account(name, from, address string) *config.Account {
	w.t.Helper()
	pw := filepath.Join(w.t.TempDir(), "password")
	a := &config.Account{
		Name: name, From: []string{from}, User: from, Auth: "auto",
		Smarthost: config.Smarthost{Host: hostName, Port: fmt.Sprint(1000 + len(w.real)), TLS: config.Implicit},
		Secret:    config.Secret{Kind: "file", Value: pw},
		TLS:       config.TLS{CA: w.ca.caFile()},
	}
	setPassword(w.t, a, password)
	w.config.Accounts = append(w.config.Accounts, a)
	w.real[a.Smarthost.Addr()] = address
	return a
}

// atItsPort is an account whose server listens at the port of its setting, so
// that its address can be remembered.
func (w *world) atItsPort(s *server) *config.Account {
	w.t.Helper()
	a := w.account("work", "me@example.org", s.address)
	_, a.Smarthost.Port, _ = net.SplitHostPort(s.address)
	w.real[a.Smarthost.Addr()] = s.address
	return a
}

func setPassword(t *testing.T, a *config.Account, text string) {
	t.Helper()
	if err := os.WriteFile(a.Secret.Value, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (w *world) transport() *Transport {
	return New(w.config, Options{
		Now:    func() time.Time { return testNow },
		Getenv: func(string) string { return "" },
		Known:  w.files, Issuers: w.issuers,
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			w.mu.Lock()
			w.dials++
			w.dialed = append(w.dialed, address)
			to, named := w.real[address]
			w.mu.Unlock()
			if !named {
				to = address
			}
			return new(net.Dialer).DialContext(ctx, network, to)
		},
		Trace: w.traced,
	})
}
