package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"mailcrane/internal/sysexits"
)

// A demoServer is a smarthost for the demo: TLS at once, a log-in, on a
// loopback port that nothing listens on until listen is called.
type demoServer struct {
	address, user, password string
	home                    string
	smtp                    *smtp.Server
	tls                     *tls.Config
	got                     chan received
}

// A received message is one that the demo's smarthost has taken.
type received struct {
	from string
	to   []string
	text string
}

func newDemoServer(home string, now time.Time) (*demoServer, error) {
	certificate, err := demoCertificate(filepath.Join(home, "ca.pem"), now)
	if err != nil {
		return nil, sysexits.Errorf(sysexits.Software, "", "the demo cannot make a certificate: %w", err)
	}
	// A port that was free a moment ago stands in for a server out of reach.
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, sysexits.Errorf(sysexits.OSErr, "", "the demo needs a port on 127.0.0.1: %w", err)
	}
	s := &demoServer{
		address: l.Addr().String(), user: "you@demo.example", password: rand.Text(), home: home,
		tls: &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12},
		got: make(chan received, 16),
	}
	if err := l.Close(); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(home, "password"), []byte(s.password), 0o600); err != nil {
		return nil, sysexits.Errorf(sysexits.CantCreat, "", "the demo cannot write its password: %w", err)
	}
	s.smtp = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &demoSession{server: s}, nil
	}))
	s.smtp.Domain = "smarthost.demo.example"
	s.smtp.ErrorLog = quietLog{}
	s.smtp.ReadTimeout, s.smtp.WriteTimeout = demoTime, demoTime
	return s, nil
}

// account is the configuration for the demo's smarthost.
func (s *demoServer) account() string {
	return fmt.Sprintf("[account.demo]\nfrom      = [\"you@demo.example\"]\nsmarthost = \"smtps://%s\"\nuser      = %q\nsecret    = \"file:%s\"\ntls       = { ca = %q }\n",
		s.address, s.user, filepath.Join(s.home, "password"), filepath.Join(s.home, "ca.pem"))
}

func (s *demoServer) listen() error {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", s.address)
	if err != nil {
		return sysexits.Errorf(sysexits.TempFail, "run the demo again", "the demo's port was taken meanwhile: %w", err)
	}
	go s.smtp.Serve(tls.NewListener(l, s.tls)) //nolint:errcheck // ends with close
	return nil
}

func (s *demoServer) close() {
	// That a listener or a client has gone already is no matter at the end.
	_ = s.smtp.Close()
}

// A demoSession takes mail from those who know the password.
type demoSession struct {
	server   *demoServer
	loggedIn bool
	mail     received
}

func (s *demoSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *demoSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.server.user || password != s.server.password {
			return smtp.ErrAuthFailed
		}
		s.loggedIn = true
		return nil
	}), nil
}

func (s *demoSession) Mail(from string, _ *smtp.MailOptions) error {
	if !s.loggedIn {
		return smtp.ErrAuthRequired
	}
	s.mail = received{from: from}
	return nil
}

func (s *demoSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.to = append(s.mail.to, to)
	return nil
}

func (s *demoSession) Data(r io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return err
	}
	mail := s.mail
	mail.text = string(text)
	s.server.got <- mail
	return nil
}

func (s *demoSession) Reset() { s.mail = received{} }

func (s *demoSession) Logout() error { return nil }

type quietLog struct{}

func (quietLog) Printf(string, ...any) {}
func (quietLog) Println(...any)        {}

// demoCertificate is a self-signed certificate for 127.0.0.1; its public part
// goes to caFile.
func demoCertificate(caFile string, now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mailcrane demo"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(caFile, text, 0o600); err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
