//go:build linux

package main

import "time"

// What the kernel's TCP does at the beginning of a connection: ten segments may
// be on their way (RFC 6928), of 1448 octets on an Ethernet with timestamps, each
// in a packet with 52 more.
const (
	segment       = 1448
	packetHeader  = 52
	initialWindow = 10 * segment
)

// A paper is a run of messages as it would be if nobody on either side ever
// hesitated.
type paper struct {
	roundTrip time.Duration
	rate      int64 // bits a second, 0: any number
	// legs are what goes to and fro until the last flight: the octets of each
	// flight, above TCP, up and down in turns. The TCP handshake is not among
	// them.
	legs []int
	// flight is the octets of the last one, after which nothing is awaited but
	// that it arrives.
	flight int
}

// floor is from the first packet to the last octet's arrival.
func (p paper) floor() time.Duration {
	took := p.packet(0) + p.packet(0) // SYN, SYN and ACK
	took += p.roundTrip
	for _, octets := range p.legs {
		took += p.roundTrip/2 + p.transfer(octets)
	}
	return took + p.roundTrip/2 + p.transfer(p.flight) + p.slowStart(p.flight)
}

// transfer is how long so many octets need to leave.
func (p paper) transfer(octets int) time.Duration {
	var took time.Duration
	for ; octets > 0; octets -= segment {
		took += p.packet(min(octets, segment))
	}
	return took
}

func (p paper) packet(octets int) time.Duration {
	if p.rate == 0 {
		return 0
	}
	return time.Duration(int64(octets+packetHeader) * 8 * int64(time.Second) / p.rate)
}

// slowStart is the waits for acknowledgements of a flight whose window doubles
// each round trip: none where the link is still busy with one window when the
// first acknowledgement comes.
func (p paper) slowStart(octets int) time.Duration {
	var waits time.Duration
	for window := initialWindow; octets > window; window *= 2 {
		octets -= window
		waits += max(0, p.roundTrip-p.transfer(window))
	}
	return waits
}

// floor is that of a server of the kind, over a link without a limit of its
// rate: a whole flight where everything goes in one, of so many octets.
func (k sinkKind) floor(roundTrip time.Duration, n, flight int) time.Duration {
	took := time.Duration(k.rounds(n) * float64(roundTrip))
	if !k.unpipelined && !k.unchunked {
		took += paper{roundTrip: roundTrip}.slowStart(flight)
	}
	return took
}

// rounds is the floor in round trips alone: TCP, the greeting, EHLO, and what a
// run of n messages waits for; half a one is the last flight's way.
func (k sinkKind) rounds(n int) float64 {
	rounds := 3.0
	switch {
	case k.starttls:
		rounds += 3 // STARTTLS, the handshake, EHLO once more
	case !k.plain:
		rounds++
	}
	switch {
	case k.unpipelined:
		if !k.plain {
			rounds++ // AUTH
		}
		rounds += 4 * float64(n) // MAIL, RCPT, DATA, and the message
	case k.unchunked:
		rounds += 1 + float64(n) // AUTH, MAIL, RCPT and DATA; then each body with the next envelope
	default:
		rounds++ // everything
	}
	return rounds - 0.5
}
