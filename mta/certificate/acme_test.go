package certificate

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/lab"
	"mailcrane/mta/safefile"
)

// lines is a log that several may write to.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// TestACertificateComesByACMEAndIsRenewedUnderAKeptConnection is against a real
// pebble.
func TestACertificateComesByACMEAndIsRenewedUnderAKeptConnection(t *testing.T) {
	for _, challenge := range []string{"http-01", "tls-alpn-01"} {
		t.Run(challenge, func(t *testing.T) {
			const life = 6 * time.Second
			port := freePort(t)
			authority := lab.StartAuthority(t, port, life)
			log := &lines{}
			c := &config.Config{Hostname: "mail.example.test"}
			storage := filepath.Join(t.TempDir(), "certificates")
			c.MTA.TLS.ACME = config.ACME{
				Directory: authority.Directory, CA: authority.CAFile, Email: "me@example.test", Agree: true,
				Challenge: challenge, Listen: "127.0.0.1:" + strconv.Itoa(port), Storage: storage,
			}
			s, err := newStore(t.Context(), c, safefile.Rules{Blame: config.TrustStickyBit}, slog.New(slog.NewTextHandler(log, nil)), time.Now, nil, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			s.Begin()
			await(t, log, "a first certificate", s.Offered)
			roots := x509.NewCertPool()
			if !roots.AppendCertsFromPEM([]byte(authority.Roots)) {
				t.Fatal("pebble has no root")
			}
			kept, first := connect(t, s, roots)
			await(t, log, "a second one", func() bool {
				_, now := connect(t, s, roots)
				return now != first
			})
			// A reload goes on with the same.
			again, err := newStore(t.Context(), c, safefile.Rules{Blame: config.TrustStickyBit}, slog.New(slog.NewTextHandler(log, nil)), time.Now, s, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			again.Begin()
			s.Close()
			await(t, log, "one more after a reload", func() bool {
				_, now := connect(t, again, roots)
				return now != first
			})
			if _, err := kept.Write([]byte("x")); err != nil {
				t.Errorf("the connection from before was lost: %v", err)
			}
			private(t, storage)
		})
	}
}

func await(t *testing.T, log *lines, what string, there func() bool) {
	t.Helper()
	for deadline := time.Now().Add(40 * time.Second); !there(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come:\n%s", what, log)
		}
	}
}

// connect is a client that goes by the authority and asks for no name, as most
// mail servers do; serial is that of the certificate.
func connect(t *testing.T, s *Store, roots *x509.CertPool) (conn *tls.Conn, serial string) {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	server := tls.Server(far, s.Config(false))
	go func() {
		text := make([]byte, 1)
		for {
			if _, err := server.Read(text); err != nil {
				return
			}
		}
	}()
	conn = tls.Client(near, &tls.Config{InsecureSkipVerify: true})
	if err := conn.Handshake(); err != nil {
		t.Fatal(err)
	}
	shown := conn.ConnectionState().PeerCertificates
	between := x509.NewCertPool()
	for _, c := range shown[1:] {
		between.AddCert(c)
	}
	if _, err := shown[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: "mail.example.test"}); err != nil {
		t.Fatal(err)
	}
	return conn, shown[0].SerialNumber.String()
}

// private says that nobody else can read what is stored.
func private(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestNothingIsFetchedBeforeTheTermsAreAgreedTo(t *testing.T) {
	for _, c := range []struct {
		reason, want string
		set          config.ACME
		hostname     string
	}{
		{"terms", "has not agreed to its terms", config.ACME{Directory: "https://acme.test/dir"}, "mail.example.test"},
		{"no name", "no name with a dot", config.ACME{Directory: "https://acme.test/dir", Agree: true}, "mail"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			set := &config.Config{Hostname: c.hostname}
			set.MTA.TLS.ACME = c.set
			_, err := New(t.Context(), set, safefile.Rules{}, slog.New(slog.DiscardHandler), time.Now, nil)
			if err == nil || !bytes.Contains([]byte(err.Error()), []byte(c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
