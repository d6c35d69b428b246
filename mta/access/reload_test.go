//go:build unix

package access

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/mta/safefile"
)

// What the map says of TLS is asked for each client, and holds as soon as the
// file has changed.
//
// Coverage: A35.
func TestAChangeInTheMapChangesWhatIsOfferedWithoutARestart(t *testing.T) {
	path, now := filepath.Join(t.TempDir(), "access"), time.Unix(1e9, 0)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
	}
	write("a.example OK\n")
	// Directories of tests are below /tmp.
	m, err := Open(path, safefile.Rules{Blame: config.TrustStickyBit}, Options{}, nil, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text          string
		offered, asks bool // STARTTLS is offered, a certificate asked for
		tries         bool // and STARTTLS used with b.example
	}{
		{"Srv_Features: S\n", false, true, true},
		{"Srv_Features:192.0.2 S V\nTry_TLS:b.example NO\n", false, false, false},
		{"Srv_Features: V\n", true, false, true},
		{"Srv_Features:c.example S\nTry_TLS: NO\n", true, true, false},
	} {
		write(c.text)
		l, err := m.Features("a.example", addr("192.0.2.1"))
		tries, _, err2 := m.TryTLS("b.example", netip.Addr{})
		if l.Is('s', true) != c.offered || l.Is('v', true) != c.asks || tries != c.tries || err != nil || err2 != nil {
			t.Errorf("%s: %v %v %v, %v, %v", c.text, l.Is('s', true), l.Is('v', true), tries, err, err2)
		}
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Second)
	if _, err := m.Features("a.example", netip.Addr{}); err == nil || !strings.Contains(err.Error(), "chmod go-w") {
		t.Errorf("a map that everybody can write: %v", err)
	}
	if _, err := m.Connect("a.example", netip.Addr{}); err == nil {
		t.Error("a map that everybody can write is used")
	}
}
