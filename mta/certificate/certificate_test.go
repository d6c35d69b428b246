package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailcrane/internal/config"
	"mailcrane/mta/safefile"
)

// An authority signs the certificates of one test.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.cert, a.key = a.sign(t, "ca", &x509.Certificate{
		Subject: pkix.Name{Organization: []string{"Example + Sons"}, CommonName: "CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	})
	return a
}

var serials = func() func() *big.Int {
	n := time.Now().UnixNano()
	return func() *big.Int { n++; return big.NewInt(n) }
}()

// sign writes NAME.pem and NAME.key into the authority's directory.
func (a *authority) sign(t *testing.T, name string, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, c.NotBefore = serials(), time.Now().Add(-time.Hour)
	if c.NotAfter.IsZero() {
		c.NotAfter = time.Now().Add(time.Hour)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	a.write(t, name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	a.write(t, name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made, key
}

func (a *authority) write(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(a.path(name)+".new", text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(a.path(name)+".new", a.path(name)); err != nil {
		t.Fatal(err)
	}
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

func (a *authority) server(t *testing.T, name string, hosts ...string) {
	t.Helper()
	a.sign(t, name, &x509.Certificate{Subject: pkix.Name{CommonName: hosts[0]}, DNSNames: hosts})
}

func (a *authority) client(t *testing.T, name string, c *x509.Certificate) tls.Certificate {
	t.Helper()
	c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	a.sign(t, name, c)
	pair, err := tls.LoadX509KeyPair(a.path(name+".pem"), a.path(name+".key"))
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// clock goes on when it is told to.
type clock struct{ ahead time.Duration }

func (c *clock) now() time.Time { return time.Now().Add(c.ahead) }

func open(t *testing.T, set config.ServerTLS) (*Store, *bytes.Buffer, *clock) {
	t.Helper()
	log, ticks := &bytes.Buffer{}, &clock{}
	c := &config.Config{}
	c.MTA.TLS = set
	s, err := New(t.Context(), c, safefile.Rules{Blame: config.TrustStickyBit}, slog.New(slog.NewTextHandler(log, nil)), ticks.now, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s, log, ticks
}

// handshake is one over a pipe, and both sides' view of it.
func handshake(t *testing.T, server, client *tls.Config) (seen tls.ConnectionState, shown tls.ConnectionState, err error) {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	done := make(chan error, 1)
	s := tls.Server(far, server)
	go func() {
		defer far.Close()
		err := s.Handshake()
		done <- err
	}()
	client.InsecureSkipVerify = true
	c := tls.Client(near, client)
	if err = c.Handshake(); err == nil {
		c.Close()
	}
	near.Close()
	if e := <-done; err == nil {
		err = e
	}
	return s.ConnectionState(), c.ConnectionState(), err
}

// TestACipherListHoldsClientsToIt shows CipherList.
//
// Coverage: A36.
func TestACipherListHoldsClientsToIt(t *testing.T) {
	a := newAuthority(t)
	a.server(t, "mail", "mail.test")
	for _, c := range []struct {
		reason, list string
		client       uint16
		works        bool
		logged       string
	}{
		{"the client has the one of the list", "ECDHE-ECDSA-AES256-GCM-SHA384", tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, true, ""},
		{"the client has another", "ECDHE-ECDSA-AES256-GCM-SHA384", tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, false, ""},
		{"the usual words", "HIGH:!aNULL:!MD5:@STRENGTH", tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, true, ""},
		{"taken away for good", "!AES128:HIGH", tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, false, ""},
		{"a list that leaves none is logged and not used", "NONSENSE", tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, true, "CipherList is not used"},
		{"a word that nobody knows is logged", "NONSENSE:HIGH", tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, true, "word=NONSENSE"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s, log, _ := open(t, config.ServerTLS{Cert: a.path("mail.pem"), Key: a.path("mail.key"), Ciphers: c.list})
			_, _, err := handshake(t, s.Config(false), &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{c.client}})
			if (err == nil) != c.works {
				t.Errorf("the handshake: %v", err)
			}
			if !strings.Contains(log.String(), c.logged) || c.logged == "" && strings.Contains(log.String(), "CipherList") {
				t.Errorf("the log is %q, want %q", log, c.logged)
			}
		})
	}
}

// TestOptionsOfOpenSSLSayWhichVersionsAreTaken shows ServerSSLOptions.
func TestOptionsOfOpenSSLSayWhichVersionsAreTaken(t *testing.T) {
	a := newAuthority(t)
	a.server(t, "mail", "mail.test")
	for _, c := range []struct {
		reason, options string
		client          uint16
		works           bool
	}{
		{"1.3 by default", "", tls.VersionTLS13, true},
		{"1.2 too", "", tls.VersionTLS12, true},
		{"but not 1.1", "", tls.VersionTLS11, false},
		{"unless that is cleared", "-SSL_OP_NO_TLSv1_1", tls.VersionTLS11, true},
		{"no 1.2", "SSL_OP_NO_TLSv1_2", tls.VersionTLS12, false},
		{"no 1.3", "SSL_OP_NO_TLSv1_3 SSL_OP_CIPHER_SERVER_PREFERENCE", tls.VersionTLS13, false},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s, _, _ := open(t, config.ServerTLS{Cert: a.path("mail.pem"), Key: a.path("mail.key"), Options: c.options})
			_, _, err := handshake(t, s.Config(false), &tls.Config{MinVersion: c.client, MaxVersion: c.client})
			if (err == nil) != c.works {
				t.Errorf("the handshake: %v", err)
			}
		})
	}
}

// TestAClientsCertificateIsJudgedInSendmailsWords shows CACertFile, CACertPath
// and CRLFile.
//
// Coverage: A46.
func TestAClientsCertificateIsJudgedInSendmailsWords(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	a.server(t, "mail", "mail.test")
	good := a.client(t, "good", &x509.Certificate{Subject: pkix.Name{Country: []string{"DE"}, Organization: []string{"A (B)"}, CommonName: "me <x>"}})
	over := a.client(t, "over", &x509.Certificate{Subject: pkix.Name{CommonName: "over"}, NotAfter: time.Now().Add(-time.Minute)})
	foreign := other.client(t, "foreign", &x509.Certificate{Subject: pkix.Name{CommonName: "foreign"}})
	gone := a.client(t, "gone", &x509.Certificate{Subject: pkix.Name{CommonName: "gone"}})
	list, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: gone.Leaf.SerialNumber, RevocationTime: time.Now()}},
	}, a.cert, a.key)
	if err != nil {
		t.Fatal(err)
	}
	a.write(t, "crl.pem", pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: list}))
	if err := os.Mkdir(a.path("more"), 0o700); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(other.path("ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	a.write(t, "more/other.pem", text)
	standard := config.ServerTLS{Cert: a.path("mail.pem"), Key: a.path("mail.key"), CA: a.path("ca.pem")}
	more, revoking := standard, standard
	more.CAPath, revoking.CRL = a.path("more"), a.path("crl.pem")
	for _, c := range []struct {
		reason  string
		set     config.ServerTLS
		shows   []tls.Certificate
		request bool
		want    string
	}{
		{"one of the authority", standard, []tls.Certificate{good}, true, "OK"},
		{"none", standard, nil, true, "NO"},
		{"not asked for", standard, []tls.Certificate{good}, false, "NOT"},
		{"one that is over", standard, []tls.Certificate{over}, true, "FAIL"},
		{"one of nobody that we know", standard, []tls.Certificate{foreign}, true, "FAIL"},
		{"one of the directory's authorities", more, []tls.Certificate{foreign}, true, "OK"},
		{"one that is revoked", revoking, []tls.Certificate{gone}, true, "FAIL"},
		{"not this one", revoking, []tls.Certificate{good}, true, "OK"},
		{"no authorities at all", config.ServerTLS{Cert: standard.Cert, Key: standard.Key}, []tls.Certificate{good}, true, "FAIL"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s, _, _ := open(t, c.set)
			shown := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if len(c.shows) == 0 {
					return &tls.Certificate{}, nil
				}
				return &c.shows[0], nil
			}
			state, _, err := handshake(t, s.Config(c.request), &tls.Config{GetClientCertificate: shown})
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Facts(&state, c.request).Verify; got != c.want {
				t.Errorf("verify=%s, want %s", got, c.want)
			}
		})
	}
	s, _, _ := open(t, standard)
	state, _, err := handshake(t, s.Config(true), &tls.Config{Certificates: []tls.Certificate{good}})
	if err != nil {
		t.Fatal(err)
	}
	want := Facts{
		Verify: "OK", Issuer: "/O=Example + Sons/CN=CA", Subject: "/C=DE/O=A (B)/CN=me <x>", CN: "me <x>",
		Version: "TLSv1.3", Cipher: "TLS_AES_128_GCM_SHA256", Bits: 128,
	}
	if diff := cmp.Diff(want, s.Facts(&state, true)); diff != "" {
		t.Error(diff)
	}
	if got, want := s.Facts(&state, true).String(), "(version=TLSv1.3 cipher=TLS_AES_128_GCM_SHA256 bits=128 verify=OK)"; got != want {
		t.Errorf("Received has %q, want %q", got, want)
	}
	if got := s.Facts(nil, true).Verify; got != "NONE" {
		t.Errorf("without TLS verify=%s", got)
	}
}
