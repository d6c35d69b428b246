package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"mailcrane/internal/config"
	"mailcrane/mta/site"
	"mailcrane/queue"
)

// dial is what it takes for a route to be called: a rule that has another account
// carry its mail has that account's word count.
func (c carriage) dial(conf *config.Config) func(queue.Route) config.Dial {
	return func(r queue.Route) config.Dial { return conf.Dial(c(context.Background(), r)) }
}

// uncalled says that nothing but a queue run, or a word of a person, is what the
// message waits for.
func (k *clerk) uncalled(w waiting) bool {
	return k.dial(w.route) != config.DialFreely && !w.Busy && !k.early(w.Name)
}

// dial is what it takes for an account's server, or the host of a door, to be called.
func (k *clerk) dial(r queue.Route) config.Dial {
	return site.Dial(k.by.dial(k.config), k.config.ExpensiveHost)(r)
}

// notCalled is why a message waits for more than a way out, and what to type.
func (k *clerk) notCalled(r queue.Route) (why, mend string) {
	if !site.IsDoor(r) {
		return uncalledWhy(k.config, k.by(context.Background(), r)), uncalledMend(string(r))
	}
	host := site.HostOf(r)
	if k.dial(r) == config.DialOnDemand {
		return fmt.Sprintf("mail for %s waits until somebody asks for it (dsmtp)", host), doorMend
	}
	return host + " is in mta.exchange.expensive: its mail leaves with a queue run", "run the queue with: mailcrane flush"
}

// doorMend is what has mail leave by a door that nobody calls.
const doorMend = "send it now with: mailcrane flush --to DOMAIN, or by ETRN or ATRN from its host"

// mayLeaveUncalled says that there are accounts whose servers are not called by
// themselves.
func mayLeaveUncalled(c *config.Config) bool {
	return slices.ContainsFunc(c.Accounts, func(account *config.Account) bool { return c.Dial(account) != config.DialFreely })
}

// uncalledWhy is why mail of the account does not leave as soon as there is a
// way out, or "".
func uncalledWhy(c *config.Config, account *config.Account) string {
	switch c.Dial(account) {
	case config.DialOnDemand:
		return fmt.Sprintf("mail of account %s leaves on demand only (on_demand)", account.Name)
	case config.DialByRun:
		if c.Queue.Interval > 0 {
			return fmt.Sprintf("account %s is expensive: its mail leaves with the queue run each %s", account.Name, config.TimeText(c.Queue.Interval))
		}
		return fmt.Sprintf("account %s is expensive: its mail waits for a queue run, and [queue] interval sets none", account.Name)
	case config.DialFreely:
	}
	return ""
}

// nextRun is when an agent that began then calls an expensive account next, in
// words, or "".
func nextRun(c *config.Config, account *config.Account, began, now time.Time) string {
	interval := c.Queue.Interval
	if c.Dial(account) != config.DialByRun || interval <= 0 || began.After(now) {
		return ""
	}
	return ", next " + ago(now, now.Add(interval-now.Sub(began)%interval))
}

// uncalledReacts is what has mail of such an account leave, in words that follow
// "waits for".
func uncalledReacts(c *config.Config, account *config.Account) string {
	what := "somebody's word"
	if c.Dial(account) == config.DialByRun {
		what = "a queue run"
	}
	return what + ", as by: mailcrane flush --account " + account.Name
}

// uncalledMend is what to type about it.
func uncalledMend(account string) string {
	return "send it now with: mailcrane flush --account " + account
}

// sayOnDemand tells how what a queue run has passed over is sent.
func (a *app) sayOnDemand(c *config.Config, passed int) {
	if passed == 0 || a.json {
		return
	}
	var commands []string
	for _, account := range c.Accounts {
		if c.Dial(account) == config.DialOnDemand {
			commands = append(commands, "mailcrane flush --account "+account.Name)
		}
	}
	if len(commands) == 0 { // of doors
		fmt.Fprintln(a.stdout, doorMend)
		return
	}
	fmt.Fprintf(a.stdout, "send what leaves on demand only with: %s\n", strings.Join(commands, "; "))
}
