package relay

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"mailcrane/internal/sysexits"
)

// TLS says how the server's certificate is checked, and what we show. The zero
// TLS checks against the system's CAs. TLS 1.2 is the least that is spoken.
type TLS struct {
	// Roots replaces the system's CAs, if not nil.
	Roots *x509.CertPool
	// Pins, if any, replace the check against CAs, name and dates: the
	// server's own certificate must match one of them.
	Pins []Pin
	// Certificate is what we show a server that asks for one, or nil.
	Certificate *tls.Certificate
	// KeyExchange is which key shares are sent.
	KeyExchange KeyExchange
	// Sessions keeps TLS sessions for faster handshakes, or is nil. The
	// certificate is checked on resumption too, against today's CAs.
	Sessions tls.ClientSessionCache
	// Fingerprint is of all that LoadTLS has read: with another, other
	// certificates are taken or shown.
	Fingerprint [sha256.Size]byte
	// Anybody takes any certificate: the connection is protected against those who
	// listen alone. Session.Unverified says what the check would have found.
	Anybody bool
	// anew: no session is offered; the ones that the server gives are kept.
	anew bool
}

// A Pin is the SHA-256 of a server's certificate (DER), or of its public key
// (SubjectPublicKeyInfo); a certificate that matches either way is the one
// meant. A key's pin outlives the renewal of a certificate with the same key.
type Pin [sha256.Size]byte

// parsePin reads a pin in hexadecimal, with colons or without, or base64;
// "sha256:" or "sha256//" may stand before it. These are the forms that
// openssl, msmtp, curl and ssh print.
func parsePin(text string) (Pin, error) {
	var pin Pin
	bare := strings.TrimSpace(text)
	if len(bare) > 7 && strings.EqualFold(bare[:6], "sha256") {
		bare = strings.TrimPrefix(strings.TrimPrefix(bare[6:], ":"), "//")
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(bare, ":", ""))
	if err != nil || len(raw) != len(pin) {
		bare = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(bare, "="))
		raw, err = base64.RawStdEncoding.DecodeString(bare)
	}
	if err != nil || len(raw) != len(pin) {
		return pin, sysexits.Errorf(sysexits.Config, "a pin is 64 hexadecimal digits or 44 characters of base64: openssl x509 -noout -fingerprint -sha256 -in cert.pem",
			"tls.pin: %q is not a SHA-256 fingerprint", text)
	}
	copy(pin[:], raw)
	return pin, nil
}

// String is the pin as the hint of a fault shows it and parsePin reads it.
func (p Pin) String() string { return "sha256:" + hex.EncodeToString(p[:]) }

// CertificatePin is the pin of the certificate itself, which is what openssl
// and msmtp show as its fingerprint.
func CertificatePin(cert *x509.Certificate) Pin { return sha256.Sum256(cert.Raw) }

func (p Pin) matches(cert *x509.Certificate) bool {
	key := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	whole := sha256.Sum256(cert.Raw)
	return bytes.Equal(p[:], key[:]) || bytes.Equal(p[:], whole[:])
}

// LoadTLS reads the files of an account's tls setting: a PEM file of CAs, a
// client certificate with its key, and pins; each may be "" or empty. An error
// is a sysexits.Error for the configuration.
func LoadTLS(ca, cert, key string, pins []string) (TLS, error) {
	var policy TLS
	read := sha256.New()
	for _, text := range pins {
		pin, err := parsePin(text)
		if err != nil {
			return TLS{}, err
		}
		policy.Pins = append(policy.Pins, pin)
		fmt.Fprintf(read, "pin %x\n", pin)
	}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return TLS{}, sysexits.Errorf(sysexits.Config, "name a readable PEM file in tls.ca", "tls.ca: %w", err)
		}
		policy.Roots = x509.NewCertPool()
		if !policy.Roots.AppendCertsFromPEM(pem) {
			return TLS{}, sysexits.Errorf(sysexits.Config, "name a PEM file in tls.ca", "tls.ca: there is no certificate in %s", ca)
		}
		fmt.Fprintf(read, "ca %x\n", sha256.Sum256(pem))
	}
	if cert != "" || key != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return TLS{}, sysexits.Errorf(sysexits.Config, "tls.cert and tls.key name PEM files that belong together", "tls.cert: %w", err)
		}
		policy.Certificate = &pair
		fmt.Fprintf(read, "cert %x\n", sha256.Sum256(bytes.Join(pair.Certificate, nil)))
	}
	read.Sum(policy.Fingerprint[:0])
	return policy, nil
}

// unpinned: the server showed another certificate than the pinned one.
type unpinned struct{ cert *x509.Certificate }

func (e *unpinned) Error() string {
	return "the server's certificate is not the pinned one"
}

// config is the policy for one server. The certificate has been checked when
// the handshake returns, so that nothing of ours is ever sent before.
func (p TLS) config(server string, now func() time.Time, link Link) *tls.Config {
	c := &tls.Config{
		MinVersion: tls.VersionTLS12,
		ServerName: server,
		RootCAs:    p.Roots,
		Time:       now,
		// Small first records help browsers draw; here they cost octets and
		// system calls.
		DynamicRecordSizingDisabled: true,
		VerifyConnection:            p.checkAgain(server, now),
	}
	p.KeyExchange.choose(c, link, now())
	if p.Certificate != nil {
		// Shown whatever CAs the server names: many name none or the wrong ones.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return p.Certificate, nil }
	}
	if len(p.Pins) > 0 || p.Anybody {
		c.InsecureSkipVerify = true
	}
	return c
}

func (p TLS) checkPin(state tls.ConnectionState) error {
	if len(p.Pins) == 0 {
		return nil
	}
	if len(state.PeerCertificates) == 0 {
		return errors.New("the server showed no certificate")
	}
	leaf := state.PeerCertificates[0]
	if !slices.ContainsFunc(p.Pins, func(pin Pin) bool { return pin.matches(leaf) }) {
		return &unpinned{leaf}
	}
	return nil
}

// names is whom a certificate is for, in words.
func names(cert *x509.Certificate) string {
	all := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		all = append(all, ip.String())
	}
	const most = 5
	switch {
	case len(all) == 0 && cert.Subject.CommonName != "":
		return clean(cert.Subject.CommonName)
	case len(all) == 0:
		return "no name at all"
	case len(all) > most:
		return clean(strings.Join(all[:most], ", ")) + fmt.Sprintf(" and %d more", len(all)-most)
	}
	return clean(strings.Join(all, ", "))
}
