// Package route says where mail to an address goes, by the administrator's maps:
// one step at a time, with the line that says so. It expands no alias and asks no
// name server.
package route

import (
	"strings"

	"mailcrane/queue"
)

// A Kind says what a Step comes to.
type Kind uint8

// The kinds.
const (
	Mailbox Kind = iota // a local name: aliases and .forward come next
	Away                // it leaves by Step.Hop, or by the account Step.Account
	Again               // it stands for Step.Address, which is looked up in turn
	Refused             // Step.Reply says why
	Discard             // nobody gets it, and nobody is told
)

// A Step is where an address goes next, and why.
type Step struct {
	Kind Kind
	// Address is the recipient from here on.
	Address string
	// User and Detail are those of a Mailbox: user+detail, without the plus. Bare
	// says that it came without a domain.
	User, Detail string
	Bare         bool
	// Hop is where it leaves; Account, if not "", in its place.
	Hop     Hop
	Account string
	Reply   queue.Reply
	// Plain says that no map has the address, which goes to the exchangers of its
	// domain.
	Plain bool
	// Where is the line of a file or the option that says so, "" for none; Why
	// says it in words, for explain.
	Where, Why string
}

// Short says that the domain is a name without a dot, which a person has written
// and the name service has to complete.
func (s Step) Short() bool {
	return s.Kind == Away && s.Plain && s.Hop.Host != "" && !strings.ContainsAny(s.Hop.Host, ".[")
}
