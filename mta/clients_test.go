package mta

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/lab"
	"mailcrane/mta/names"
	"mailcrane/queue"
)

// program runs a real client, or skips by its name; ADDRESS, HOST and PORT are the
// server's.
func program(t *testing.T, r *running, stdin, name string, args ...string) (out string, err error) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		lab.Missing(t, name, "internal/lab/lab.sh install clients")
	}
	host, port, err := net.SplitHostPort(r.address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	of := strings.NewReplacer("ADDRESS", r.address, "HOST", host, "PORT", port)
	for i := range args {
		args[i] = of.Replace(args[i])
	}
	c := exec.CommandContext(ctx, path, args...)
	c.Stdin = strings.NewReader(stdin)
	text, err := c.CombinedOutput()
	return string(text), err
}

// TestOpenSSLIsServedByTheTLSThatIsSet is a client of another make.
//
// Coverage: A33, A36.
func TestOpenSSLIsServedByTheTLSThatIsSet(t *testing.T) {
	for _, test := range []struct {
		reason, set string
		args        []string
		want        string // in what it prints; "" wants no TLS at all
	}{
		{"TLS 1.3", "", []string{"-tls1_3"}, "TLSv1.3"},
		{"TLS 1.2", "", []string{"-tls1_2"}, "TLSv1.2"},
		{"TLS 1.1 is refused", "", []string{"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"}, ""},
		{"the one cipher of CipherList", "ciphers = \"ECDHE-ECDSA-AES256-GCM-SHA384\"\n", []string{"-tls1_2"}, "ECDHE-ECDSA-AES256-GCM-SHA384"},
		{"a client that has not that one", "ciphers = \"ECDHE-ECDSA-AES256-GCM-SHA384\"\n", []string{"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"}, ""},
	} {
		t.Run(test.reason, func(t *testing.T) {
			r := run(t, users(t)+test.set, "")
			out, err := program(t, r, "QUIT\r\n", "openssl", append([]string{"s_client", "-connect", "ADDRESS", "-starttls", "smtp", "-crlf"}, test.args...)...)
			agreed := err == nil && !strings.Contains(out, "Cipher is (NONE)")
			if agreed != (test.want != "") || !strings.Contains(out, test.want) {
				t.Errorf("%v, want %q: %s", err, test.want, out)
			}
			if agreed && (strings.Contains(out, "Session Ticket arrived") || strings.Contains(out, "TLS session ticket:")) {
				t.Errorf("it gets a ticket for another session: %s", out)
			}
		})
	}
}

// Coverage: A34.
func TestRealClientsLogInAndSend(t *testing.T) {
	for _, test := range []struct {
		reason, listener, name string
		args                   []string
		taken                  bool
	}{
		{"swaks and PLAIN", "", "swaks", []string{"--server", "ADDRESS", "--tls", "--auth", "PLAIN", "--auth-user", "fred", "--auth-password", "secret", "--from", "me@example.net", "--to", "you@example.org"}, true},
		{"swaks and LOGIN where TLS comes first", "tls = \"implicit\"\n", "swaks", []string{"--server", "ADDRESS", "--tlsc", "--auth", "LOGIN", "--auth-user", "fred", "--auth-password", "secret", "--from", "me@example.net", "--to", "you@example.org"}, true},
		{"swaks and a wrong password", "", "swaks", []string{"--server", "ADDRESS", "--tls", "--auth", "PLAIN", "--auth-user", "fred", "--auth-password", "wrong", "--from", "me@example.net", "--to", "you@example.org"}, false},
		{"swaks without TLS", "", "swaks", []string{"--server", "ADDRESS", "--auth", "PLAIN", "--auth-user", "fred", "--auth-password", "secret", "--from", "me@example.net", "--to", "you@example.org"}, false},
		{"curl", "", "curl", []string{"-sS", "--ssl-reqd", "-k", "-u", "fred:secret", "smtp://ADDRESS/me", "--mail-from", "me@example.net", "--mail-rcpt", "you@example.org", "-T", "-"}, true},
		{"curl and a wrong password", "", "curl", []string{"-sS", "--ssl-reqd", "-k", "-u", "fred:wrong", "smtp://ADDRESS/me", "--mail-from", "me@example.net", "--mail-rcpt", "you@example.org", "-T", "-"}, false},
	} {
		t.Run(test.reason, func(t *testing.T) {
			r := run(t, users(t), "auth = \"required\"\n"+test.listener)
			out, err := program(t, r, "Subject: x\r\n\r\nx\r\n", test.name, test.args...)
			_, texts := r.kept()
			if (err == nil) != test.taken || len(texts) == 1 != test.taken {
				t.Fatalf("%v, %d messages are kept: %s", err, len(texts), out)
			}
			if test.taken && !strings.Contains(texts[0], "with ESMTPSA id") {
				t.Errorf("the trace does not tell of the log-in: %s", texts[0])
			}
		})
	}
}

