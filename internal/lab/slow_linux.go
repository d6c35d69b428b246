package lab

import (
	"os"
	"sync"
	"testing"
	"time"
)

// A SlowLink is the cable of a Network, packet by packet, so that the kernels'
// own TCP is what runs over it. It loses and reorders nothing.
type SlowLink struct {
	delay time.Duration
	rate  int64

	mu       sync.Mutex
	up, down Traffic
	// silent: nothing passes. flows are those whose first packet has been seen;
	// those that are false have been forgotten.
	silent bool
	flows  map[flow]bool
}

// Traffic is what has come out of a link, in packets and in octets with the
// headers of IP and TCP.
type Traffic struct{ Packets, Octets int64 }

// Congestion is the laptop's and the gateway's congestion control: slow start as
// in RFC 5681, twice the window each round trip, and no pacing. It is one that
// every kernel lets a namespace choose.
const Congestion = "reno"

// Slow is a Network whose cable takes delay, one way, and rate bits a second,
// each way, or any number where it is 0.
func Slow(t testing.TB, delay time.Duration, rate int64) (*Network, *SlowLink) {
	t.Helper()
	l := &SlowLink{delay: delay, rate: rate, flows: make(map[flow]bool)}
	n := newNetwork(t, func(n *Network) { l.lay(t, n) })
	return n, l
}

// lay makes the devices and carries packets between them until the test ends.
func (l *SlowLink) lay(t testing.TB, n *Network) {
	t.Helper()
	laptop, err := n.Laptop.tun("eth0")
	if err != nil {
		t.Fatal(err)
	}
	gateway, err := n.Gateway.tun("up0")
	if err != nil {
		laptop.Close()
		t.Fatal(err)
	}
	for _, s := range []*Namespace{n.Laptop, n.Gateway} {
		if err := s.Do(func() error {
			return os.WriteFile("/proc/sys/net/ipv4/tcp_congestion_control", []byte(Congestion), 0)
		}); err != nil {
			t.Fatal(err)
		}
	}
	var carried sync.WaitGroup
	t.Cleanup(func() {
		laptop.Close()
		gateway.Close()
		carried.Wait()
	})
	carried.Go(func() { l.carry(gateway, laptop, &l.up, &carried) })
	carried.Go(func() { l.carry(laptop, gateway, &l.down, &carried) })
}

// queued bounds the packets on their way in one direction; what the kernels may
// send before the first acknowledgement is far less.
const queued = 16 << 10

// A packet is due at the other end at a certain time.
type packet struct {
	octets []byte
	due    time.Time
}

// carry takes packets until the device is gone.
func (l *SlowLink) carry(to, from *os.File, count *Traffic, carried *sync.WaitGroup) {
	onWay := make(chan packet, queued)
	defer close(onWay)
	carried.Go(func() { l.deliver(to, onWay, count) })
	buffer := make([]byte, 64<<10)
	var free time.Time
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if now := time.Now(); free.Before(now) {
			free = now
		}
		if l.rate > 0 {
			free = free.Add(time.Duration(int64(n) * 8 * int64(time.Second) / l.rate))
		}
		onWay <- packet{append([]byte(nil), buffer[:n]...), free.Add(l.delay)}
	}
}

func (l *SlowLink) deliver(to *os.File, onWay <-chan packet, count *Traffic) {
	for p := range onWay {
		time.Sleep(time.Until(p.due))
		if !l.passes(p.octets, count) {
			continue
		}
		// A device that is down, or gone, takes nothing, and a cable does not
		// mind.
		_, _ = to.Write(p.octets)
	}
}

// passes says whether a packet comes out, and counts it.
func (l *SlowLink) passes(p []byte, count *Traffic) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, first := flowOf(p, count == &l.down)
	if first && !l.silent {
		l.flows[f] = true
	}
	if known, seen := l.flows[f]; l.silent || seen && !known {
		return false
	}
	count.Packets++
	count.Octets += int64(len(p))
	return true
}

// BlackHole lets nothing pass until Restore. The connections of now stay silent
// after that, as when a router has forgotten them.
func (l *SlowLink) BlackHole() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent = true
	for f := range l.flows {
		l.flows[f] = false
	}
}

// Restore lets new connections pass again.
func (l *SlowLink) Restore() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent = false
}

// Passed is what has come out so far, from the laptop and to it.
func (l *SlowLink) Passed() (up, down Traffic) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.up, l.down
}
