// Command certs makes the lab's own CA and the certificates that the
// smarthosts show: a good one, an expired one, one for another name, and one
// for a client that logs in with it.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: certs DIRECTORY")
		os.Exit(64)
	}
	if err := run(os.Args[1], time.Now()); err != nil {
		fmt.Fprintln(os.Stderr, "certs:", err)
		os.Exit(1)
	}
}

func run(dir string, now time.Time) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	ca, err := newAuthority(now)
	if err != nil {
		return err
	}
	if err := writePEM(filepath.Join(dir, "ca.pem"), 0o644, block("CERTIFICATE", ca.cert.Raw)); err != nil {
		return err
	}
	const day = 24 * time.Hour
	smarthost := x509.Certificate{
		DNSNames: []string{"smarthost.test", "localhost"},
		// 203.0.113.25 and 2001:db8:2::25 are the smarthost beyond the gateway in the network lab.
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback, net.IPv4(203, 0, 113, 25), net.ParseIP("2001:db8:2::25")},
		NotAfter:    now.Add(3650 * day),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	expired := smarthost
	expired.NotBefore, expired.NotAfter = now.Add(-60*day), now.Add(-30*day)
	other := smarthost
	other.DNSNames, other.IPAddresses = []string{"other.test"}, nil
	client := x509.Certificate{
		Subject:        pkix.Name{CommonName: "bob@smarthost.test"},
		EmailAddresses: []string{"bob@smarthost.test"},
		NotAfter:       now.Add(3650 * day),
		ExtKeyUsage:    []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for name, template := range map[string]*x509.Certificate{
		"good": &smarthost, "expired": &expired, "wrongname": &other, "client": &client,
	} {
		if err := ca.issue(dir, name, template, now); err != nil {
			return fmt.Errorf("%s certificate: %w", name, err)
		}
	}
	return os.WriteFile(filepath.Join(dir, "done"), nil, 0o644)
}

type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "mailcrane lab CA"},
		// Early enough to have signed the expired certificate.
		NotBefore:             now.AddDate(-1, 0, 0),
		NotAfter:              now.AddDate(10, 0, 1),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &authority{cert, key}, err
}

// issue writes NAME.pem, the certificate, and NAME.key with the key followed
// by the certificate, the form that Postfix takes as a chain file.
func (a *authority) issue(dir, name string, template *x509.Certificate, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	if template.NotBefore.IsZero() {
		template.NotBefore = now.Add(-time.Hour)
	}
	if template.Subject.CommonName == "" {
		template.Subject.CommonName = template.DNSNames[0]
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	cert := block("CERTIFICATE", der)
	if err := writePEM(filepath.Join(dir, name+".pem"), 0o644, cert); err != nil {
		return err
	}
	return writePEM(filepath.Join(dir, name+".key"), 0o600, append(block("PRIVATE KEY", keyDER), cert...))
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func writePEM(path string, mode os.FileMode, data []byte) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.WriteFile(path, data, mode)
}
