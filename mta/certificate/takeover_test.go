package certificate

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/mta/safefile"
)

// unreached is a configuration of an authority that nobody reaches; the challenge
// is answered at address.
func unreached(t *testing.T, address string, names ...string) *config.Config {
	t.Helper()
	// Not t.TempDir: what the library has under way may write there once more
	// when it was told to end.
	dir, err := os.MkdirTemp("", "acme") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	c := &config.Config{Hostname: "mail.example.test"}
	c.MTA.TLS.ACME = config.ACME{
		Directory: "https://127.0.0.1:1/dir", Agree: true, Listen: address, Storage: filepath.Join(dir, "certificates"), Names: names,
	}
	return c
}

func following(t *testing.T, c *config.Config, before *Store) (*Store, error) {
	s, err := New(t.Context(), c, safefile.Rules{}, slog.New(slog.DiscardHandler), time.Now, before)
	t.Cleanup(s.Close)
	return s, err
}

// answers says whether somebody answers the challenge there.
func answers(t *testing.T, address string) bool {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(500 * time.Millisecond))
	if _, err := conn.Write([]byte("GET / HTTP/1.0\r\n\r\n")); err != nil {
		return false
	}
	n, _ := conn.Read(make([]byte, 1))
	return n == 1
}

// A reload that comes to nothing must not have ended what goes on; and one that
// succeeds cannot bind the port again, which may be root's.
func TestACMEGoesOnUntilAnotherBeginsAndHandsItsListenerOver(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	first, err := following(t, unreached(t, address), nil)
	if err != nil {
		t.Fatal(err)
	}
	if answers(t, address) {
		t.Error("it answers before it has begun")
	}
	first.Begin()
	if !answers(t, address) {
		t.Fatal("it does not answer")
	}
	bad := unreached(t, address, "other.example.test")
	bad.MTA.TLS.ACME.CA = filepath.Join(t.TempDir(), "missing.pem")
	if _, err := following(t, bad, first); err == nil {
		t.Fatal("an authority that cannot be read is taken")
	}
	ctx, giveUp := context.WithCancel(t.Context())
	given, err := New(ctx, unreached(t, address, "other.example.test"), safefile.Rules{}, slog.New(slog.DiscardHandler), time.Now, first)
	if err != nil {
		t.Fatal(err)
	}
	giveUp() // a reload that fails later on
	given.Close()
	if !answers(t, address) {
		t.Fatal("what was there has ended, though nothing came of the reload")
	}
	second, err := following(t, unreached(t, address, "other.example.test"), first)
	if err != nil {
		t.Fatal(err)
	}
	second.Begin()
	first.Close()
	if !answers(t, address) {
		t.Error("after a reload nobody answers")
	}
	second.Close()
	if answers(t, address) {
		t.Error("it answers still")
	}
}
