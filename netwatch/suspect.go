package netwatch

import (
	"net/netip"
	"strings"

	"mailcrane/queue"
)

// A suspicion is how much a fault looks as if a captive portal stood in the
// way.
type suspicion uint8

const (
	// unsuspicious: the server itself has spoken, or nothing went by the network.
	unsuspicious suspicion = iota
	// silence: nothing answers, as where a portal lets nothing through; a server
	// that is down, and a closed port, look the same.
	silence
	// stranger: somebody answers who has not shown to be the server.
	stranger
)

// suspects is which faults look like a portal, as long as no certificate has
// shown that it is the server. A portal refuses or swallows connections, leads
// them to a web server of its own (a certificate for another name, HTTP in the
// clear, no TLS at all), or to a mail server that refuses everything (554) or
// lacks STARTTLS; or it says that the name is its own, or that there is none.
var suspects = [...]struct {
	step queue.Step
	suspicion
}{
	{queue.StepLookup, silence},
	{queue.StepConnect, silence},
	{queue.StepTLS, stranger},
	{queue.StepGreeting, stranger},
	{queue.StepHello, stranger},
	// Of an account without TLS only: else the certificate comes before.
	{queue.StepAuth, stranger},
}

func suspect(fault *queue.RouteFault) suspicion {
	if fault == nil || !fault.Unproven || fault.Lost {
		return unsuspicious
	}
	for _, s := range suspects {
		if s.step == fault.Step {
			return s.suspicion
		}
	}
	return unsuspicious
}

// beyondUs says that a portal may stand before a server of that name: it is not
// on this machine.
func beyondUs(host string) bool {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	addr, err := netip.ParseAddr(name)
	return name != "" && !onThisMachine(name) && (err != nil || !addr.Unmap().IsLoopback())
}
