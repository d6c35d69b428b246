package relay

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"mailcrane/queue"
)

// reached is how a session came to its server.
type reached struct {
	// remembered: at an address that was known from before.
	remembered bool
	// took is how long the connect did: a round trip with a numeric address,
	// more where a name had to be looked up.
	took    time.Duration
	numeric bool
	// slow: the handshake has shown that the link is.
	slow bool
	// stale: the server resumed a TLS session whose certificate is not good now.
	stale bool
}

const (
	// mostHeadStart and leastHeadStart bound how long a remembered address is
	// tried alone: the network may be another one, where it leads nowhere.
	mostHeadStart  = 3 * time.Second
	leastHeadStart = 300 * time.Millisecond
	// addressAge is how long an address is used without looking the name up
	// again, so that we follow the server when it moves and the old one answers
	// on.
	addressAge = 7 * 24 * time.Hour
	// promptly is the time in which somebody else's server has shown that it is
	// not ours; what took longer is a matter of the link.
	promptly = 30 * time.Second
)

// headStart is how long a remembered address is tried alone on such a link.
func (l Link) headStart() time.Duration {
	return min(3*l.RoundTrip+leastHeadStart, mostHeadStart)
}

// connectTime is what a connect on such a link takes, with a look at the name
// server.
func (l Link) connectTime() time.Duration {
	if l.RoundTrip == 0 {
		return guessedTrip
	}
	return max(2*l.RoundTrip, leastStill)
}

// notBefore is do, put off until that time where it is called earlier.
func notBefore(at time.Time, do func()) func() {
	return func() {
		if left := time.Until(at); left > 0 {
			time.AfterFunc(left, do)
			return
		}
		do()
	}
}

// usable is the addresses of a server that may be dialled without looking its
// name up.
func (k Known) usable(now time.Time) []netip.Addr {
	var all []netip.Addr
	for _, a := range k.Addresses {
		if age := now.Sub(a.LookedUp); age >= 0 && age < addressAge {
			all = append(all, a.IP)
		}
	}
	return all
}

// remembered is the addresses to dial before the name. Without TLS nothing
// shows that the server is the right one.
func (t *Target) remembered(known Known) []string {
	_, port, err := net.SplitHostPort(t.Address)
	if err != nil || t.Mode == Insecure || t.Mode == Opportunistic {
		return nil
	}
	var all []string
	for _, ip := range known.usable(t.Now()) {
		all = append(all, net.JoinHostPort(ip.String(), port))
	}
	return all
}

// dial connects to one of the addresses, each with its port, or to the name.
func (t *Target) dial(ctx context.Context, addresses []string, headStart time.Duration) (*wire, reached, *queue.RouteFault) {
	within := ctx
	if t.Timeouts.Connect > 0 {
		var cancel context.CancelFunc
		within, cancel = context.WithTimeout(ctx, t.Timeouts.Connect)
		defer cancel()
	}
	// A connect that waits on the old way is not to be waited for. But each gets
	// the time that it takes, or none would succeed while the network changes all
	// the time, and each change would be one more.
	within, giveUp := context.WithCancelCause(within)
	defer giveUp(nil)
	fair := time.Now().Add(t.Memory.Recall().Link.connectTime())
	leave := queue.OnStir(ctx, notBefore(fair, func() { giveUp(errChanged) }))
	got := t.race(within, append(slices.Clone(addresses), t.Address), headStart)
	leave()
	if got.err != nil && ctx.Err() == nil && errors.Is(context.Cause(within), errChanged) {
		f := t.fault(queue.StepConnect, "", errChanged)
		f.Lost = true
		return nil, reached{}, f
	}
	if got.err != nil {
		timeUp := ctx.Err() == nil && errors.Is(within.Err(), context.DeadlineExceeded)
		return nil, reached{}, t.dialFault(got.err, timeUp)
	}
	host, _, _ := net.SplitHostPort(got.address)
	how := reached{remembered: got.address != t.Address, took: got.took, numeric: net.ParseIP(host) != nil}
	tune(got.conn)
	return &wire{Conn: got.conn, block: t.Timeouts.DataBlock, wait: wait{limit: -1}, quick: !t.Memory.Recall().Link.Slow(t.Now())}, how, nil
}

// A dialled is the end of one connect.
type dialled struct {
	address string
	conn    net.Conn
	err     error
	took    time.Duration
}

func (t *Target) dialOne(ctx context.Context, address string) dialled {
	began := time.Now()
	conn, err := t.Dial(ctx, "tcp", address)
	return dialled{address, conn, err, time.Since(began)}
}

// race is the first connection of those to the addresses, or how the last of
// them, which is the name's, failed. Each is tried when the one before has
// failed, and all that are left when the head start is over.
func (t *Target) race(ctx context.Context, addresses []string, headStart time.Duration) dialled {
	if len(addresses) == 1 {
		return t.dialOne(ctx, addresses[0])
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ends := make(chan dialled)
	begun, ended := 0, 0
	begin := func(most int) {
		for ; begun < len(addresses) && most > 0; most-- {
			address := addresses[begun]
			begun++
			go func() { ends <- t.dialOne(ctx, address) }()
		}
	}
	begin(1)
	timer := time.NewTimer(headStart)
	defer timer.Stop()
	var lost dialled
	for ended < len(addresses) {
		select {
		case <-timer.C:
			begin(len(addresses))
		case end := <-ends:
			ended++
			if end.err == nil {
				go closeLate(ends, begun-ended)
				return end
			}
			if lost.err == nil || end.address == t.Address {
				lost = end
			}
			begin(1)
		}
	}
	return lost
}

// closeLate closes the connections that are of no use any more; their context
// has ended.
func closeLate(ends <-chan dialled, n int) {
	for range n {
		if late := <-ends; late.err == nil {
			late.conn.Close()
		}
	}
}

// arrived keeps what the server offers, and where it has shown its certificate. A
// connection to another port than we dialled was led there by a proxy.
func (s *Session) arrived() {
	t := s.target
	t.Memory.Learn(func(k *Known) { k.Capabilities = s.offered })
	peer, err := netip.ParseAddrPort(addressOf(s.dialogue.wire.RemoteAddr()))
	host, port, err2 := net.SplitHostPort(t.Address)
	if s.tls == nil || err != nil || err2 != nil || net.ParseIP(host) != nil || port != strconv.Itoa(int(peer.Port())) {
		return
	}
	ip, how, now := peer.Addr().Unmap(), s.reached, t.Now()
	t.Memory.Learn(func(k *Known) {
		at := Address{IP: ip, LookedUp: now}
		if i := slices.IndexFunc(k.Addresses, func(a Address) bool { return a.IP == ip }); i >= 0 && how.remembered {
			at = k.Addresses[i]
		}
		k.Addresses = slices.DeleteFunc(k.Addresses, func(a Address) bool { return a.IP.Is4() == ip.Is4() })
		k.Addresses = slices.Insert(k.Addresses, 0, at)
	})
}

// forget has the name looked up again: at the address that was remembered is
// not the server, or one that wants no mail.
func (s *Session) forget() {
	peer, err := netip.ParseAddrPort(addressOf(s.dialogue.wire.RemoteAddr()))
	if err != nil || !s.reached.remembered {
		return
	}
	s.target.Memory.Learn(func(k *Known) {
		k.Addresses = slices.DeleteFunc(k.Addresses, func(a Address) bool { return a.IP == peer.Addr().Unmap() })
	})
}

func addressOf(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}
