package certificate

import (
	"crypto/tls"
	"log/slog"
	"slices"
	"strings"
)

// A suite is a cipher suite by OpenSSL's name, and what lists of ciphers call
// its parts.
type suite struct {
	id    uint16
	name  string
	parts string // with a blank between and around
	bits  int
}

// The suites that Go has (crypto/tls), the best first as OpenSSL orders them.
var suites = [...]suite{
	{tls.TLS_AES_256_GCM_SHA384, "TLS_AES_256_GCM_SHA384", " ", 256},
	{tls.TLS_CHACHA20_POLY1305_SHA256, "TLS_CHACHA20_POLY1305_SHA256", " ", 256},
	{tls.TLS_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256", " ", 128},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384", ecdheECDSA + "AES AESGCM AES256 SHA384 HIGH TLSv1.2 ", 256},
	{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384", ecdheRSA + "AES AESGCM AES256 SHA384 HIGH TLSv1.2 ", 256},
	{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305", ecdheECDSA + "CHACHA20 HIGH TLSv1.2 ", 256},
	{tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305", ecdheRSA + "CHACHA20 HIGH TLSv1.2 ", 256},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256", ecdheECDSA + "AES AESGCM AES128 SHA256 HIGH TLSv1.2 ", 128},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256", ecdheRSA + "AES AESGCM AES128 SHA256 HIGH TLSv1.2 ", 128},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, "ECDHE-ECDSA-AES256-SHA", ecdheECDSA + "AES AES256 SHA SHA1 HIGH SSLv3 TLSv1 ", 256},
	{tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, "ECDHE-RSA-AES256-SHA", ecdheRSA + "AES AES256 SHA SHA1 HIGH SSLv3 TLSv1 ", 256},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, "ECDHE-ECDSA-AES128-SHA", ecdheECDSA + "AES AES128 SHA SHA1 HIGH SSLv3 TLSv1 ", 128},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, "ECDHE-RSA-AES128-SHA", ecdheRSA + "AES AES128 SHA SHA1 HIGH SSLv3 TLSv1 ", 128},
	{tls.TLS_RSA_WITH_AES_256_GCM_SHA384, "AES256-GCM-SHA384", onlyRSA + "AES AESGCM AES256 SHA384 HIGH TLSv1.2 ", 256},
	{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, "AES128-GCM-SHA256", onlyRSA + "AES AESGCM AES128 SHA256 HIGH TLSv1.2 ", 128},
	{tls.TLS_RSA_WITH_AES_256_CBC_SHA, "AES256-SHA", onlyRSA + "AES AES256 SHA SHA1 HIGH SSLv3 TLSv1 ", 256},
	{tls.TLS_RSA_WITH_AES_128_CBC_SHA, "AES128-SHA", onlyRSA + "AES AES128 SHA SHA1 HIGH SSLv3 TLSv1 ", 128},
}

const (
	ecdheECDSA = " ALL DEFAULT ECDHE EECDH kECDHE kEECDH aECDSA ECDSA "
	ecdheRSA   = " ALL DEFAULT ECDHE EECDH kECDHE kEECDH aRSA RSA_SIGNED "
	onlyRSA    = " ALL DEFAULT RSA kRSA aRSA "
)

func suiteOf(id uint16) suite {
	for _, s := range suites {
		if s.id == id {
			return s
		}
	}
	return suite{name: tls.CipherSuiteName(id)}
}

func cipherName(id uint16) string { return suiteOf(id).name }

func bits(id uint16) int { return suiteOf(id).bits }

// suitesOf is the suites of a list of OpenSSL's; nil, for those of Go, where
// there is no list, or one that is no good, which is logged.
func suitesOf(list string, log *slog.Logger) []uint16 {
	if list == "" {
		return nil
	}
	ids, wrong := parseCiphers(list)
	if len(ids) == 0 {
		log.Error("CipherList is not used: it leaves no cipher that is known here", "list", list, "next", "write one of the names that openssl ciphers prints, or HIGH, in mta.tls.ciphers")
		return nil
	}
	for _, word := range wrong {
		log.Warn("CipherList: a word is not known here and is left out", "word", word)
	}
	return ids
}

// parseCiphers reads a list of openssl-ciphers(1): names, and words with + for
// what is both; ! and - take away, ! for good. What orders is left out, since Go
// orders for itself. wrong are the words that name nothing.
func parseCiphers(list string) (ids []uint16, wrong []string) {
	var never []uint16
	for _, word := range strings.FieldsFunc(list, func(c rune) bool { return strings.ContainsRune(":, ;", c) }) {
		if strings.HasPrefix(word, "@") || strings.HasPrefix(word, "+") {
			continue
		}
		bare := strings.TrimLeft(word, "!-")
		found := matching(bare)
		if len(found) == 0 && word == bare {
			wrong = append(wrong, word)
		}
		switch {
		case word == bare:
			for _, id := range found {
				if !slices.Contains(ids, id) && !slices.Contains(never, id) {
					ids = append(ids, id)
				}
			}
			continue
		case word[0] == '!':
			never = append(never, found...)
		}
		ids = slices.DeleteFunc(ids, func(id uint16) bool { return slices.Contains(found, id) })
	}
	return ids, wrong
}

// matching is the suites up to TLS 1.2 of a name, of Go's name, or of words
// with + between.
func matching(word string) []uint16 {
	var ids []uint16
	for _, s := range suites {
		if s.parts == " " {
			continue
		}
		hit := strings.EqualFold(s.name, word) || strings.EqualFold(tls.CipherSuiteName(s.id), word)
		if !hit {
			hit = true
			for part := range strings.SplitSeq(word, "+") {
				hit = hit && part != "" && strings.Contains(s.parts, " "+part+" ")
			}
		}
		if hit {
			ids = append(ids, s.id)
		}
	}
	return ids
}
