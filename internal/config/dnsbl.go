package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"mailcrane/internal/address"
)

// A DNSBL is a table [[mta.dnsbl]]: FEATURE(enhdnsbl).
type DNSBL struct {
	// List is the domain that is asked below.
	List string
	// Message is the refusal, as ParseListReply has it; "quarantine" and "discard"
	// do that; "" is sendmail's.
	Message string
	// Temporary is what a list that does not answer comes to.
	Temporary ListFailure
	// Match are the answers that count, as ParseListMatch has them; none: any.
	Match []string

	at int
}

// A ListFailure is what is done where a block list does not answer; the zero
// lets the client in.
type ListFailure struct {
	// Refuses it for now, with Message or, where that is "", sendmail's words.
	Refuses bool
	Message string
}

// String is as a file has it, without quotes.
func (f ListFailure) String() string {
	if f.Message != "" {
		return f.Message
	}
	return strconv.FormatBool(f.Refuses)
}

// parseListFailure reads sendmail's t, or a reply.
func parseListFailure(text string) (ListFailure, error) {
	switch text {
	case "", "false":
		return ListFailure{}, nil
	case "t", "true":
		return ListFailure{Refuses: true}, nil
	}
	_, err := ParseListReply(text)
	return ListFailure{Refuses: true, Message: text}, err
}

// ListAddress stands in a ListReply's text for the client's address.
const ListAddress = "{client_addr}"

// A ListReply is a refusal's: Code and Status are 0 where it has none. Text is
// plain, and not "".
type ListReply struct {
	Code   int
	Status [3]int
	Text   string
}

// ParseListReply reads a text as FEATURE(enhdnsbl) has it, with a code and a
// status or without, with {client_addr} or $&{client_addr} for the client's
// address, and with the quotes that m4 leaves: "550 Mail from " $&{client_addr}
// " refused".
func ParseListReply(text string) (ListReply, error) {
	text = strings.ReplaceAll(unquoted(text), "$&"+ListAddress, ListAddress)
	// A line of a reply has 512 octets at the most (RFC 5321 section 4.5.3.1.5),
	// and the address is to go in.
	const most = 400
	if len(text) > most {
		return ListReply{}, fmt.Errorf("this has %d octets, and a reply may have %d", len(text), most)
	}
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' {
			return ListReply{}, fmt.Errorf("a reply has printable ASCII only, and this has %q", c)
		}
	}
	var r ListReply
	word, rest, _ := strings.Cut(text, " ")
	if len(word) == 3 && isDigits(word) {
		if word[0] != '4' && word[0] != '5' {
			return r, fmt.Errorf("%s refuses nobody: write 550, or 451 to have the client come again", word)
		}
		r.Code, _ = strconv.Atoi(word)
		text = rest
		if word, rest, _ = strings.Cut(text, " "); r.status(word) {
			text = rest
		}
	}
	if r.Text = strings.TrimSpace(text); r.Text == "" {
		return r, errors.New(`this says nothing to the client: write for example "550 Mail from {client_addr} refused"`)
	}
	return r, nil
}

// status takes a word that is an enhanced status of the code's class (RFC 3463).
func (r *ListReply) status(word string) bool {
	parts := strings.Split(word, ".")
	if len(parts) != len(r.Status) || parts[0] != strconv.Itoa(r.Code/100) {
		return false
	}
	var status [3]int
	for i, part := range parts {
		if !isDigits(part) || len(part) > 3 {
			return false
		}
		status[i], _ = strconv.Atoi(part)
	}
	r.Status = status
	return true
}

func isDigits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

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

// ParseListMatch reads an answer to match, 127.0.0.2 with its last dot or
// without, part by part: as sendmail's rules have it, $- for any one part, $+
// for one or more, $* for any number; and * for $+.
func ParseListMatch(text string) ([]string, error) {
	const parts = 4
	all := strings.Split(strings.TrimSuffix(text, "."), ".")
	least, open := 0, false
	for i, part := range all {
		switch part {
		case "*", "$+":
			all[i], open, least = "$+", true, least+1
		case "$*":
			open = true
		case "$-":
			least++
		default:
			n, err := strconv.ParseUint(part, 10, 8)
			if err != nil || strconv.FormatUint(n, 10) != part {
				return nil, fmt.Errorf("%s is no answer of a list: write 127.0.0.2, or 127.0.0.* for any last part", address.Shown(text))
			}
			least++
		}
	}
	if least > parts || least < parts && !open {
		return nil, fmt.Errorf("%s is no answer of a list: an address has %d parts", address.Shown(text), parts)
	}
	return all, nil
}

func checkListDomain(text string) (string, error) {
	text, err := parseHostname(strings.TrimSuffix(text, "."))
	if err == nil && strings.ContainsAny(text, "[]:") {
		err = fmt.Errorf("%s is no domain", address.Shown(text))
	}
	return text, err
}

func checkListMessage(text string) (string, error) {
	if text == "" || text == "quarantine" || text == "discard" {
		return text, nil
	}
	_, err := ParseListReply(text)
	return text, err
}

func checkListMatch(text string) (string, error) {
	_, err := ParseListMatch(text)
	return text, err
}

// checkNameServer reads an address, with a port or without.
func checkNameServer(text string) (string, error) {
	host, port, hasPort := hostPort(text)
	if host == "" {
		host, hasPort = text, false // an IPv6 address alone
	}
	n, err := strconv.Atoi(port)
	if _, wrong := parseRange(host); wrong != nil || strings.Contains(host, "/") || hasPort && (err != nil || n < 1 || n > 65535) {
		return "", fmt.Errorf("%s is no address of a name server: write 192.0.2.1, 127.0.0.1:5353 or [2001:db8::1]:53", address.Shown(text))
	}
	return text, nil
}
