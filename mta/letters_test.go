package mta

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailcrane/queue"
)

// authority is one that signs certificates of clients.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, file: filepath.Join(t.TempDir(), "ca.pem"), cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: []string{"Example + Sons"}, CommonName: "The CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *authority) client(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// encrypt says STARTTLS, and EHLO again; asked says that the server wanted a
// certificate.
func (c *client) encrypt(pool *x509.CertPool, shows *tls.Certificate) (asked bool) {
	c.t.Helper()
	c.say("STARTTLS", "220")
	secured := tls.Client(c.Conn, &tls.Config{
		ServerName: "mx.example.org", RootCAs: pool,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = true
			if shows == nil {
				return &tls.Certificate{}, nil
			}
			return shows, nil
		},
	})
	if err := secured.Handshake(); err != nil {
		c.t.Fatal(err)
	}
	c.Conn, c.in = secured, bufio.NewReader(secured)
	c.say("EHLO client.example.net", "250")
	return asked
}

// overProxy connects as a client of another machine.
func (r *running) overProxy(from string) *client {
	c := r.dial()
	fmt.Fprintf(c, "PROXY TCP4 %s 198.51.100.1 4321 25\r\n", from)
	return c
}

func secureServer(t *testing.T, access, more string) (r *running, pool *x509.CertPool, file string) {
	t.Helper()
	cert, key, pool := certificateOf(t, "mx.example.org")
	file = mapOf(t, access)
	return run(t, "name_servers = [\"127.0.0.1:1\"]\ndont_blame_sendmail = [\"TrustStickyBit\"]\n"+ours+"[mta.map]\naccess = \""+file+
		"\"\n[mta.tls]\ncert = \""+cert+"\"\nkey = \""+key+"\"\n"+more, "proxy = [\"127.0.0.1\"]\n"), pool, file
}

// The lines of the tips in sendmail's files, as they stand there, on a real
// connection.
// Coverage: A37, A38, A39, A40, A45.
func TestEachLineOfSrvFeaturesHoldsForWhomItNames(t *testing.T) {
	for _, test := range []struct {
		reason, line, keyword string
		here, away            bool // offered to this machine, and to another
	}{
		{"nobody", "Srv_Features: S", "STARTTLS", false, false},
		{"this machine by sendmail's name", "Srv_Features:localhost.localdomain S", "STARTTLS", false, true},
		{"this machine by its short name", "Srv_Features:localhost S", "STARTTLS", false, true},
		{"a network", "Srv_Features:192.0.2 S", "STARTTLS", true, false},
		{"an address", "Srv_Features:192.0.2.7 S", "STARTTLS", true, false},
		{"on for one", "Srv_Features: S\nSrv_Features:192.0.2.7 s", "STARTTLS", false, true},
		{"D", "Srv_Features: D", "DSN", false, false},
		{"P", "Srv_Features:192.0.2.7 P", "PIPELINING", true, false},
		{"X", "Srv_Features:192.0.2.7 X", "EXPN", true, false},
		{"B", "Srv_Features:192.0.2.7 B", "VERB", true, false},
	} {
		t.Run(test.reason, func(t *testing.T) {
			r, _, _ := secureServer(t, test.line+"\n", "")
			for _, from := range []struct {
				addr string
				want bool
			}{{"127.0.0.1", test.here}, {"192.0.2.7", test.away}} {
				if got := strings.Contains(r.overProxy(from.addr).hello(), test.keyword); got != from.want {
					t.Errorf("%s: %s is offered: %v, want %v", from.addr, test.keyword, got, from.want)
				}
			}
		})
	}
}

