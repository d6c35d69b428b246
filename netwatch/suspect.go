package netwatch

import (
	"context"
	"fmt"
	"time"

	"mailcrane/netwatch/portal"
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

// proofTime is how long a session with one server shows that no portal answers in
// the place of another.
const proofTime = time.Minute

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

// explain looks whether a portal is the cause of a fault, and says so in it.
func (a *attempt) explain(ctx context.Context, fault *queue.RouteFault) *queue.RouteFault {
	if fault == nil || fault.Captive || !a.far {
		return fault
	}
	took, why := a.now().Sub(a.began), a.suspicion(fault)
	if why == unsuspicious || !a.isCaptive(ctx, why) {
		return fault
	}
	return a.blame(fault, why, took)
}

// suspicion of a fault. What was given up because it hung in a portal is none
// of a change of network. A closed port is nothing new on a network by which
// the server was reached, and no certificate is a portal's where another
// server has shown the right one lately: a log-in on a portal's page runs out.
func (a *attempt) suspicion(fault *queue.RouteFault) suspicion {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.epoch != a.Watcher.epoch {
		return unsuspicious
	}
	if a.known().Portal {
		f := *fault
		f.Lost = false
		return suspect(&f)
	}
	why := suspect(fault)
	if why == silence && !a.proofs[a.route].reached.IsZero() {
		return unsuspicious
	}
	for r, p := range a.proofs {
		if r != a.route && !p.bare && !p.reached.IsZero() && p.fault == nil && a.now().Sub(p.reached) < proofTime {
			return unsuspicious
		}
	}
	return why
}

// isCaptive says whether there is a portal, by a look where none was taken
// lately.
func (a *attempt) isCaptive(ctx context.Context, why suspicion) bool {
	a.mu.Lock()
	inVain := why == silence && a.sight == nil && !a.vain.IsZero() && a.now().Sub(a.vain) < vainTime
	fresh := a.sight != nil && a.now().Sub(a.sight.looked) < lookAgain
	told := a.state.Portal
	a.mu.Unlock()
	switch {
	case fresh:
		return true
	case inVain:
		return told
	}
	switch a.look(ctx) {
	case portal.FindsPortal:
		return true
	case portal.FindsOpen:
		return false
	case portal.FindsNothing:
	}
	return told || a.inPortal()
}

// inPortal says whether a portal is known to be there.
func (a *attempt) inPortal() bool { return a.State().Portal }

// blame makes a fault one of a portal; took is how long it was in coming.
func (a *attempt) blame(fault *queue.RouteFault, why suspicion, took time.Duration) *queue.RouteFault {
	f := *fault
	f.Captive, f.NeedsPerson, f.Lost = true, false, false
	f.Waited = took
	f.Err = &captiveError{a.server.Host, why == stranger, fault.Err}
	f.Hint = loginHint(a.State().Page)
	return &f
}

// loginHint is what to do about a portal, whose page may not be known.
func loginHint(page string) string {
	where := "open any web page in a browser and log in there"
	if page != "" {
		where = "log in at " + page + " in a browser"
	}
	return where + "; mail goes by itself as soon as the portal opens"
}

// A captiveError says that a portal is why there was another error.
type captiveError struct {
	host    string
	answers bool
	was     error
}

func (e *captiveError) Error() string {
	if e.answers {
		return fmt.Sprintf("a captive portal answers instead of %s", e.host)
	}
	return fmt.Sprintf("a captive portal lets nothing through to %s", e.host)
}

func (e *captiveError) Unwrap() error { return e.was }
