package main

import (
	"context"
	"fmt"
	"slices"

	"mailcrane/internal/config"
	"mailcrane/netwatch"
	"mailcrane/queue"
	"mailcrane/smarthost"
)

// boundOf tells netwatch how large a message may be that leaves by a route.
func boundOf(c *config.Config) func(queue.Route, bool) int64 {
	return func(r queue.Route, metered bool) int64 {
		if account := c.Account(string(r)); account != nil {
			return account.Bound(metered)
		}
		return 0
	}
}

// networkOptions is what netwatch has to know of a configuration.
func (a *app) networkOptions(c *config.Config) netwatch.Options {
	return netwatch.Options{
		Now: a.now, Server: serverOf(c), Bound: boundOf(c),
		Probe: c.Network.Probe, Expect: c.Network.Expect, Dial: smarthost.Dialer(),
	}
}

// watch follows the network until stop is called.
func (a *app) watch(ctx context.Context, c *config.Config) (w *netwatch.Watcher, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	w = netwatch.New(ctx, a.networkOptions(c))
	return w, func() {
		cancel()
		<-w.Done()
	}
}

// mayKeep says that the configuration has a bound for metered routes, for the
// sake of which the network must be looked at.
func mayKeep(c *config.Config) bool {
	return slices.ContainsFunc(c.Accounts, (*config.Account).MayBound)
}

// mayBeHeard says that an account uses no TLS, so that a captive portal must be
// looked for before anything is said.
func mayBeHeard(c *config.Config) bool {
	return slices.ContainsFunc(c.Accounts, func(a *config.Account) bool { return a.Smarthost.TLS == config.Insecure })
}

// unbound is the reach of a queue run over messages that a person has named:
// none is too large.
type unbound struct{ queue.Reach }

func (r unbound) Verdict(route queue.Route) queue.Verdict {
	v := r.Reach.Verdict(route)
	v.MaxSize = 0
	return v
}

// keptWhy is why an account keeps a message back that is too large for it.
func keptWhy(account *config.Account, size int64) string {
	return fmt.Sprintf("%s is more than max_size (%s) for the metered route %s", octets(size), account.MaxSize, account.Name)
}

// keptMend is what to type about it.
func keptMend(id queue.ID) string { return "send it now with: mailcrane flush " + string(id) }

// sayWaits tells that a message is kept back.
func (a *app) sayWaits(w waiting) {
	fmt.Fprintf(a.stdout, "%s waits: %s; %s\n", w.Name.ID, w.why, w.mend)
}

// sayStillKept tells which of the messages that a person let go are too large
// for the way out all the same.
func (a *app) sayStillKept(ctx context.Context, c *config.Config, ids []queue.ID) error {
	if a.json || !mayKeep(c) {
		return nil
	}
	return a.eachWaiting(ctx, c, queue.ListOrder{}, func(w waiting) bool {
		if w.kept && slices.Contains(ids, w.Name.ID) {
			a.sayWaits(w)
		}
		return true
	})
}

// sayKept tells which messages a queue run has passed over because they are too
// large for a metered route.
func (a *app) sayKept(ctx context.Context, c *config.Config, passed int) error {
	const most = 5
	if passed == 0 || a.json {
		return nil
	}
	said := 0
	err := a.eachWaiting(ctx, c, queue.ListOrder{}, func(w waiting) bool {
		if w.kept {
			a.sayWaits(w)
			said++
		}
		return said < min(most, passed)
	})
	if passed > said {
		fmt.Fprintf(a.stdout, "and %d more\n", passed-said)
	}
	return err
}
