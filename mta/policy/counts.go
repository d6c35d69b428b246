package policy

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"mailcrane/internal/load"
)

// mostNetworks bounds how many networks are counted at once: some 200 octets
// each.
const mostNetworks = 16384

// slots divide the window of a rate: what is older than the window by less than
// one of them may still count.
const slots = 6

// Counts are the connections of all clients, counted for each network: an IPv4
// address, or the /64 that one customer has of IPv6. They are bounded: the
// network that was quiet longest is forgotten first, but none with a connection
// that is open. The zero Counts are not ready; use NewCounts.
type Counts struct {
	mu       sync.Mutex
	networks map[netip.Prefix]*list.Element // of *network
	order    list.List                      // the one that came last stands first

	second   time.Time // of the turns that were given
	turns    int
	refusals load.Refusals
}

// A network is what is counted of one.
type network struct {
	of   netip.Prefix
	open int
	slot int64 // the number of the newest slot
	came [slots]int
	wide time.Duration // of a slot
}

// NewCounts counts from nothing.
func NewCounts() *Counts {
	c := &Counts{networks: make(map[netip.Prefix]*list.Element)}
	c.order.Init()
	return c
}

// networkOf is what an address is counted with.
func networkOf(addr netip.Addr) netip.Prefix {
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // a client of this machine
	}
	return p
}

// arrive counts a connection.
func (c *Counts) arrive(addr netip.Addr, now time.Time, window time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := networkOf(addr)
	e := c.networks[of]
	if e == nil {
		c.forget()
		e = c.order.PushFront(&network{of: of})
		c.networks[of] = e
	}
	c.order.MoveToFront(e)
	n := e.Value.(*network)
	n.open++
	n.move(now, window)
	n.came[n.slot%slots]++
}

// forget makes room for one more network.
func (c *Counts) forget() {
	for e := c.order.Back(); e != nil && len(c.networks) >= mostNetworks; {
		before := e.Prev()
		if n := e.Value.(*network); n.open == 0 {
			c.order.Remove(e)
			delete(c.networks, n.of)
		}
		e = before
	}
}

// leave counts the end of a connection.
func (c *Counts) leave(addr netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.networks[networkOf(addr)]; e != nil {
		e.Value.(*network).open--
	}
}

// open is how many connections there are, this one too.
func (c *Counts) open(addr netip.Addr) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.networks[networkOf(addr)]; e != nil {
		return e.Value.(*network).open
	}
	return 0
}

// rate is how many connections there were in a window of time, this one too.
func (c *Counts) rate(addr netip.Addr, now time.Time, window time.Duration) (sum int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.networks[networkOf(addr)]
	if e == nil {
		return 0
	}
	n := e.Value.(*network)
	n.move(now, window)
	for _, came := range n.came {
		sum += came
	}
	return sum
}

// move makes room for the slot that is now.
func (n *network) move(now time.Time, window time.Duration) {
	wide := max(window/slots, 1)
	slot := now.UnixNano() / int64(wide)
	if wide != n.wide || slot-n.slot >= slots || slot < n.slot {
		n.wide, n.slot, n.came = wide, slot, [slots]int{}
		return
	}
	for n.slot < slot {
		n.slot++
		n.came[n.slot%slots] = 0
	}
}

// turn is how long a connection waits where only so many a second are served at
// once; 0 is all of them.
func (c *Counts) turn(now time.Time, most int) time.Duration {
	if most <= 0 {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.second.Add(time.Second).Compare(now) <= 0 { // nobody waits any more
		c.second, c.turns = now, 0
	}
	if c.turns >= most {
		if c.second.Sub(now) >= mostPause {
			return 2 * mostPause // no turn is given to who would not wait for it
		}
		c.second, c.turns = c.second.Add(time.Second), 0
	}
	c.turns++
	return max(c.second.Sub(now), 0)
}
