package main

import (
	"context"

	"mailcrane/internal/config"
	"mailcrane/netwatch"
	"mailcrane/netwatch/policy"
	"mailcrane/queue"
	"mailcrane/smarthost"
)

// A carriage says which account carries the mail of a route: its own, or by the
// rules of the policy another one, or the same with another server. It is nil
// for a route that is none. Within the opening of a session it says the same all
// the time.
type carriage func(context.Context, queue.Route) *config.Account

// own is the carriage of what asks for no rules.
func own(c *config.Config) carriage {
	return func(_ context.Context, r queue.Route) *config.Account { return c.Account(string(r)) }
}

// A decider knows what the rules say of a route now.
type decider interface {
	Decision(queue.Route) policy.Decision
}

func carriedBy(c *config.Config, net decider) carriage {
	return func(ctx context.Context, r queue.Route) *config.Account {
		d, decided := netwatch.Decided(ctx)
		if !decided {
			d = net.Decision(r)
		}
		account := c.Account(d.Account)
		if account != nil && d.Smarthost.Host != "" {
			account = account.Through(d.Smarthost)
		}
		return account
	}
}

// host is the server of a route for what is remembered of hosts.
func (c carriage) host(r queue.Route) string {
	if account := c(context.Background(), r); account != nil {
		return account.Smarthost.Host
	}
	return ""
}

// sessions is how many may be open at once on a route.
func (c carriage) sessions(r queue.Route) int {
	if account := c(context.Background(), r); account != nil {
		return int(account.Sessions)
	}
	return 0
}

// obey has the runner follow the rules by what net knows.
func obey(runner *queue.Runner, c *config.Config, by carriage) {
	runner.HostOf, runner.Sessions, runner.Dial = by.host, by.sessions, by.dial(c)
}

// networkOptions is what netwatch has to know of a configuration.
func (a *app) networkOptions(c *config.Config) netwatch.Options {
	o := netwatch.Options{
		Now: a.now, Server: serverOf(c), Bound: boundOf(c), Rules: c.Rules,
		Probe: c.Network.Probe, Expect: c.Network.Expect, Dial: smarthost.Dialer(),
	}
	for _, account := range c.Accounts {
		o.Routes = append(o.Routes, queue.Route(account.Name))
	}
	return o
}

// watch follows the network until stop is called.
func watch(ctx context.Context, o netwatch.Options) (w *netwatch.Watcher, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	w = netwatch.New(ctx, o)
	return w, func() {
		cancel()
		<-w.Done()
	}
}
