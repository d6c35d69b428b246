package names

import (
	"context"
	"errors"
	"net/netip"
	"slices"
)

// mostForward bounds the names of one address that are led back: a client
// chooses its own PTR records, and each costs two questions.
const mostForward = 4

// OfClient is the name of a client: that of its first PTR record which leads
// back to its address. The machine itself is localhost. It asks until ctx ends,
// and what is not known by then is Temp.
func OfClient(ctx context.Context, r Resolver, addr netip.Addr) Client {
	addr = addr.Unmap().WithZone("")
	if addr.IsLoopback() {
		return Client{Name: "localhost", State: OK}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // who was not waited for need not be asked any more
	c := Client{Name: Literal(addr)}
	pointers, err := r.Pointers(ctx, addr)
	if errors.Is(err, ErrNone) || err == nil && len(pointers) == 0 {
		c.State = None
		return c
	}
	if err != nil {
		c.State = Temp
		return c
	}
	c.Pointer = pointers[0]
	pointers = pointers[:min(len(pointers), mostForward)]
	back := make([]chan State, len(pointers))
	for i, name := range pointers {
		back[i] = make(chan State, 1)
		go func() { back[i] <- leadsBack(ctx, r, name, addr) }()
	}
	c.State = Forged
	for i, name := range pointers {
		switch <-back[i] {
		case OK:
			return Client{Name: name, State: OK, Pointer: name}
		case Temp:
			c.State = Temp
		}
	}
	return c
}

func leadsBack(ctx context.Context, r Resolver, name string, addr netip.Addr) State {
	all, err := r.Addresses(ctx, name)
	switch {
	case slices.Contains(all, addr):
		return OK
	case err != nil && !errors.Is(err, ErrNone):
		return Temp
	}
	return Forged
}

// Literal is an address as it stands in place of a name (RFC 5321 section 4.1.3).
func Literal(addr netip.Addr) string {
	if addr = addr.Unmap().WithZone(""); addr.Is6() {
		return "[IPv6:" + addr.String() + "]"
	}
	return "[" + addr.String() + "]"
}
