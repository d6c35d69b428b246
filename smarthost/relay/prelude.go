package relay

// mostPrelude bounds what is kept of the session before its first message, in
// octets: the greeting, two EHLOs with all their extensions, and a log-in are
// some two thousand.
const mostPrelude = 8 << 10

// A prelude is what was said before the first message: it belongs to the story
// of each one that the session carries.
type prelude struct {
	lines []string
	size  int
	// closed: the first message has begun, or there was too much of it.
	closed bool
}

func (p *prelude) add(line string) {
	if p.closed {
		return
	}
	if p.size += len(line); p.size > mostPrelude {
		line, p.closed = "*** more was said than is kept", true
	}
	p.lines = append(p.lines, line)
}
