package slowlink

import "time"

// A line is one direction of the link, which all its streams share: each in its
// turn puts one segment on it.
type line struct {
	link *Link
	// free is when the last octet so far has left, or will have.
	free time.Time
	turn []*stream
	// last is whose segment is on the line.
	last *stream
	// carry is a part of a nanosecond, in parts of the rate.
	carry int64
	// armed says that serve will be called when the line is free.
	armed bool
	// arrived counts the octets that have come out at the other end.
	arrived int64
	trip    *trip
}

// most is how many octets go in one turn.
func (n *line) most() int {
	if n.link.shape.Rate == 0 {
		return n.link.shape.Buffer
	}
	return mss
}

// takes is how long so many octets need to leave. Parts of a nanosecond are
// carried over, so that a thousand segments take as long as their octets.
func (n *line) takes(octets int) time.Duration {
	rate := n.link.shape.Rate
	if rate == 0 {
		return 0
	}
	whole := int64(octets)*8*int64(time.Second) + n.carry
	n.carry = whole % rate
	return time.Duration(whole / rate)
}

// serve lets leave what can.
func (n *line) serve() {
	for !n.armed && (n.last != nil || len(n.turn) > 0) {
		if n.free.After(time.Now()) {
			n.armed = true
			n.link.at(n.free, func() { n.armed = false; n.serve() })
			return
		}
		if n.last != nil {
			n.last.ask(n.free) // behind those that came meanwhile
			n.last = nil
			continue
		}
		s := n.turn[0]
		n.turn[0] = nil
		n.turn = n.turn[1:]
		n.leave(s)
	}
}

// leave puts the next piece of s on the line.
func (n *line) leave(s *stream) {
	s.waits = false
	if s.since.After(n.free) {
		n.free = s.since
	}
	p := s.take(n.most())
	p.left = n.free
	if now := time.Now(); now.After(p.left) {
		p.left = now
	}
	s.left = p.left
	n.free = n.free.Add(n.takes(len(p.octets)))
	n.link.at(n.free.Add(n.link.shape.Delay), func() { s.arrive(p) })
	n.last = s
}
