// Package address reads and checks mail addresses: the lists of header fields
// and of the command line (RFC 5322 section 3.4, read leniently), and the
// paths of an envelope (RFC 5321 section 4.1.2, with RFC 6531's UTF-8).
package address

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The bounds of RFC 5321 section 4.5.3.1, in octets.
const (
	MaxLocal   = 64
	MaxDomain  = 255
	MaxAddress = MaxLocal + 1 + MaxDomain
)

// Split divides an address without angle brackets at its @. The local part
// keeps its quotes; domain is "" where there is none.
func Split(address string) (local, domain string) {
	from := 0
	if strings.HasPrefix(address, `"`) {
		from = closingQuote(address)
	}
	at := strings.LastIndexByte(address[from:], '@')
	if at < 0 {
		return address, ""
	}
	return address[:from+at], address[from+at+1:]
}

// closingQuote is the offset after the quoted string that s starts with;
// len(s) where it does not end.
func closingQuote(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// Unbracketed is text without the pair of angle brackets around it, if it has
// one: a path as a person writes it.
func Unbracketed(text string) string {
	if inner, ok := strings.CutPrefix(text, "<"); ok {
		return strings.TrimSuffix(inner, ">")
	}
	return text
}

// Domain is what stands after the @, or "".
func Domain(address string) string {
	_, domain := Split(address)
	return domain
}

// Qualify appends @domain to an address that has no domain.
func Qualify(address, domain string) string {
	if domain == "" || Domain(address) != "" {
		return address
	}
	return address + "@" + domain
}

// Key is equal for addresses that are the same mailbox for all that a sender
// may know: domains count without case, local parts with it (RFC 5321 section
// 2.4).
func Key(address string) string {
	local, domain := Split(address)
	if domain == "" {
		return address
	}
	return local + "@" + strings.ToLower(domain)
}

// NeedsUTF8 says that the address can only be sent with SMTPUTF8 (RFC 6531).
func NeedsUTF8(address string) bool {
	for i := range len(address) {
		if address[i] >= utf8.RuneSelf {
			return true
		}
	}
	return false
}

// Valid says why address cannot stand in MAIL or RCPT: it must be a local part
// and a domain without angle brackets, and hold nothing that could end or
// extend the command. It is lenient about dots in the local part, which some
// providers hand out against the standard.
func Valid(address string) error {
	if len(address) > MaxAddress {
		return fmt.Errorf("the address is longer than %d octets", MaxAddress)
	}
	if !utf8.ValidString(address) {
		return errors.New("the address is not valid UTF-8")
	}
	local, domain := Split(address)
	if err := validLocal(local); err != nil {
		return err
	}
	return validDomain(domain)
}

func validLocal(local string) error {
	switch {
	case local == "":
		return errors.New("nothing stands before the @")
	case len(local) > MaxLocal:
		return fmt.Errorf("more than %d octets stand before the @", MaxLocal)
	}
	quoted := local[0] == '"'
	if quoted {
		if closingQuote(local) != len(local) || len(local) < 2 || local[len(local)-1] != '"' {
			return errors.New("the quotes before the @ do not match")
		}
		local = local[1 : len(local)-1]
	}
	for i := range len(local) {
		c := local[i]
		switch {
		case c < ' ' || c == 0x7f:
			return errors.New("the address holds a control character")
		case !quoted && special(c):
			return fmt.Errorf("%q may stand before the @ only in quotes", c)
		}
	}
	return nil
}

func validDomain(domain string) error {
	switch {
	case domain == "":
		return errors.New("no domain stands after the @")
	case len(domain) > MaxDomain:
		return fmt.Errorf("the domain is longer than %d octets", MaxDomain)
	case domain[0] == '[':
		return validLiteral(domain)
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" {
			return errors.New("the domain has a dot too many")
		}
		if len(label) > 63 && !NeedsUTF8(label) {
			return errors.New("a part of the domain is longer than 63 octets")
		}
		for i := range len(label) {
			if !domainOctet(label[i]) {
				return fmt.Errorf("%q cannot stand in a domain", label[i])
			}
		}
	}
	return nil
}

// validLiteral checks an address literal such as [192.0.2.1] or
// [IPv6:2001:db8::1] for shape only; the server knows whether it takes it.
func validLiteral(domain string) error {
	if len(domain) < 3 || domain[len(domain)-1] != ']' {
		return errors.New("the address in brackets does not end")
	}
	for _, c := range []byte(domain[1 : len(domain)-1]) {
		if c <= ' ' || c >= 0x7f || c == '[' || c == ']' || c == '\\' || c == '<' || c == '>' {
			return fmt.Errorf("%q cannot stand in an address in brackets", c)
		}
	}
	return nil
}

// domainOctet admits the underscore, which real domains use.
func domainOctet(c byte) bool {
	return c >= utf8.RuneSelf || c == '-' || c == '_' ||
		'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// special says that c is white space or one of RFC 5322's specials but the dot.
func special(c byte) bool {
	switch c {
	case ' ', '\t', '\r', '\n', '(', ')', '<', '>', '[', ']', ':', ';', '@', '\\', ',', '"':
		return true
	}
	return false
}

// Quote makes a local part of plain text: as it is where it can stand alone,
// else a quoted string.
func Quote(text string) string {
	plain := text != "" && text[0] != '.' && text[len(text)-1] != '.' && !strings.Contains(text, "..")
	for i := 0; plain && i < len(text); i++ {
		plain = !special(text[i]) && text[i] > ' ' && text[i] != 0x7f
	}
	if plain {
		return text
	}
	return QuotedString(text)
}

// QuotedString is text as an RFC 5322 quoted string.
func QuotedString(text string) string {
	b := make([]byte, 0, len(text)+2)
	b = append(b, '"')
	for i := range len(text) {
		if text[i] == '"' || text[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, text[i])
	}
	return string(append(b, '"'))
}