// What the other letters change is heard in replies, each by the client whom the
// line names and not by another.
// Coverage: A37, A38.
func TestTheLettersForLogInETRNAndHTTPHoldForWhomTheyName(t *testing.T) {
	const mail, scan, node, password = "MAIL FROM:<me@example.net>", "GET / HTTP/1.1", "ETRN example.org", "AUTH PLAIN "
	for _, test := range []struct {
		reason, letters, listener string
		line, named, other        string // what is said, and what each hears
	}{
		{"A", "A", "", password + fred, "503 5.3.3 AUTH not available", "235"},
		{"a as it is without it", "a", "", password + fred, "235", "235"},
		{"c", "c", "", password + fred, "538 5.7.11", "235"},
		{"C as it is without it", "C", "", password + fred, "235", "235"},
		{"E", "E", "", node, "502 5.7.0", "250 2.0.0"},
		{"h", "h", "", scan, "421 4.7.0", "500 5.5.1"},
		{"l", "l", "", mail, "530 5.7.0 Authentication required", "250 2.1.0"},
		{"L as it is without it", "L", "", mail, "250 2.1.0", "250 2.1.0"},
		{"L where the listener wants a log-in", "L", "auth = \"required\"\n", mail, "530 5.7.0", "530 5.7.0"},
		{"temp", "temp", "", "", "421 4.3.2", "220"},
	} {
		t.Run(test.reason, func(t *testing.T) {
			s := serverOf(t, users(t)+"[mta.auth]\noptions = \"y\"\n[mta.map]\naccess = \""+mapOf(t, "Srv_Features:192.0.2.7 "+test.letters+"\n")+
				"\"\n[[mta.listen]]\naddress = \"127.0.0.1:0\"\nproxy = [\"127.0.0.1\"]\n"+test.listener)
			s.Run = func(queue.Node) error { return nil }
			r := serving(t, s)
			for addr, want := range map[string]string{"192.0.2.7": test.named, "127.0.0.1": test.other} {
				c := r.overProxy(addr)
				if test.line == "" {
					if got := c.reply(); !strings.Contains(got, want) {
						t.Errorf("%s hears %q, want %s", addr, got, want)
					}
					continue
				}
				c.hello()
				if got := c.say(test.line, ""); !strings.HasPrefix(got, want) {
					t.Errorf("%s hears %q, want %s", addr, got, want)
				}
			}
		})
	}
}

// Coverage: A35.
func TestALineOfTheMapThatChangesHoldsForTheNextClient(t *testing.T) {
	r, _, file := secureServer(t, "# nothing\n", "")
	if !strings.Contains(r.overProxy("192.0.2.7").hello(), "STARTTLS") {
		t.Fatal("no TLS is offered")
	}
	if err := os.WriteFile(file, []byte("Srv_Features: S\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	gone := false
	for end := time.Now().Add(20 * time.Second); !gone && time.Now().Before(end); {
		c := r.overProxy("192.0.2.7")
		gone = !strings.Contains(c.hello(), "STARTTLS")
		c.Close()
	}
	if !gone {
		t.Error("TLS is still offered")
	}
}

// No name service answers, so that a stranger is put off.
// Names of authorities have blanks and plus signs, which stand in the map as +20
// and +2B; they were encoded twice.
// Coverage: A45, A46.
func TestAClientRelaysByItsCertificate(t *testing.T) {
	a := newAuthority(t)
	const issuer = "CertIssuer:/O=Example+20+2B+20Sons/CN=The+20CA "
	for _, test := range []struct {
		reason, access string
		shows          string // the name in the certificate, "" for none
		asked          bool
		want           string
	}{
		{"by its issuer", issuer + "RELAY", "me", true, "250 2.1.5"},
		{"by its subject", issuer + "SUBJECT\nCertSubject:/CN=My+20Host RELAY", "My Host", true, "250 2.1.5"},
		{"another subject", issuer + "SUBJECT\nCertSubject:/CN=My+20Host RELAY", "Other Host", true, "450 4.4.0"},
		{"none shown", issuer + "RELAY", "", true, "450 4.4.0"},
		{"not in the map", "example.net OK", "me", true, "450 4.4.0"},
		{"not asked for one", issuer + "RELAY\nSrv_Features: V", "me", false, "450 4.4.0"},
	} {
		t.Run(test.reason, func(t *testing.T) {
			r, pool, _ := secureServer(t, test.access+"\n", "ca = \""+a.file+"\"\n")
			c := r.overProxy("192.0.2.7")
			c.hello()
			var shows *tls.Certificate
			if test.shows != "" {
				one := a.client(t, test.shows)
				shows = &one
			}
			if asked := c.encrypt(pool, shows); asked != test.asked {
				t.Errorf("a certificate is asked for: %v, want %v", asked, test.asked)
			}
			c.say("MAIL FROM:<me@example.net>", "250")
			c.say("RCPT TO:<you@elsewhere.example>", test.want)
		})
	}
}
