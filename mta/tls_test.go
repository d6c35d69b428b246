package mta

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Coverage: A33.
func TestTLSIsOfferedWhereThereIsACertificate(t *testing.T) {
	cert, key, pool := certificateOf(t, "mx.example.org")
	own := "dont_blame_sendmail = [\"TrustStickyBit\"]\n" + ours + "[mta.tls]\ncert = \"" + cert + "\"\nkey = \"" + key + "\"\n"
	for _, test := range []struct{ reason, listener, offers string }{
		{"STARTTLS", "", "STARTTLS"},
		{"none", "tls = \"none\"\n", ""},
	} {
		t.Run(test.reason, func(t *testing.T) {
			c := run(t, own, test.listener).dial()
			if hello := c.hello(); strings.Contains(hello, "STARTTLS") != (test.offers != "") {
				t.Errorf("it offers:\n%s", hello)
			}
		})
	}
	for _, test := range []struct{ reason, listener string }{{"STARTTLS", ""}, {"at once", "tls = \"implicit\"\n"}} {
		t.Run("mail over TLS: "+test.reason, func(t *testing.T) {
			r := run(t, own, test.listener)
			c := r.dial()
			if test.listener == "" {
				c.hello()
				c.say("STARTTLS", "220")
			}
			secure := tls.Client(c.Conn, &tls.Config{ServerName: "mx.example.org", RootCAs: pool})
			if err := secure.Handshake(); err != nil {
				t.Fatal(err)
			}
			c.Conn, c.in = secure, bufio.NewReader(secure)
			if test.listener != "" {
				c.reply()
			}
			if hello := c.say("EHLO client.example.net", "250"); strings.Contains(hello, "STARTTLS") {
				t.Errorf("it offers TLS within TLS:\n%s", hello)
			}
			c.say("MAIL FROM:<me@example.net>", "250")
			c.say("RCPT TO:<you@example.org>", "250")
			c.say("DATA", "354")
			c.say("Subject: x\r\n\r\n.", "250")
			_, texts := r.kept()
			if !strings.Contains(texts[0], "with ESMTPS id") || !strings.Contains(texts[0], "(version=TLSv1.3 cipher=") {
				t.Errorf("the trace does not tell of TLS:\n%s", texts[0])
			}
		})
	}
}

// certificateOf is a certificate of those names, in two files, and what trusts it.
func certificateOf(t *testing.T, names ...string) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: names, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, block := range []struct {
		path *string
		name string
		pem  *pem.Block
	}{{&cert, "cert.pem", &pem.Block{Type: "CERTIFICATE", Bytes: der}}, {&key, "key.pem", &pem.Block{Type: "PRIVATE KEY", Bytes: secret}}} {
		*block.path = filepath.Join(dir, block.name)
		if err := os.WriteFile(*block.path, pem.EncodeToMemory(block.pem), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return cert, key, pool
}
