package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"os"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/config"
)

func served(t *testing.T, s *Store, name string) string {
	t.Helper()
	_, shown, err := handshake(t, s.Config(false), &tls.Config{ServerName: name})
	if err != nil {
		t.Fatal(err)
	}
	return shown.PeerCertificates[0].Subject.CommonName
}

func TestACertificateThatChangesIsServedAtOnce(t *testing.T) {
	a := newAuthority(t)
	a.server(t, "mail", "old.test")
	s, log, ticks := open(t, config.ServerTLS{Cert: a.path("mail.pem"), Key: a.path("mail.key")})
	// A handshake that is under way is not disturbed.
	underway := s.Config(false)

	a.server(t, "mail", "new.test")
	ticks.ahead += time.Second
	if got := served(t, s, ""); got != "new.test" {
		t.Errorf("%s is served, want the new one", got)
	}
	if _, shown, err := handshake(t, underway, &tls.Config{}); err != nil || shown.PeerCertificates[0].Subject.CommonName != "old.test" {
		t.Errorf("the handshake that was under way: %v", err)
	}

	a.write(t, "mail.key", []byte("this is no key"))
	ticks.ahead += time.Second
	if got := served(t, s, ""); got != "new.test" {
		t.Errorf("%s is served, want the one that was good", got)
	}
	if text := log.String(); !strings.Contains(text, "the one before is kept") || !strings.Contains(text, "openssl pkey") {
		t.Errorf("the log does not say so, and what to do: %s", text)
	}
	before := log.Len()
	ticks.ahead += time.Second
	served(t, s, "")
	if log.Len() != before {
		t.Errorf("the same fault is logged again: %s", log.String()[before:])
	}

	a.server(t, "mail", "third.test")
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := served(t, s, ""); got != "third.test" {
		t.Errorf("after a reload %s is served", got)
	}
	if err := os.Remove(a.path("mail.pem")); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(); err == nil {
		t.Error("a reload without a certificate is no error")
	}
	if got := served(t, s, ""); got != "third.test" {
		t.Errorf("%s is served, want the one that was good", got)
	}
}

func TestTheNameThatAClientAsksForChoosesTheCertificate(t *testing.T) {
	a := newAuthority(t)
	a.server(t, "one", "one.test")
	a.server(t, "two", "two.test", "*.two.test")
	s, _, _ := open(t, config.ServerTLS{
		Cert: a.path("one.pem") + "," + a.path("two.pem"), Key: a.path("one.key") + "," + a.path("two.key"),
	})
	for _, c := range []struct{ reason, name, want string }{
		{"the first one's", "one.test", "one.test"},
		{"the second one's", "two.test", "two.test"},
		{"below it", "mx.two.test", "two.test"},
		{"no name: most mail servers", "", "one.test"},
		{"another name: the first one", "other.test", "one.test"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			if got := served(t, s, c.name); got != c.want {
				t.Errorf("%s is served, want %s", got, c.want)
			}
		})
	}
}

// TestAClientIsAskedForACertificateOrNot shows TLSSrvOptions.
//
// Coverage: A45.
func TestAClientIsAskedForACertificateOrNot(t *testing.T) {
	a := newAuthority(t)
	a.server(t, "mail", "mail.test")
	for _, c := range []struct {
		reason, letters string
		want            bool
	}{
		{"asked by default", "", true},
		{"not with V", "V", false},
		{"C changes nothing", "C", true},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s, _, _ := open(t, config.ServerTLS{Cert: a.path("mail.pem"), Key: a.path("mail.key"), CA: a.path("ca.pem"), Letters: c.letters})
			asked := false
			_, _, err := handshake(t, s.Config(s.Requests()), &tls.Config{
				GetClientCertificate: func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
					asked = true
					if len(info.AcceptableCAs) != 1 {
						t.Errorf("the client hears of %d authorities, want the one of mta.tls.ca", len(info.AcceptableCAs))
					}
					return &tls.Certificate{}, nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if asked != c.want {
				t.Errorf("the handshake asks for a certificate: %v", asked)
			}
		})
	}
}

func TestNoSessionIsResumed(t *testing.T) {
	a := newAuthority(t)
	a.server(t, "mail", "mail.test")
	s, _, _ := open(t, config.ServerTLS{Cert: a.path("mail.pem"), Key: a.path("mail.key")})
	kept := tls.NewLRUClientSessionCache(1)
	for range 2 {
		_, shown, err := handshake(t, s.Config(false), &tls.Config{ClientSessionCache: kept, ServerName: "mail.test", MaxVersion: tls.VersionTLS12})
		if err != nil {
			t.Fatal(err)
		}
		if shown.DidResume {
			t.Error("the session was resumed")
		}
	}
}

func TestACertificateThatIsOverIsServedAndLogged(t *testing.T) {
	a := newAuthority(t)
	a.sign(t, "mail", &x509.Certificate{Subject: pkix.Name{CommonName: "mail.test"}, DNSNames: []string{"mail.test"}, NotAfter: time.Now().Add(-time.Minute)})
	s, log, _ := open(t, config.ServerTLS{Cert: a.path("mail.pem"), Key: a.path("mail.key")})
	if got := served(t, s, ""); got != "mail.test" || !strings.Contains(log.String(), "over") {
		t.Errorf("%s is served; log %s", got, log)
	}
}
