// Package dnsbl asks DNS block lists (RFC 5782) about a client, as sendmail's
// FEATURE(dnsbl) and FEATURE(enhdnsbl) do, but all of them at once, and about
// IPv6 too.
package dnsbl

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"time"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/config"
	"mailcrane/mta/names"
)

// usualBound is how long all lists together are waited for.
const usualBound = 15 * time.Second

// A Result is what the lists have come to; the zero lets the client in.
type Result struct {
	// List is the domain that has decided, "" where none did, and Answers are
	// what it has said.
	List    string
	Answers []netip.Addr
	// Refusal refuses; Discard takes mail and delivers it to nobody; Quarantine is
	// the reason to keep it apart.
	Refusal    *smtp.SMTPError
	Discard    bool
	Quarantine string
}

// Options say how lists are asked.
type Options struct {
	// Bound is how long all lists together are waited for; one that has not
	// answered by then has failed. 0 is 15 s.
	Bound time.Duration
	// Deferred asks no list, as sendmail does in delivery mode d.
	Deferred bool
	// Told hears of the answer of each list that was waited for: whether the client
	// is listed, or that the list failed; nil: nobody.
	Told func(list string, listed bool, err error)
}

// A Checker asks the lists in their order. It does nothing until it is asked.
type Checker struct {
	lists []list
	names names.Resolver
	bound time.Duration
	told  func(list string, listed bool, err error)
}

// New is a Checker. Its error names the list and what is wrong with its
// settings.
func New(lists []config.DNSBL, r names.Resolver, o Options) (*Checker, error) {
	c := &Checker{names: r, bound: o.Bound, told: o.Told}
	if c.bound == 0 {
		c.bound = usualBound
	}
	if o.Deferred {
		return c, nil
	}
	for _, l := range lists {
		read, err := parse(l)
		if err != nil {
			return nil, err
		}
		c.lists = append(c.lists, read)
	}
	return c, nil
}

// Check asks about a client. Lists are asked at once, but the first one in order
// that has something to say decides. The error is only ever ctx's: a list that
// fails lets the client in, or is a Refusal for now, as it is set. A nil Checker
// has no lists.
func (c *Checker) Check(ctx context.Context, client netip.Addr) (Result, error) {
	client = client.Unmap().WithZone("")
	if c == nil || len(c.lists) == 0 || !asked(client) {
		return Result{}, nil
	}
	bounded, cancel := context.WithTimeout(ctx, c.bound)
	defer cancel()
	answers := make([]chan answer, len(c.lists))
	for i, l := range c.lists {
		answers[i] = make(chan answer, 1)
		go func() { answers[i] <- c.ask(bounded, l, client) }()
	}
	for i, l := range c.lists {
		a := <-answers[i]
		if ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
		if c.told != nil {
			c.told(l.domain, l.listed(a.addrs), a.err)
		}
		if r := l.judge(a, client); r.List != "" {
			return r, nil
		}
	}
	return Result{}, nil
}

// asked says whether lists know of such addresses. Of this machine's own, no
// list may say anything (RFC 5782 section 5).
func asked(client netip.Addr) bool {
	return client.IsValid() && client != netip.AddrFrom4([4]byte{127, 0, 0, 1}) && client != netip.IPv6Loopback()
}

// An answer is what a list has said, or why it has not.
type answer struct {
	addrs []netip.Addr
	err   error // temporary
}

func (c *Checker) ask(ctx context.Context, l list, client netip.Addr) answer {
	addrs, err := c.names.IPv4(ctx, reversed(client)+l.domain)
	if errors.Is(err, names.ErrNone) {
		err = nil
	}
	return answer{addrs, err}
}

// reversed is an address as it stands before a list's domain: the parts of an
// IPv4 one, the nibbles of an IPv6 one (RFC 5782 sections 2.1 and 2.4).
func reversed(addr netip.Addr) string {
	const hex = "0123456789abcdef"
	var text []byte
	octets := addr.AsSlice()
	for i := len(octets) - 1; i >= 0; i-- {
		if addr.Is4() {
			text = strconv.AppendUint(text, uint64(octets[i]), 10)
			text = append(text, '.')
			continue
		}
		text = append(text, hex[octets[i]&0xf], '.', hex[octets[i]>>4], '.')
	}
	return string(text)
}
