package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"strings"
)

// Facts are what TLS has told of a client, or of a server, in sendmail's words.
type Facts struct {
	// Verify is OK, NO (none was shown), NOT (none was asked for), FAIL, or NONE
	// (no TLS).
	Verify string
	// Issuer, Subject and CN are those of the certificate that was shown, verified
	// or not: as OpenSSL writes a name in one line, and not encoded as a key of the
	// access map is.
	Issuer, Subject, CN string
	// Version is "TLSv1.3", Cipher OpenSSL's name of it, of Bits.
	Version, Cipher string
	Bits            int
}

// String is what stands in a Received field, with the brackets; "" without TLS.
func (f Facts) String() string {
	if f.Version == "" {
		return ""
	}
	return fmt.Sprintf("(version=%s cipher=%s bits=%d verify=%s)", f.Version, f.Cipher, f.Bits, f.Verify)
}

// Facts judges what a client has shown; requested says that it was asked to.
// state is nil without TLS.
func (s *Store) Facts(state *tls.ConnectionState, requested bool) Facts {
	f := factsOf(state)
	switch {
	case state == nil:
		return f
	case len(state.PeerCertificates) == 0:
		if requested {
			f.Verify = "NO"
		}
		return f
	}
	f.Verify = "FAIL"
	if s != nil && s.verifies(state.PeerCertificates) {
		f.Verify = "OK"
	}
	return f
}

// factsOf is what can be said of a peer before its certificate is judged.
func factsOf(state *tls.ConnectionState) Facts {
	if state == nil {
		return Facts{Verify: "NONE"}
	}
	f := Facts{Verify: "NOT", Version: version(state.Version), Cipher: cipherName(state.CipherSuite), Bits: bits(state.CipherSuite)}
	if len(state.PeerCertificates) > 0 {
		leaf := state.PeerCertificates[0]
		f.Issuer, f.Subject, f.CN = oneLine(leaf.RawIssuer), oneLine(leaf.RawSubject), leaf.Subject.CommonName
	}
	return f
}

func (s *Store) verifies(shown []*x509.Certificate) bool {
	files := s.current()
	if files.roots == nil {
		return false
	}
	between := x509.NewCertPool()
	for _, c := range shown[1:] {
		between.AddCert(c)
	}
	chains, err := shown[0].Verify(x509.VerifyOptions{
		Roots: files.roots, Intermediates: between, CurrentTime: s.now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return false
	}
	for _, chain := range chains {
		if !files.revokes(chain) {
			return true
		}
	}
	return false
}

// revokes says that a certificate of the chain stands in a list of the one
// above it.
func (f *files) revokes(chain []*x509.Certificate) bool {
	for i, c := range chain[:len(chain)-1] {
		for _, list := range f.revoked {
			if list.CheckSignatureFrom(chain[i+1]) != nil {
				continue
			}
			for _, r := range list.RevokedCertificateEntries {
				if r.SerialNumber.Cmp(c.SerialNumber) == 0 {
					return true
				}
			}
		}
	}
	return false
}

func version(v uint16) string {
	switch v {
	case tls.VersionTLS10:
		return "TLSv1"
	case tls.VersionTLS11:
		return "TLSv1.1"
	case tls.VersionTLS12:
		return "TLSv1.2"
	}
	return "TLSv1.3"
}

// oneLine is a name as OpenSSL's X509_NAME_oneline writes it:
// /C=DE/O=Example/CN=mail.example.org.
func oneLine(raw []byte) string {
	var name pkix.RDNSequence
	if rest, err := asn1.Unmarshal(raw, &name); err != nil || len(rest) > 0 {
		return ""
	}
	var text strings.Builder
	for _, set := range name {
		for _, a := range set {
			text.WriteString("/" + shortName(a.Type) + "=")
			for _, c := range []byte(fmt.Sprint(a.Value)) {
				if c < ' ' || c > '~' {
					fmt.Fprintf(&text, `\x%02X`, c)
					continue
				}
				text.WriteByte(c)
			}
		}
	}
	return text.String()
}

// The attributes that OpenSSL has a short name for.
var shortNames = [...]struct{ oid, name string }{
	{"2.5.4.3", "CN"},
	{"2.5.4.4", "SN"},
	{"2.5.4.5", "serialNumber"},
	{"2.5.4.6", "C"},
	{"2.5.4.7", "L"},
	{"2.5.4.8", "ST"},
	{"2.5.4.9", "street"},
	{"2.5.4.10", "O"},
	{"2.5.4.11", "OU"},
	{"2.5.4.12", "title"},
	{"2.5.4.13", "description"},
	{"2.5.4.17", "postalCode"},
	{"2.5.4.42", "GN"},
	{"2.5.4.43", "initials"},
	{"2.5.4.46", "dnQualifier"},
	{"2.5.4.97", "organizationIdentifier"},
	{"0.9.2342.19200300.100.1.1", "UID"},
	{"0.9.2342.19200300.100.1.25", "DC"},
	{"1.2.840.113549.1.9.1", "emailAddress"},
}

func shortName(oid asn1.ObjectIdentifier) string {
	text := oid.String()
	for _, s := range shortNames {
		if s.oid == text {
			return s.name
		}
	}
	return text
}
