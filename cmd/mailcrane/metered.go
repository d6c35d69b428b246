package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/when"
	"mailcrane/queue"
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

// mayKeep says that the configuration has rules, or a bound for metered routes,
// for the sake of which the network must be looked at.
func mayKeep(c *config.Config) bool {
	return len(c.Rules) > 0 || slices.ContainsFunc(c.Accounts, (*config.Account).MayBound)
}

// mayBeHeard says that an account uses no TLS, so that a captive portal must be
// looked for before anything is said.
func mayBeHeard(c *config.Config) bool {
	return slices.ContainsFunc(c.Accounts, func(a *config.Account) bool { return a.Smarthost.TLS == config.Insecure })
}

// unbound is the reach of a queue run that a person wants whatever the rules
// keep back: none is too large, and none is held.
type unbound struct{ queue.Reach }

func (r unbound) Verdict(route queue.Route) queue.Verdict {
	v := r.Reach.Verdict(route)
	if v.Withholds() {
		v.Try = true
	}
	v.MaxSize, v.Rule = 0, ""
	return v
}

// keeping says of a message that is kept back what keeps it, what would end
// that, and what to type.
func (k *clerk) keeping(w *waiting, v queue.Verdict, now time.Time) {
	d, size := k.net.Decision(w.route), octets(w.Name.Size)
	w.kept, w.rule, w.until = true, v.Rule, d.Ends
	if at := k.net.Standing(w.route).Until; !at.IsZero() {
		w.until += ", which is " + when.Show(at, now)
	}
	w.mend = "send it all the same with: mailcrane flush " + string(w.Name.ID)
	switch {
	case v.Withholds():
		w.why = v.Why
	case v.Rule != "":
		w.why = fmt.Sprintf("%s is more than the rule %s sends by account %s, which is %s", size, v.Rule, d.Account, octets(v.MaxSize))
	default:
		account := k.config.Account(d.Account)
		w.until = "a way out that is not metered"
		w.why = fmt.Sprintf("%s is more than max_size (%s) for the metered route %s", size, account.MaxSize, account.Name)
	}
}

// sayWaits tells that a message is kept back.
func (a *app) sayWaits(w waiting) {
	fmt.Fprintf(a.stdout, "%s waits: %s; %s\n", w.Name.ID, printable(w.why), w.mend)
}

// sayStillKept tells which of the messages that a person let go do not leave by
// themselves all the same: kept back, or of an account that is not called.
func (a *app) sayStillKept(ctx context.Context, c *config.Config, ids []queue.ID) error {
	if a.json || !mayKeep(c) && !mayLeaveUncalled(c) {
		return nil
	}
	return a.eachWaiting(ctx, c, queue.ListOrder{}, func(w waiting) bool {
		if (w.kept || w.uncalled) && slices.Contains(ids, w.Name.ID) {
			a.sayWaits(w)
		}
		return true
	})
}

// sayKept tells which messages a queue run has passed over because a rule or
// their size keeps them back.
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
	if passed > 1 {
		fmt.Fprintln(a.stdout, "send all of them all the same with: mailcrane flush --anyway")
	}
	return err
}
