package netwatch

import (
	"fmt"
	"time"

	"mailcrane/netwatch/network"
	"mailcrane/netwatch/policy"
	"mailcrane/queue"
)

// A Prospect is how far mail of one route gets now.
type Prospect uint8

// The prospects. The zero Prospect is Untried.
const (
	Untried     Prospect = iota // there is a way out, and no attempt was made by it yet
	NoRoute                     // no interface is up, or no route leads to the server
	LinkAlone                   // an interface is up, and no route leads beyond its link
	Captive                     // a captive portal stands in the way
	Unreachable                 // the last attempt to reach the server has failed
	Reachable                   // the server was reached, its certificate verified
	Withheld                    // a rule of the policy keeps mail back
)

var prospectWords = [...]string{
	"untried", "no route", "link only", "captive portal", "smarthost unreachable", "smarthost reachable", "held by a rule",
}

func (p Prospect) String() string {
	if int(p) < len(prospectWords) {
		return prospectWords[p]
	}
	return fmt.Sprintf("Prospect(%d)", uint8(p))
}

// MarshalText makes the prospect words in JSON.
func (p Prospect) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText has written.
func (p *Prospect) UnmarshalText(text []byte) error {
	for i, words := range prospectWords {
		if words == string(text) {
			*p = Prospect(i)
			return nil
		}
	}
	return fmt.Errorf("%q is no prospect of a route", text)
}

// A Standing is how one route stands: what is known of the network, of the
// policy, and by attempts.
type Standing struct {
	Prospect Prospect `json:"prospect"`
	// Reason says why in words, and Since is when that became so.
	Reason string    `json:"reason"`
	Since  time.Time `json:"since,omitzero"`
	// Reacts is what changes it next, in words that follow "waits for".
	Reacts string `json:"reacts"`
	// Rule is the name of the policy's rule that decides, or "", and Policy what
	// it does, in words. Until is when the clock alone changes that, zero for not
	// within a week.
	Rule   string    `json:"rule,omitempty"`
	Policy string    `json:"policy,omitempty"`
	Until  time.Time `json:"until,omitzero"`
	// Looked is the rules that were looked at, in order.
	Looked []policy.Look `json:"rules,omitempty"`
	// Page is the address of a captive portal's login page, where that is known.
	Page string `json:"page,omitempty"`
	// Proved is when the smarthost was last reached by this network: a session was
	// open, its certificate verified. The zero time: not yet.
	Proved time.Time `json:"proved,omitzero"`
	// Fault is why the last attempt failed, in one sentence, or "" if it did
	// not; Failed is when.
	Fault  string    `json:"fault,omitempty"`
	Failed time.Time `json:"failed,omitzero"`
	// Hint is what to type or do about the fault, or the portal, or "".
	Hint string `json:"hint,omitempty"`
	// Next is when the queue run is to try again, should nothing happen before;
	// the zero time where that is not planned. A Watcher does not know it.
	Next time.Time `json:"next,omitzero"`
	// Opening is since when a session is being opened, the zero time for not now,
	// and Sessions how many are open. A Watcher does not know that either.
	Opening  time.Time `json:"opening,omitzero"`
	Sessions int       `json:"sessions,omitempty"`
}

// MayGo says that nothing is known that keeps mail of the route here.
func (s Standing) MayGo() bool {
	return s.Fault == "" && (s.Prospect == Untried || s.Prospect == Reachable)
}

// Standing is how r stands now.
func (w *Watcher) Standing(r queue.Route) Standing {
	v, d := w.Verdict(r), w.Decision(r)
	w.mu.Lock()
	state, p := w.known(), w.proofs[r]
	w.mu.Unlock()
	s := Standing{
		Reason: v.Why, Since: v.Since, Rule: d.Rule, Policy: d.Sentence(), Until: policy.Until(w.rules, string(r), w.moment(state)), Looked: d.Looked,
		Proved: p.reached,
	}
	if p.fault != nil {
		s.Fault, s.Failed, s.Hint = p.fault.Sentence(), p.failed, p.fault.Hint
	}
	switch {
	case !v.Try && v.Rule != "":
		s.Prospect, s.Reacts = Withheld, d.Ends
	case state.Portal && (!v.Try || p.fault != nil || w.leadsTo(d).Bare), v.Try && p.fault != nil && p.fault.Captive:
		s.Prospect, s.Page, s.Hint = Captive, state.Page, loginHint(state.Page)
		s.Reacts = "a login on the portal's page, and tries again and again meanwhile"
	case !v.Try && state.Level == network.Down, !v.Try && state.Level == network.Way:
		s.Prospect, s.Reacts = NoRoute, "a change of the network"
	case !v.Try:
		s.Prospect, s.Reacts = LinkAlone, "an address, a route, or another change of the network"
	case p.fault != nil:
		s.Prospect, s.Reason, s.Since = prospectOf(p.fault.Step), s.Fault, p.since
		s.Reacts = "a change of the network, a flush, or the next try"
		if p.fault.NeedsPerson {
			s.Reacts = "you to mend that; then for a flush, a change of the network, or the next try"
		}
	case !p.reached.IsZero():
		s.Prospect, s.Since = Reachable, p.first
		s.Reacts = "new mail, or a change of the network"
	default:
		s.Reacts = "new mail, or a change of the network"
	}
	return s
}

// prospectOf is the prospect of a route whose last attempt has ended at step: who
// asks for a log-in has been reached.
func prospectOf(step queue.Step) Prospect {
	switch step {
	case queue.StepConfig:
		return Untried
	case queue.StepSecret, queue.StepToken, queue.StepAuth, queue.StepSession:
		return Reachable
	}
	return Unreachable
}
