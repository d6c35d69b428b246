package lab

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An Issuer is a running dex that belongs to one test. It takes a refresh token
// once, and knows one person, and a public client for each of the ways to log in. Over its store
// in memory, and over sqlite3 too, it answers the first refresh of a log-in and hangs at
// the second one.
type Issuer struct {
	URL    string
	CAFile string
	// ClientID is for the browser, DeviceID for a code.
	ClientID, DeviceID string
	// LogIn and Password are what the person types; User is the e-mail address.
	LogIn, Password, User string

	log string
}

// dexSettings: %[1]s is the address, %[2]s the folder of certificates. The person
// comes from a connector: with passwords of its own, dex over its store in memory
// never answers a refresh.
const dexSettings = `issuer: https://%[1]s/dex
storage: {type: memory}
web: {https: "%[1]s", tlsCert: %[2]s/good.pem, tlsKey: %[2]s/good.key}
expiry:
  idTokens: %[3]s
  refreshTokens: {reuseInterval: 0s}
connectors:
- {type: mockPassword, id: mock, name: mock, config: {username: me, password: password}}
staticClients:
- id: crane
  name: mailcrane
  public: true
- id: crane-device
  name: mailcrane
  public: true
  redirectURIs: [/dex/device/callback]
`

// StartIssuer starts one, whose access tokens live that long.
func StartIssuer(t testing.TB, life time.Duration) *Issuer {
	t.Helper()
	dex, certs := filepath.Join(Root(), "issuer/dex"), filepath.Join(Root(), "ca")
	if _, err := os.Stat(dex); err != nil {
		Missing(t, "dex", "internal/lab/lab.sh install issuer")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	dir := t.TempDir()
	i := &Issuer{
		URL: "https://" + address + "/dex", CAFile: filepath.Join(certs, "ca.pem"), ClientID: "crane", DeviceID: "crane-device",
		LogIn: "me", Password: "password", User: "kilgore@kilgore.trout", log: filepath.Join(dir, "log"),
	}
	settings := filepath.Join(dir, "dex.yaml")
	if err := os.WriteFile(settings, fmt.Appendf(nil, dexSettings, address, certs, life), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(i.log)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(dex, "serve", settings)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it may have ended
		cmd.Wait()         //nolint:errcheck // its log is looked at
		log.Close()
		if t.Failed() {
			t.Log(i.Log())
		}
	})
	for deadline := time.Now().Add(20 * time.Second); !answers(address); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("dex did not come up:\n%s", i.Log())
		}
	}
	return i
}

// Log is what dex has said, its last part.
func (i *Issuer) Log() string {
	text, _ := os.ReadFile(i.log)
	const most = 8 << 10
	return strings.ToValidUTF8(string(text[max(0, len(text)-most):]), "?")
}
