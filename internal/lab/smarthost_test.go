package lab

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"strings"
	"testing"
)

func TestSmarthostsTakeMailAfterAuthOverTLS(t *testing.T) {
	for name, start := range smarthosts() {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			box := s.Mailbox(t)
			for _, port := range []string{s.Implicit, s.StartTLS} {
				to := box.Address("port" + port[strings.LastIndex(port, ":")+1:])
				c := dial(t, s, port)
				if err := c.Mail("me@example.test"); err == nil {
					if err := c.Rcpt(to); err == nil {
						t.Fatalf("%s took mail without AUTH", port)
					}
				}
				if err := errors.Join(c.Reset(), c.Auth(smtp.PlainAuth("", s.User, s.Password, "127.0.0.1"))); err != nil {
					t.Fatalf("%s: %v", port, err)
				}
				sent := "From: me@example.test\r\nDate: Sun, 22 Nov 2026 12:00:00 +0000\r\nMessage-ID: <" + to + ">\r\n\r\n..dot\r\n\xff\r\n"
				submit(t, c, to, sent)
				got := box.Wait(to)
				if want := strings.ReplaceAll(sent, "\r\n", "\n"); string(got.Sent) != want {
					t.Errorf("sent %q, arrived as %q", want, got.Sent)
				}
				if got.From != "me@example.test" || got.To != to {
					t.Errorf("envelope is from %q to %q", got.From, got.To)
				}
				if again := box.WaitID("<" + to + ">"); !bytes.Equal(again.Raw, got.Raw) {
					t.Errorf("by Message-ID another message is found: %q", again.Raw)
				}
			}
		})
	}
}

func TestSmarthostsRefuseByRecipient(t *testing.T) {
	for name, start := range smarthosts() {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			box := s.Mailbox(t)
			for recipient, code := range map[string]int{"reject": 550, "defer": 450, "drop": 421} {
				for _, port := range []string{s.Implicit, s.Plain} {
					c := dial(t, s, port)
					if port == s.Implicit {
						if err := c.Auth(smtp.PlainAuth("", s.User, s.Password, "127.0.0.1")); err != nil {
							t.Fatal(err)
						}
					}
					if err := c.Mail("me@example.test"); err != nil {
						t.Fatal(err)
					}
					var reply *textproto.Error
					if err := c.Rcpt(box.Address(recipient)); !errors.As(err, &reply) || reply.Code != code {
						t.Errorf("%s, recipient %s: want %d, got %v", port, recipient, code, err)
					}
				}
			}
		})
	}
}

func TestSmarthostsShowBadCertificatesOnExtraPorts(t *testing.T) {
	for name, start := range smarthosts() {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			_, err := tls.Dial("tcp", s.Expired, trust(t, s))
			if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); !ok || invalid.Reason != x509.Expired {
				t.Errorf("the expired certificate gives %v", err)
			}
			_, err = tls.Dial("tcp", s.WrongName, trust(t, s))
			if _, ok := errors.AsType[x509.HostnameError](err); !ok {
				t.Errorf("the certificate for another name gives %v", err)
			}
			for _, port := range []string{s.ExpiredStartTLS, s.WrongNameStartTLS} {
				c, err := smtp.Dial(port)
				if err != nil {
					t.Fatal(err)
				}
				if err := c.StartTLS(trust(t, s)); err == nil {
					t.Errorf("%s: the certificate is taken for good", port)
				}
				c.Close()
			}
		})
	}
}

func TestSmarthostsOfferTheMechanismsAndExtensions(t *testing.T) {
	for name, want := range map[string]struct{ offered, missing, mechanisms string }{
		"Postfix":   {"PIPELINING CHUNKING 8BITMIME SMTPUTF8 DSN", "BINARYMIME", "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256"},
		"Exim":      {"PIPELINING CHUNKING 8BITMIME SMTPUTF8 DSN", "BINARYMIME", "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256"},
		"OpenSMTPD": {"8BITMIME DSN", "PIPELINING CHUNKING SMTPUTF8", "PLAIN LOGIN"},
	} {
		t.Run(name, func(t *testing.T) {
			s := smarthosts()[name](t)
			c := dial(t, s, s.StartTLS)
			for _, ext := range strings.Fields(want.offered + " " + want.missing) {
				if ok, _ := c.Extension(ext); ok != strings.Contains(want.offered, ext) {
					t.Errorf("offers %s: %t", ext, ok)
				}
			}
			if _, size := c.Extension("SIZE"); size != "67108864" {
				t.Errorf("offers SIZE %s", size)
			}
			_, offered := c.Extension("AUTH")
			for _, want := range strings.Fields(want.mechanisms) {
				if !strings.Contains(" "+offered+" ", " "+want+" ") {
					t.Errorf("offers AUTH %s, not %s", offered, want)
				}
			}
			if strings.Contains(want.mechanisms, "CRAM-MD5") {
				if err := c.Auth(smtp.CRAMMD5Auth(s.User, s.Password)); err != nil {
					t.Errorf("CRAM-MD5: %v", err)
				}
			}
			wrong := dial(t, s, s.Implicit)
			var reply *textproto.Error
			if err := wrong.Auth(smtp.PlainAuth("", s.User, "wrong", "127.0.0.1")); !errors.As(err, &reply) || reply.Code != 535 {
				t.Errorf("a wrong password is answered %v", err)
			}
		})
	}
}

func TestEximTakesAClientCertificate(t *testing.T) {
	s := Exim(t)
	config := trust(t, s)
	cert, err := tls.LoadX509KeyPair(s.ClientCert, s.ClientKey)
	if err != nil {
		t.Fatal(err)
	}
	config.Certificates = []tls.Certificate{cert}
	conn, err := tls.Dial("tcp", s.Implicit, config)
	if err != nil {
		t.Fatal(err)
	}
	c, err := smtp.NewClient(conn, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Auth(external(s.User)); err != nil {
		t.Errorf("AUTH EXTERNAL: %v", err)
	}
}

type external string

func (e external) Start(*smtp.ServerInfo) (string, []byte, error) {
	return "EXTERNAL", []byte(e), nil
}

func (external) Next([]byte, bool) ([]byte, error) { return nil, nil }

func smarthosts() map[string]func(testing.TB) Smarthost {
	return map[string]func(testing.TB) Smarthost{"Postfix": Postfix, "Exim": Exim, "OpenSMTPD": OpenSMTPD}
}

func trust(t *testing.T, s Smarthost) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
}

func dial(t *testing.T, s Smarthost, port string) *smtp.Client {
	t.Helper()
	var conn net.Conn
	var err error
	if port == s.Implicit {
		conn, err = tls.Dial("tcp", port, trust(t, s))
	} else {
		conn, err = net.Dial("tcp", port)
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := smtp.NewClient(conn, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if port == s.StartTLS {
		if err := c.StartTLS(trust(t, s)); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func submit(t *testing.T, c *smtp.Client, to, message string) {
	t.Helper()
	if err := errors.Join(c.Mail("me@example.test"), c.Rcpt(to)); err != nil {
		t.Fatal(err)
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(message)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