// nameless is a name service that knows nothing.
type nameless struct{}

func (nameless) Addresses(context.Context, string) ([]netip.Addr, error) { return nil, names.ErrNone }

func (nameless) IPv4(context.Context, string) ([]netip.Addr, error) { return nil, names.ErrNone }

func (nameless) Pointers(context.Context, netip.Addr) ([]string, error) { return nil, names.ErrNone }

func (nameless) Exchangers(context.Context, string) ([]names.MX, error) { return nil, names.ErrNone }

// TestAClientsCertificateRelays is swaks from an address that may not relay.
//
// Coverage: A46.
func TestAClientsCertificateRelays(t *testing.T) {
	dir := t.TempDir()
	ca, signer := signed(t, dir, "ca", nil, nil)
	signed(t, dir, "partner", ca, signer)
	signed(t, dir, "other+CN=partner", ca, signer)
	signed(t, dir, "stranger", nil, nil)
	path := filepath.Join(dir, "access")
	if err := os.WriteFile(path, []byte("CertIssuer:/CN=ca SUBJECT\nCertSubject:/CN=partner RELAY\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := users(t) + "ca = \"" + filepath.Join(dir, "ca.pem") + "\"\n[mta.map]\naccess = \"" + path + "\"\n"
	for _, test := range []struct {
		reason, certificate string
		relays              bool
	}{
		{"none", "", false},
		{"the one that the map names", "partner", true},
		{"one of a name that has it in it", "other+CN=partner", false},
		{"one that nobody vouches for", "stranger", false},
	} {
		t.Run(test.reason, func(t *testing.T) {
			s, err := New(configOf(t, text+"[[mta.listen]]\naddress = \"127.0.0.1:0\"\nproxy = [\"127.0.0.1\"]\n"), Options{
				Users: everybody{},
				Spool: queue.NewSpool(filepath.Join(t.TempDir(), "spool"), queue.OS{}, time.Now), Resolver: nameless{},
				Now: time.Now, Load: func() float64 { return 0 }, Log: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				t.Fatal(err)
			}
			r := serving(t, s)
			args := []string{
				"--server", "ADDRESS", "--tls", "--from", "me@example.net", "--to", "you@example.com",
				"--proxy-version", "1", "--proxy-family", "TCP4", "--proxy-source", "192.0.2.7", "--proxy-source-port", "4711", "--proxy-dest", "192.0.2.1", "--proxy-dest-port", "25",
			}
			if test.certificate != "" {
				args = append(args, "--tls-cert", filepath.Join(dir, test.certificate+".pem"), "--tls-key", filepath.Join(dir, test.certificate+".key"))
			}
			out, err := program(t, r, "", "swaks", args...)
			entries, _ := r.kept()
			if (err == nil) != test.relays || len(entries) == 1 != test.relays || !test.relays && !strings.Contains(out, "550 5.7.1") {
				t.Errorf("%v, %d messages are kept: %s", err, len(entries), out)
			}
		})
	}
}

// signed is a certificate of that common name, by an authority or by itself.
func signed(t *testing.T, dir, name string, by *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: by == nil, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if by == nil {
		by, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for end, block := range map[string]*pem.Block{".pem": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, name+end), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c, key
}
