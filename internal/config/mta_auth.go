package config

import (
	"fmt"
	"slices"
	"strings"
)

// Users is who may log in to the server, and how.
type Users struct {
	// File is of lines name:hash; Dovecot the socket of its auth service. "" is
	// not there. Where both are, Dovecot is asked.
	File, Dovecot string
	// Mechanisms are those of SASL that are offered, upper case with a blank
	// between; "" offers all that the accounts allow.
	Mechanisms string
	// Options are the letters of sendmail's AuthOptions, without what stands
	// between them.
	Options string
	// Realm is put behind a name without "@" to find it in the file; "" is not.
	Realm string
}

// Has says that a letter of AuthOptions is set.
func (u *Users) Has(letter byte) bool { return strings.IndexByte(u.Options, letter) >= 0 }

// ServerTLS is the server's certificate and what is asked of clients.
type ServerTLS struct {
	// Cert and Key are files in PEM, as many as there are certificates, with
	// commas between. The key may stand in the file of the certificate.
	Cert, Key string
	// CA and CAPath are the authorities that certificates of clients are checked
	// against; CRL is what those have revoked.
	CA, CAPath, CRL string
	// Ciphers is OpenSSL's list of ciphers up to TLS 1.2; "" are Go's own.
	Ciphers string
	// Options are OpenSSL's names, as sendmail's ServerSSLOptions has them.
	Options string
	// Letters are those of TLSSrvOptions: V asks no client for a certificate.
	Letters string
	ACME    ACME
}

// ACME is where the server gets certificates by itself (RFC 8555).
type ACME struct {
	// Directory is the address of the authority; "" is none. CA is a file with
	// the authority that its own server is checked against, "" the system's.
	Directory, CA string
	// Email is told to the authority; Agree says that its terms are agreed to.
	Email string
	Agree bool
	// Names are those in the certificate; none is the server's own.
	Names []string
	// Challenge is http-01 or tls-alpn-01, answered at Listen.
	Challenge, Listen string
	// Storage is a directory for the account's key and the certificates.
	Storage string
}

// parseMechanisms reads names of SASL mechanisms (RFC 4422 section 3.1).
func parseMechanisms(text string) (string, error) {
	words := strings.FieldsFunc(strings.ToUpper(text), separates)
	for _, w := range words {
		if len(w) > 20 || strings.Trim(w, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			return "", fmt.Errorf("%s is no name of a mechanism: write for example SCRAM-SHA-256 PLAIN", quotedText(w))
		}
	}
	return strings.Join(slices.Compact(words), " "), nil
}

func separates(c rune) bool { return c == ' ' || c == ',' || c == '\t' }

// parseLetters reads letters of known, with blanks and commas between or not.
func parseLetters(text, known string) (string, error) {
	var letters []byte
	for _, c := range []byte(strings.Join(strings.FieldsFunc(text, separates), "")) {
		if strings.IndexByte(known, c) < 0 {
			return "", fmt.Errorf("%s is no letter that is known here: use %s", quotedText(string(rune(c))), strings.Join(strings.Split(known, ""), ", "))
		}
		if !slices.Contains(letters, c) {
			letters = append(letters, c)
		}
	}
	return string(letters), nil
}

func parseAuthOptions(text string) (string, error) { return parseLetters(text, "Aacdfmpy") }

func parseTLSLetters(text string) (string, error) { return parseLetters(text, "VC") }

// The protocols of TLS, oldest first, as OpenSSL calls what switches them off.
var noProtocol = [...]string{"SSL_OP_NO_TLSv1", "SSL_OP_NO_TLSv1_1", "SSL_OP_NO_TLSv1_2", "SSL_OP_NO_TLSv1_3"}

// What else may be said of OpenSSL, and changes nothing in Go's TLS, which does
// so anyhow or has nothing of the kind.
var otherSSL = [...]string{
	"SSL_OP_NO_SSLV2", "SSL_OP_NO_SSLV3", "SSL_OP_CIPHER_SERVER_PREFERENCE", "SSL_OP_NO_COMPRESSION", "SSL_OP_NO_TICKET",
	"SSL_OP_SINGLE_DH_USE", "SSL_OP_SINGLE_ECDH_USE", "SSL_OP_ALL", "SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS", "SSL_OP_NO_RENEGOTIATION",
	"SSL_OP_PRIORITIZE_CHACHA", "SSL_OP_TLSEXT_PADDING", "SSL_OP_LEGACY_SERVER_CONNECT",
}

// Protocols are the oldest and the newest TLS that the options leave, 0 for 1.0
// to 3 for 1.3. Without options it is 1.2 and 1.3.
func (s *ServerTLS) Protocols() (oldest, newest int) {
	oldest, newest, _ = protocols(s.Options) // it was checked when it was read
	return oldest, newest
}

func protocols(text string) (oldest, newest int, err error) {
	off := [len(noProtocol)]bool{true, true, false, false}
	for _, w := range strings.FieldsFunc(text, separates) {
		name, clear := strings.CutPrefix(w, "-")
		name = strings.TrimPrefix(name, "+")
		i := slices.IndexFunc(noProtocol[:], func(known string) bool { return strings.EqualFold(known, name) })
		switch {
		case i >= 0:
			off[i] = !clear
		case !slices.Contains(otherSSL[:], strings.ToUpper(name)):
			return 0, 0, fmt.Errorf("%s is no option of OpenSSL that is known here: use %s", quotedText(w), strings.Join(noProtocol[:], ", "))
		}
	}
	oldest = slices.Index(off[:], false)
	if oldest < 0 {
		return 0, 0, fmt.Errorf("this leaves no version of TLS: leave one of %s out", strings.Join(noProtocol[:], ", "))
	}
	for newest = oldest; newest+1 < len(off) && !off[newest+1]; {
		newest++
	}
	if slices.Contains(off[newest+1:], false) {
		return 0, 0, fmt.Errorf("this switches off a version of TLS between two that are on, which cannot be: switch off the oldest or the newest")
	}
	return oldest, newest, nil
}

func parseSSLOptions(text string) (string, error) {
	_, _, err := protocols(text)
	return text, err
}

// NoClientCertificate says that no client is asked for a certificate, unless
// the access map wants one.
func (s *ServerTLS) NoClientCertificate() bool { return strings.IndexByte(s.Letters, 'V') >= 0 }

func parseChallenge(text string) (string, error) {
	words := [...]string{"http-01", "tls-alpn-01"}
	i, err := word(text, "challenge", words[:], "")
	return words[max(0, min(i, len(words)-1))], err
}

func parseDirectoryURL(text string) (string, error) {
	if text != "" && !strings.HasPrefix(text, "https://") {
		return "", fmt.Errorf("%s is no address of an authority: it begins with https://", quotedText(text))
	}
	return text, nil
}

// PathsOf are the files of a setting that may name several, as ServerTLS.Cert.
func PathsOf(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' })
}
