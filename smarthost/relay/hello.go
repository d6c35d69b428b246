package relay

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"mailcrane/queue"
)

// Capabilities is what the server offers in its answer to EHLO.
type Capabilities struct {
	Pipelining    bool // RFC 2920
	Chunking      bool // BDAT, RFC 3030
	BinaryMIME    bool // RFC 3030; of use only together with Chunking
	EightBitMIME  bool // RFC 6152
	SMTPUTF8      bool // RFC 6531
	DSN           bool // RFC 3461
	EnhancedCodes bool // RFC 2034
	StartTLS      bool // RFC 3207
	// Size says that SIZE is offered; MaxSize is the largest message in
	// octets, or 0 where the server names none (RFC 1870).
	Size    bool
	MaxSize int64
	// HoldFor and HoldUntil bound what FUTURERELEASE may ask for; zero where it
	// is not offered (RFC 4865 section 3).
	HoldFor   time.Duration
	HoldUntil time.Time
	// Auth are the SASL mechanisms, upper case, in the server's order
	// (RFC 4954).
	Auth []string
}

// Extensions are those that make a difference to mail, by the words of EHLO.
func (c Capabilities) Extensions() []string {
	var names []string
	for _, x := range [...]struct {
		have bool
		name string
	}{
		{c.Pipelining, "PIPELINING"},
		{c.Chunking, "CHUNKING"},
		{c.BinaryMIME, "BINARYMIME"},
		{c.EightBitMIME, "8BITMIME"},
		{c.SMTPUTF8, "SMTPUTF8"},
		{c.DSN, "DSN"},
		{c.Size && c.MaxSize == 0, "SIZE"},
		{c.MaxSize > 0, "SIZE " + strconv.FormatInt(c.MaxSize, 10)},
	} {
		if x.have {
			names = append(names, x.name)
		}
	}
	return names
}

// capabilities reads the lines after the first of a reply to EHLO.
func capabilities(lines []string) Capabilities {
	var c Capabilities
	for _, line := range lines {
		// "AUTH=PLAIN LOGIN" is how servers wrote it before RFC 2554.
		if len(line) > 5 && strings.EqualFold(line[:5], "AUTH=") {
			line = "AUTH " + line[5:]
		}
		words := strings.Fields(strings.ToUpper(line))
		if len(words) > 0 {
			c.add(words[0], words[1:])
		}
	}
	return c
}

func (c *Capabilities) add(keyword string, params []string) {
	switch keyword {
	case "PIPELINING":
		c.Pipelining = true
	case "CHUNKING":
		c.Chunking = true
	case "BINARYMIME":
		c.BinaryMIME = true
	case "8BITMIME":
		c.EightBitMIME = true
	case "SMTPUTF8":
		c.SMTPUTF8 = true
	case "DSN":
		c.DSN = true
	case "ENHANCEDSTATUSCODES":
		c.EnhancedCodes = true
	case "STARTTLS":
		c.StartTLS = true
	case "SIZE":
		c.Size = true
		if len(params) > 0 {
			// What is no number names no limit.
			c.MaxSize, _ = strconv.ParseInt(params[0], 10, 64)
			c.MaxSize = max(c.MaxSize, 0)
		}
	case "FUTURERELEASE":
		c.addFutureRelease(params)
	case "AUTH":
		for _, mech := range params {
			if mechanismName(mech) && len(c.Auth) < maxMechanisms && !slices.Contains(c.Auth, mech) {
				c.Auth = append(c.Auth, mech)
			}
		}
	}
}

// addFutureRelease reads the longest interval and the latest time. Where one is
// missing or wrong, nothing is asked of the server.
func (c *Capabilities) addFutureRelease(params []string) {
	if len(params) != 2 || len(params[0]) > maxHoldDigits {
		return
	}
	seconds, err := strconv.ParseUint(params[0], 10, 32)
	until, err2 := time.Parse(time.RFC3339, params[1])
	if err == nil && err2 == nil {
		c.HoldFor, c.HoldUntil = time.Duration(seconds)*time.Second, until
	}
}

// maxHoldDigits is from RFC 4865 section 3: "1*9DIGIT".
const maxHoldDigits = 9

// maxMechanisms bounds a list that hints show to people; servers offer up to
// ten.
const maxMechanisms = 30

// mechanismName says that a word in upper case can be the name of a SASL
// mechanism (RFC 4422 section 3.1). Others are not for us, nor for a terminal.
func mechanismName(word string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return len(word) <= 20 && strings.Trim(word, letters) == ""
}

// greeting waits for the server's first word.
func (s *Session) greeting() *queue.RouteFault {
	r, err := s.dialogue.next("", s.target.Timeouts.Initial)
	switch {
	case err != nil:
		return s.greetingFault(err)
	case r.code/100 == 4:
		return s.fault(queue.StepGreeting, "", "the server takes no mail just now: %v", r)
	case r.code != 220:
		return s.personFault(queue.StepGreeting, "the server refuses this network or this port; try another network or VPN, or ask the provider which server and port to use",
			"the server refuses connections from here: %v", r)
	}
	return nil
}

// hello says EHLO, or HELO to a server that does not know EHLO and of which
// nothing is wanted that only EHLO can tell.
func (s *Session) hello() *queue.RouteFault {
	t := s.target
	s.caps = Capabilities{}
	r, err := s.dialogue.ask("EHLO "+t.Hello, t.Timeouts.Helo)
	if err == nil && (r.code == 500 || r.code == 502 || t.Mode == Opportunistic && r.code/100 == 5) && t.Mode != StartTLS && t.Auth == nil {
		if r, err = s.dialogue.ask("HELO "+t.Hello, t.Timeouts.Helo); err == nil {
			r.lines = r.lines[:1]
		}
	}
	switch {
	case err != nil:
		return s.broken(queue.StepHello, err)
	case r.code/100 == 4:
		return s.fault(queue.StepHello, "", "the server takes no mail just now: %v", r)
	case !r.ok():
		return s.personFault(queue.StepHello, "ask the provider whether it accepts mail from this network and from a client that names itself "+strconv.Quote(t.Hello),
			"the server refuses EHLO %s: %v", t.Hello, r)
	}
	s.caps = capabilities(r.lines[1:])
	s.offered, s.speaks = s.caps, t.firstManner(s.caps)
	// Whether the server breaks is known by all that it offers; from here on it
	// offers what may be used.
	s.caps.Chunking = s.speaks.chunks
	if s.speaks.group {
		s.window.widen(t.Memory.Recall().Link.Window)
	}
	return nil
}
