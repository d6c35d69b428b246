package netwatch

import (
	"context"
	"strings"
	"time"

	"mailcrane/netwatch/network"
	"mailcrane/netwatch/portal"
)

const (
	// lookAgain is how long a portal that was seen is taken to be there without
	// another look at it.
	lookAgain = 30 * time.Second
	// mostMisses is how many looks in a row bring nothing once it is gone: a portal
	// answers each, and one may be lost.
	mostMisses = 2
	// looksTime bounds all questions of one look.
	looksTime = 6 * time.Second
	// vainTime is how long a look that found nothing stands for those after it
	// where nothing answers: the quick tries of a server that is down would each
	// have to wait for one.
	vainTime = 5 * time.Second
)

// A sight is a captive portal that attempts have found on the network there is
// now.
type sight struct {
	page   string
	looked time.Time // when it was last looked for
	misses int       // how often in vain, in a row
	// doubted: it was not seen for so long that it does not count.
	doubted bool
}

// in is the state of the network with the portal that attempts have found in it,
// if they have.
func (found *sight) in(s network.State) network.State {
	if found != nil && !found.doubted && (s.Level == network.Way || s.Level == network.Unknown) {
		if !s.Portal {
			s.Reason += ", a captive portal in the way"
		}
		s.Portal, s.Page = true, found.page
	}
	return s
}

// known is the state with what attempts have found. The caller holds mu.
func (w *Watcher) known() network.State { return w.sight.in(w.state) }

// ask looks for a portal: by the first question that brings a finding, which is
// among those of kind.
func (w *Watcher) ask(ctx context.Context, questions []portal.Question) (found portal.Finding, page string, kind portal.Asks) {
	ctx, cancel := context.WithTimeout(ctx, looksTime)
	defer cancel()
	for _, q := range questions {
		a, err := q.Ask(ctx, w.dial)
		if err != nil {
			w.log.Debug("looked for a captive portal", "asked", q.URL, "answer", err)
			continue
		}
		found, page = q.Judge(a)
		kind = q.Kind
		w.log.Debug("looked for a captive portal", "asked", q.URL, "status", a.Status, "portal", found == portal.FindsPortal, "page", page)
		if found != portal.FindsNothing {
			break
		}
	}
	return found, page, kind
}

// questions are those to ask for a portal before host, the surest first: the
// page that the configuration names, what the network and the system name, and
// the server itself, in whose place any portal answers.
func (w *Watcher) questions(s network.State, host string) []portal.Question {
	var all []portal.Question
	if w.probe.URL != "" {
		all = append(all, w.probe)
	}
	all = append(all, s.Checks...)
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return append(all, portal.Question{URL: "http://" + host + "/"})
}

// look asks for a portal before the attempt's server, and remembers what was found
// for as long as the network stays the same.
func (a *attempt) look(ctx context.Context) portal.Finding {
	a.mu.Lock()
	s, host := a.state, a.server.Host
	a.mu.Unlock()
	found, page, kind := a.ask(ctx, a.questions(s, host))
	// A provider's page may lead anywhere. Without TLS no doubt is worth the risk.
	if found == portal.FindsPortal && kind == portal.AsksServer && !a.server.Bare && !a.sees(page) && portal.Shown(ctx, host, a.roots, a.dial) {
		a.log.Debug("the page is the server's own, which has shown its certificate", "server", host, "page", page)
		found = portal.FindsOpen
	}
	if ctx.Err() != nil {
		return portal.FindsNothing
	}
	switch found {
	case portal.FindsPortal:
		a.saw(a.epoch, page)
	case portal.FindsOpen:
		a.passed(a.epoch)
		a.looked(a.epoch)
	case portal.FindsNothing:
		a.looked(a.epoch)
	}
	return found
}

// sees says that a portal with that page has been found before.
func (w *Watcher) sees(page string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sight != nil && samePage(w.sight.page, page)
}

// saw remembers that a portal is there.
func (w *Watcher) saw(epoch uint64, page string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if epoch != w.epoch {
		return
	}
	now := w.now()
	if w.sight == nil {
		w.sight = &sight{page: page}
		w.log.Info("a captive portal is in the way", "page", page)
		w.poke() // a rule may be about it
	}
	if w.sight.doubted {
		w.sight.doubted = false
		w.poke()
	}
	if !samePage(w.sight.page, page) {
		w.sight.page = page
	}
	w.sight.looked, w.sight.misses = now, 0
}

// looked remembers that a look has found no portal.
func (w *Watcher) looked(epoch uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case epoch != w.epoch:
		return
	case w.sight == nil:
		w.vain = w.now()
		return
	}
	w.sight.looked = w.now()
	if w.sight.misses++; w.sight.misses == mostMisses {
		w.gone()
	}
}

// passed is called when something got through to where it was to go: all that
// waits for the portal is worth a try.
func (w *Watcher) passed(epoch uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if epoch == w.epoch && w.sight != nil {
		w.gone()
	}
}

// gone forgets the portal. The caller holds mu.
func (w *Watcher) gone() {
	w.sight = nil
	w.log.Info("the captive portal is open")
	w.poke()
	w.tell()
}

// samePage says that two addresses differ in no more than the ticket that a
// portal writes into each.
func samePage(a, b string) bool {
	a, _, _ = strings.Cut(a, "?")
	b, _, _ = strings.Cut(b, "?")
	return b == "" || a == b
}
