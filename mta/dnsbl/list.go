package dnsbl

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/config"
)

// A list is one with its settings, read.
type list struct {
	domain string
	deed   deed
	// refusal and temporary are replies; temporary of code 0 lets the client in
	// where the list fails.
	refusal, temporary reply
	match              []pattern
}

// A deed is what is done with a client that is listed.
type deed uint8

const (
	refuses deed = iota
	quarantines
	discards
)

func parse(l config.DNSBL) (list, error) {
	read := list{domain: strings.TrimSuffix(l.List, ".")}
	wrong := func(what string, err error) (list, error) {
		return list{}, fmt.Errorf("block list %s: %s: %w", read.domain, what, err)
	}
	var err error
	switch l.Message {
	case "quarantine":
		read.deed = quarantines
	case "discard":
		read.deed = discards
	case "":
		read.refusal = reply{550, smtp.EnhancedCode{5, 7, 1}, "Rejected: " + address + " listed at " + read.domain}
	default:
		if read.refusal, err = parseReply(l.Message, reply{550, smtp.EnhancedCode{5, 7, 1}, ""}); err != nil {
			return wrong("message", err)
		}
	}
	standard := reply{451, smtp.EnhancedCode{4, 4, 3}, "Temporary lookup failure of " + address + " at " + read.domain}
	switch {
	case l.Temporary.Message != "":
		if read.temporary, err = parseReply(l.Temporary.Message, standard); err != nil {
			return wrong("temporary", err)
		}
	case l.Temporary.Refuses:
		read.temporary = standard
	}
	for _, text := range l.Match {
		p, err := parsePattern(text)
		if err != nil {
			return wrong("match", err)
		}
		read.match = append(read.match, p)
	}
	return read, nil
}

// judge is what the list has come to for a client; the zero is nothing.
func (l list) judge(a answer, client netip.Addr) Result {
	switch {
	case a.err != nil && l.temporary.code != 0:
		return Result{List: l.domain, Refusal: l.temporary.to(client)}
	case a.err != nil || !l.listed(a.addrs):
		return Result{}
	}
	r := Result{List: l.domain, Answers: a.addrs}
	switch l.deed {
	case quarantines:
		r.Quarantine = l.domain
	case discards:
		r.Discard = true
	case refuses:
		r.Refusal = l.refusal.to(client)
	}
	return r
}

func (l list) listed(addrs []netip.Addr) bool {
	for _, addr := range addrs {
		if len(l.match) == 0 {
			return true
		}
		for _, p := range l.match {
			if p.matches(addr) {
				return true
			}
		}
	}
	return false
}

// address stands in a reply's text for the client's.
const address = "{client_addr}"

// A reply is one to be made for a client.
type reply struct {
	code   int
	status smtp.EnhancedCode
	text   string
}

func (r reply) to(client netip.Addr) *smtp.SMTPError {
	return &smtp.SMTPError{Code: r.code, EnhancedCode: r.status, Message: strings.ReplaceAll(r.text, address, client.String())}
}

// mostText bounds a reply's text: a line of a reply has 512 octets at the most
// (RFC 5321 section 4.5.3.1.5), and the address is to go in.
const mostText = 400

// parseReply reads a text as FEATURE(enhdnsbl) has it, with a code and a status
// or without, and with what m4 leaves of quotes: "550 Mail from " $&{client_addr}
// " refused".
func parseReply(text string, standard reply) (reply, error) {
	r := standard
	text = strings.ReplaceAll(unquoted(text), "$&"+address, address)
	if code, rest, _ := strings.Cut(text, " "); len(code) == 3 && strings.Trim(code, "0123456789") == "" {
		n, _ := strconv.Atoi(code)
		if n < 400 || n > 599 {
			return r, fmt.Errorf("%s is no code that refuses: write 550, or 451 to have the client come again", code)
		}
		r.code, text = n, rest
		if n/100 != r.status[0] {
			r.status = smtp.EnhancedCode{n / 100, 7, 1}
		}
		if status, rest, _ := strings.Cut(text, " "); isStatus(status, n/100) {
			fmt.Sscanf(status, "%d.%d.%d", &r.status[0], &r.status[1], &r.status[2]) //nolint:errcheck // it is one
			text = rest
		}
	}
	if strings.TrimSpace(text) == "" {
		return r, fmt.Errorf("it has no text: write for example %q", "550 Mail from "+address+" refused")
	}
	if len(text) > mostText {
		return r, fmt.Errorf("it has %d octets, and may have %d", len(text), mostText)
	}
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' {
			return r, fmt.Errorf("it may have printable ASCII only, and this has %q", c)
		}
	}
	r.text = text
	return r, nil
}

// isStatus says that a word is an enhanced status of a class (RFC 3463).
func isStatus(word string, class int) bool {
	parts := strings.Split(word, ".")
	if len(parts) != 3 || parts[0] != strconv.Itoa(class) {
		return false
	}
	for _, part := range parts[1:] {
		if part == "" || len(part) > 3 || strings.Trim(part, "0123456789") != "" {
			return false
		}
	}
	return true
}

// unquoted joins what stands in quotes and what does not, as sendmail does: blank
// space beside a quote is not a part of the text.
func unquoted(text string) string {
	if !strings.Contains(text, `"`) {
		return strings.TrimSpace(text)
	}
	var all strings.Builder
	for i, part := range strings.Split(text, `"`) {
		if i%2 == 0 {
			part = strings.TrimSpace(part)
		}
		all.WriteString(part)
	}
	return all.String()
}
