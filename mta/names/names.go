// Package names asks the name service, and tells "there is none" from "nobody
// knows just now", since the one refuses mail and the other puts it off.
package names

import (
	"context"
	"errors"
	"net/netip"
)

// ErrNone says that the name service has answered, and that there is no such
// name, or no record of the kind. All other errors are temporary.
var ErrNone = errors.New("the name service has no such record")

// An MX is one mail exchanger (RFC 5321 section 5.1).
type MX struct {
	Host       string // without the last dot; "" is the null MX (RFC 7505)
	Preference uint16
}

// A Resolver asks. Names are given and returned without the last dot; answers
// are bounded in number.
type Resolver interface {
	// Addresses are those of a host, IPv4 before IPv6.
	Addresses(ctx context.Context, host string) ([]netip.Addr, error)
	// IPv4 are its A records alone.
	IPv4(ctx context.Context, host string) ([]netip.Addr, error)
	// Pointers are the names of an address (PTR).
	Pointers(ctx context.Context, addr netip.Addr) ([]string, error)
	// Exchangers are in order of preference, those of the same in any order.
	Exchangers(ctx context.Context, domain string) ([]MX, error)
}

// A Completer finds the whole name of a host as a person has written it, as
// *DNS.Complete does.
type Completer interface {
	Complete(ctx context.Context, host string) (string, error)
}

// A State says how well a client's name is known, sendmail's client_resolve.
type State uint8

// The states.
const (
	OK     State = iota // the name leads back to the address
	None                // no PTR record: FAIL
	Temp                // not known just now
	Forged              // the name does not lead back
)

// A Client is a client's name: of State OK, or else the address in brackets.
type Client struct {
	Name  string
	State State
	// Pointer is the unverified name of the PTR record, or "".
	Pointer string
}
