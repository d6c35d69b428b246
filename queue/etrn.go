package queue

import (
	"fmt"
	"strings"
	"time"
)

// A Node is the mail that a queue run is asked for by domain, as by ETRN (RFC
// 1985 section 5.3): "example.org" is what has a recipient there,
// "@example.org" also what has one in a subdomain.
type Node struct {
	domain     string
	subdomains bool
	// queue: it is all mail that stands in the slow queue of the name slow, "" for
	// the main one.
	queue bool
	slow  string
}

// NodeOf is what stands in a slow queue, or in the main one for "": ETRN's
// #queue.
func NodeOf(slow string) Node { return Node{queue: true, slow: slow} }

// ParseNode reads a node. A queue ("#name") is not read: a run for one has its
// own command.
func ParseNode(text string) (Node, error) {
	domain, subdomains := strings.CutPrefix(text, "@")
	if domain == "" || strings.ContainsAny(domain, "@# \t\"<>") || strings.HasPrefix(domain, ".") {
		return Node{}, fmt.Errorf("%q is no domain: write example.org, or @example.org for its subdomains too", text)
	}
	return Node{domain: domain, subdomains: subdomains}, nil
}

// Wants says that a recipient of the message who is still to be tried is of the
// node.
func (n Node) Wants(e Entry) bool {
	if n.queue {
		return e.Name.Slow() == n.slow
	}
	for i, to := range e.Envelope.To {
		if !e.Results[i].Done() && n.has(to.Address[strings.LastIndexByte(to.Address, '@')+1:]) {
			return true
		}
	}
	return false
}

func (n Node) has(domain string) bool {
	if strings.EqualFold(domain, n.domain) {
		return true
	}
	upper := len(domain) - len(n.domain)
	return n.subdomains && upper > 1 && domain[upper-1] == '.' && strings.EqualFold(domain[upper:], n.domain)
}

// WaitingFor is how many messages wait for a queue run by which they may leave
// now, of those that want selects; it counts no more than most, of a queue of any
// size. What is held, or is not to leave before a time, is not counted.
func (s *Spool) WaitingFor(want func(Entry) bool, now time.Time, most int) (n int, err error) {
	err = s.Names(func(name Name) bool {
		if name.Waits() || name.NotBefore.After(now) {
			return true
		}
		if e, ok := s.Entry(name); ok && want(e) {
			n++
		}
		return n < most
	})
	return n, err
}
