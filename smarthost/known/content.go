package known

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"mailcrane/smarthost/relay"
)

// version is that of the format; a file of another one counts as none.
const version = 1

// content is what a file holds.
type content struct {
	Version int `json:"version"`
	Identity
	Known   relay.Known `json:"known"`
	Tickets []ticket    `json:"tickets,omitempty"`
}

// A ticket is a TLS session that the server resumes, sealed.
type ticket struct {
	At time.Time `json:"at"`
	// Used: it was shown to the server already. It is shown again only where
	// there is no other, since an observer could tell by it that two
	// connections are of one client (RFC 8446 appendix C.4).
	Used   bool   `json:"used,omitempty"`
	Sealed []byte `json:"sealed"`
}

// Bounds on what is read; what has more was not written here.
const (
	// mostTickets is two from a full handshake, as servers give them, and those
	// of one or two lanes.
	mostTickets = 4
	// mostTicket is for a ticket and the server's certificates, with those of
	// the authorities, which the sealed session holds twice.
	mostTicket     = 20 << 10
	mostAddresses  = 2
	mostMechanism  = 20
	mostMechanisms = 30
	// mostRoundTrip is longer than any link's over which TCP works.
	mostRoundTrip = 5 * time.Minute
)

// empty says that nothing is known.
func (c content) empty() bool {
	return len(c.Tickets) == 0 && reflect.DeepEqual(c.Known, relay.Known{})
}

func encode(c content) (string, error) {
	text, err := json.Marshal(c)
	return string(text) + "\n", err
}

// decode reads a file that must be of that server.
func decode(text string, id Identity) (content, error) {
	var c content
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return content{}, err
	}
	switch {
	case c.Version != version:
		return content{}, fmt.Errorf("it is of version %d, and this program writes %d", c.Version, version)
	case c.Identity != id:
		return content{}, errors.New("it is about another server")
	}
	return c, c.check()
}

func (c content) check() error {
	k := c.Known
	if len(k.Addresses) > mostAddresses || len(c.Tickets) > mostTickets {
		return errors.New("it has too many addresses or TLS sessions")
	}
	for _, a := range k.Addresses {
		if !a.IP.IsValid() {
			return errors.New("it has an address that is none")
		}
	}
	for _, t := range c.Tickets {
		if len(t.Sealed) > mostTicket {
			return errors.New("it has a TLS session that is too large")
		}
	}
	if k.Link.RoundTrip < 0 || k.Link.RoundTrip > mostRoundTrip || k.Link.Rate < 0 {
		return errors.New("it has a link that cannot be")
	}
	names := append(slices.Clone(k.Capabilities.Auth), k.Broken.Offered.Auth...)
	tooLong := func(name string) bool { return len(name) > mostMechanism }
	if len(names) > 2*mostMechanisms || slices.ContainsFunc(append(names, k.LoggedIn), tooLong) {
		return errors.New("it has mechanisms that cannot be")
	}
	return nil
}
