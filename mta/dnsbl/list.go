package dnsbl

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/config"
)

// A list is one with its settings, read.
type list struct {
	domain string
	deed   deed
	// refusal and temporary are the replies; temporary of code 0 lets the client
	// in where the list fails.
	refusal, temporary config.ListReply
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
	var err error
	switch l.Message {
	case "quarantine":
		read.deed = quarantines
	case "discard":
		read.deed = discards
	default:
		standard := config.ListReply{Code: 550, Status: [3]int{5, 7, 1}, Text: "Rejected: " + config.ListAddress + " listed at " + read.domain}
		if read.refusal, err = reply(l.Message, standard); err != nil {
			return list{}, fmt.Errorf("message of block list %s: %w", read.domain, err)
		}
	}
	if l.Temporary.Refuses {
		standard := config.ListReply{Code: 451, Status: [3]int{4, 4, 3}, Text: "Temporary lookup failure of " + config.ListAddress + " at " + read.domain}
		if read.temporary, err = reply(l.Temporary.Message, standard); err != nil {
			return list{}, fmt.Errorf("temporary of block list %s: %w", read.domain, err)
		}
	}
	for _, text := range l.Match {
		parts, err := config.ParseListMatch(text)
		if err != nil {
			return list{}, fmt.Errorf("match of block list %s: %w", read.domain, err)
		}
		read.match = append(read.match, parts)
	}
	return read, nil
}

// reply is the one of a text, with the standard's code and status where it has
// none, or the standard where there is no text.
func reply(text string, standard config.ListReply) (config.ListReply, error) {
	if text == "" {
		return standard, nil
	}
	r, err := config.ParseListReply(text)
	r.Code = cmp.Or(r.Code, standard.Code)
	if r.Status == [3]int{} {
		r.Status = standard.Status
		r.Status[0] = r.Code / 100
	}
	return r, err
}

// judge is what the list has come to for a client; the zero is nothing.
func (l list) judge(a answer, client netip.Addr) Result {
	switch {
	case a.err != nil && l.temporary.Code != 0:
		return Result{List: l.domain, Refusal: refusal(l.temporary, client)}
	case !l.listed(a.addrs):
		return Result{}
	}
	r := Result{List: l.domain, Answers: a.addrs}
	switch l.deed {
	case quarantines:
		r.Quarantine = l.domain
	case discards:
		r.Discard = true
	case refuses:
		r.Refusal = refusal(l.refusal, client)
	}
	return r
}

func refusal(r config.ListReply, client netip.Addr) *smtp.SMTPError {
	return &smtp.SMTPError{
		Code: r.Code, EnhancedCode: r.Status,
		Message: strings.ReplaceAll(r.Text, config.ListAddress, client.String()),
	}
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
