package known

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"slices"
	"time"
)

// ticketAge is the longest that a server may resume a session (RFC 8446
// section 4.6.1).
const ticketAge = 7 * 24 * time.Hour

// sessions is the TLS sessions of a server as crypto/tls wants them, for one
// handshake.
type sessions struct {
	server *Server
	policy string
	// taken is the one that was shown to the server.
	taken []byte
}

// Sessions is the TLS sessions with the server, for one handshake. policy is
// all that decides whether a certificate is taken: one that was given under
// another policy cannot be opened.
func (v *Server) Sessions(policy string) tls.ClientSessionCache {
	return &sessions{server: v, policy: policy}
}

// about is what a ticket is bound to. name is the one that the certificate is
// for.
func (c *sessions) about(name string) []byte {
	id := c.server.id
	var b []byte
	for _, part := range [...]string{id.Account, id.Host, id.Port, id.User, name, c.policy} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part))) //nolint:gosec // bounded
		b = append(b, part...)
	}
	return b
}

// Get is the latest session that the server has not seen yet, else the latest.
// What cannot be opened is dropped.
func (c *sessions) Get(name string) (*tls.ClientSessionState, bool) {
	v := c.server
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.store.now()
	v.tickets = slices.DeleteFunc(v.tickets, func(t ticket) bool { return now.Sub(t.At) > ticketAge || t.At.After(now) })
	for len(v.tickets) > 0 {
		i := v.next()
		state, err := c.open(name, v.tickets[i].Sealed)
		if err != nil {
			v.store.debug("a TLS session cannot be opened and is dropped", "server", v.id.Host, "err", err)
			v.tickets = slices.Delete(v.tickets, i, i+1)
			continue
		}
		c.taken = v.tickets[i].Sealed
		v.tickets[i].Used = true
		if len(v.tickets) > 1 {
			v.tickets = slices.Delete(v.tickets, i, i+1)
		}
		return state, true
	}
	return nil, false
}

// next is the place of the ticket to use next; there is one.
func (v *Server) next() int {
	for i := len(v.tickets) - 1; i >= 0; i-- {
		if !v.tickets[i].Used {
			return i
		}
	}
	return len(v.tickets) - 1
}

// Put keeps a session; nil drops the one that was shown to the server, which
// has refused it.
func (c *sessions) Put(name string, state *tls.ClientSessionState) {
	v := c.server
	v.mu.Lock()
	defer v.mu.Unlock()
	if state == nil {
		v.tickets = slices.DeleteFunc(v.tickets, func(t ticket) bool { return slices.Equal(t.Sealed, c.taken) })
		return
	}
	sealed, err := c.seal(name, state)
	if err != nil {
		v.store.debug("a TLS session cannot be kept", "server", v.id.Host, "err", err)
		return
	}
	v.tickets = slices.DeleteFunc(v.tickets, func(t ticket) bool { return t.Used })
	v.tickets = append(v.tickets, ticket{At: v.store.now(), Sealed: sealed})
	v.tickets = slices.Delete(v.tickets, 0, max(len(v.tickets)-mostTickets, 0))
}

var errTooLarge = errors.New("it is too large")

func (c *sessions) seal(name string, cs *tls.ClientSessionState) ([]byte, error) {
	shown, state, err := cs.ResumptionState()
	if err != nil {
		return nil, err
	}
	if state == nil {
		return nil, errors.New("it cannot be resumed")
	}
	rest, err := state.Bytes()
	if err != nil {
		return nil, err
	}
	plain := binary.BigEndian.AppendUint32(nil, uint32(len(shown))) //nolint:gosec // bounded by TLS
	plain = append(append(plain, shown...), rest...)
	aead, err := c.server.store.aead()
	if err != nil {
		return nil, err
	}
	if len(plain)+aead.Overhead() > mostTicket {
		return nil, errTooLarge
	}
	return aead.Seal(nil, nil, plain, c.about(name)), nil
}

func (c *sessions) open(name string, sealed []byte) (*tls.ClientSessionState, error) {
	aead, err := c.server.store.aead()
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nil, sealed, c.about(name))
	if err != nil {
		return nil, err
	}
	if len(plain) < 4 {
		return nil, errors.New("it is too short")
	}
	size := int64(binary.BigEndian.Uint32(plain))
	plain = plain[4:]
	if size > int64(len(plain)) {
		return nil, errors.New("it is cut short")
	}
	state, err := tls.ParseSessionState(plain[size:])
	if err != nil {
		return nil, err
	}
	return tls.NewResumptionState(plain[:size], state)
}
