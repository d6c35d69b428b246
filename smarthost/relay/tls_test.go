package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

func TestPinsAreReadInAllTheirForms(t *testing.T) {
	var pin Pin
	for i := range pin {
		pin[i] = byte(i * 37)
	}
	digits := hex.EncodeToString(pin[:])
	var colons []string
	for i := 0; i < len(digits); i += 2 {
		colons = append(colons, strings.ToUpper(digits[i:i+2]))
	}
	std, url := base64.StdEncoding.EncodeToString(pin[:]), base64.RawURLEncoding.EncodeToString(pin[:])
	for _, text := range []string{
		digits, strings.ToUpper(digits), strings.Join(colons, ":"), "sha256:" + digits, "SHA256:" + strings.Join(colons, ":"),
		std, url, strings.TrimRight(std, "="), "sha256//" + std, "SHA256:" + strings.TrimRight(std, "="), " " + pin.String() + " ",
	} {
		if got, err := parsePin(text); err != nil || got != pin {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "sha256:", digits[2:], digits + "00", "sha1:" + digits[:40], std[4:], strings.Repeat("?", 44)} {
		if _, err := parsePin(text); sysexits.Code(err) != sysexits.Config || sysexits.Hint(err) == "" {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestLoadTLS(t *testing.T) {
	ca := newAuthority(t)
	pair := ca.good(t)
	dir := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	caFile, certFile, keyFile := file("ca", "CERTIFICATE", ca.cert.Raw), file("cert", "CERTIFICATE", pair.Certificate[0]), file("key", "PRIVATE KEY", key)
	policy, err := LoadTLS(caFile, certFile, keyFile, []string{CertificatePin(ca.cert).String()})
	if err != nil || policy.Roots == nil || policy.Certificate == nil || len(policy.Pins) != 1 {
		t.Errorf("%+v, %v", policy, err)
	}
	if policy, err := LoadTLS("", "", "", nil); err != nil || policy.Roots != nil || policy.Certificate != nil {
		t.Errorf("%+v, %v", policy, err)
	}
	for why, args := range map[string][3]string{
		"no such CA file":          {filepath.Join(dir, "none"), "", ""},
		"a CA file without one":    {keyFile, "", ""},
		"a certificate and no key": {"", certFile, ""},
		"a key and no certificate": {"", "", keyFile},
	} {
		if _, err := LoadTLS(args[0], args[1], args[2], nil); sysexits.Code(err) != sysexits.Config || sysexits.Hint(err) == "" {
			t.Errorf("%s: %v", why, err)
		}
	}
}

func TestTLSBelow12IsNotSpoken(t *testing.T) {
	for _, pins := range [][]Pin{nil, {{}}} {
		if c := (TLS{Pins: pins}).config("smtp.example.org", time.Now, Link{}); c.MinVersion < tls.VersionTLS12 || c.ServerName != "smtp.example.org" {
			t.Errorf("%+v", c)
		}
	}
}

func TestAlertOfAServerThatIsNotOursPassesByItself(t *testing.T) {
	ours, theirs := buffered()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer theirs.Close()
		// As a web server does that knows no such name.
		refuse := func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, errors.New("no such name") }
		_ = tls.Server(theirs, &tls.Config{GetConfigForClient: refuse}).Handshake()
	}()
	_, fault := Open(t.Context(), Target{
		Server: "smtp.example.org", Address: "smtp.example.org:465",
		Dial: func(context.Context, string, string) (net.Conn, error) { return ours, nil },
	})
	<-ended
	refusal{queue.StepTLS, "the server refused TLS: internal error", "log-in page", false}.check(t, fault)
}
