package queue

import (
	"fmt"
	"strings"
)

// A Node is the mail that a queue run is asked for by domain, as by ETRN (RFC
// 1985 section 5.3): "example.org" is what has a recipient there,
// "@example.org" also what has one in a subdomain.
type Node struct {
	domain     string
	subdomains bool
}

// ParseNode reads a node. A queue ("#name") is not read: a run for one has its
// own command.
func ParseNode(text string) (Node, error) {
	domain, subdomains := strings.CutPrefix(text, "@")
	if domain == "" || strings.ContainsAny(domain, "@# \t\"<>") || strings.HasPrefix(domain, ".") {
		return Node{}, fmt.Errorf("%q is no domain: write example.org, or @example.org for its subdomains too", text)
	}
	return Node{domain, subdomains}, nil
}

// Wants says that a recipient of the message who is still to be tried is of the
// node.
func (n Node) Wants(e Entry) bool {
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
