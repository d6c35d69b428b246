package main

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/mta"
	"mailcrane/mta/aliases"
	"mailcrane/mta/lda"
	"mailcrane/mta/local"
	"mailcrane/mta/safefile"
	"mailcrane/mta/site"
	"mailcrane/queue"
	"mailcrane/smarthost"
)

// mostDoors is how many doors a server's queue is at, at once: each may have a few
// sessions, and each of those a file or two.
const mostDoors = 200

// accountsWay is the way out of the accounts, as the runner had it before it was
// a server's.
type accountsWay struct {
	queue.Router
	queue.Transport
}

// doors has the runner of a machine that is a server send mail where its recipients
// are, and that of one that fetches mail deliver it; of any other it changes nothing. by is what the server has of it, nil where
// another process runs the queue.
func (a *app) doors(runner *queue.Runner, c *config.Config, log *slog.Logger, by *site.Options) error {
	if len(c.MTA.Listeners) == 0 {
		return a.home(runner, c, log)
	}
	if by == nil {
		agent, opener, err := a.localAgent(c, log, "")
		if err != nil {
			return err
		}
		routing, err := mta.NewRouting(c, mta.RoutingOptions{Opener: opener, Hosts: runner.Hosts, Now: a.now, Log: log})
		if err != nil {
			return err
		}
		by = routing.Doors()
		by.Agent = agent
	}
	asServer(runner, c, *by)
	return nil
}

// router says where messages go: for a server by their recipients.
func (a *app) router(c *config.Config, out *smarthost.Transport) queue.Router {
	if len(c.MTA.Listeners) == 0 {
		return out
	}
	o := site.Options{Hostname: mta.Hostname(c), Accounts: out}
	if routing, err := mta.NewRouting(c, mta.RoutingOptions{Now: a.now}); err == nil {
		by := routing.Doors()
		o.Straight, o.Leaving = by.Straight, by.Leaving
	}
	return site.New(o)
}

// localAgent delivers on this machine, and opens lists and .forward files: who has
// the rights does it itself, and all others ask the local delivery agent, where there
// is one. socket is where it answers, "" is at its usual place.
func (a *app) localAgent(c *config.Config, log *slog.Logger, socket string) (local.Agent, aliases.Opener, error) {
	own, err := a.deliverer(c, log)
	if err != nil {
		return nil, nil, err
	}
	if socket == "" {
		if os.Geteuid() == 0 {
			return own, nil, nil
		}
		if _, err := os.Stat(agentPath); err != nil {
			return own, nil, nil //nolint:nilerr // there is none: this process delivers what its own rights allow
		}
		socket = agentPath
	}
	client := lda.Client{Path: socket}
	if mailer, _, _ := strings.Cut(c.MTA.Deliver.Mailer, ":"); mailer == "lmtp" {
		return mailboxesByLMTP{client, own}, client, nil
	}
	return client, client, nil
}

// agentPath is where the machine's local delivery agent answers.
const agentPath = "/run/mailcrane/lda.sock"

// mailboxesByLMTP asks the local delivery agent for files and programs alone: to
// speak LMTP needs no rights.
type mailboxesByLMTP struct {
	local.Agent
	mailboxes *local.Deliverer
}

// Deliver implements local.Agent.
func (m mailboxesByLMTP) Deliver(ctx context.Context, j local.Job) queue.Reply {
	if j.Target == "" && j.Rules == "" {
		return m.mailboxes.Deliver(ctx, j)
	}
	return m.Agent.Deliver(ctx, j)
}

// DeliverAll implements site.Together, for jobs that are for mailboxes.
func (m mailboxesByLMTP) DeliverAll(ctx context.Context, jobs []local.Job) []queue.Reply {
	return m.mailboxes.DeliverAll(ctx, jobs)
}

// deliverer delivers with the rights of this process.
func (a *app) deliverer(c *config.Config, log *slog.Logger) (*local.Deliverer, error) {
	safe, err := safefile.New(c.MTA.Safe)
	if err != nil {
		return nil, err
	}
	own, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return local.New(local.Options{
		Helper:  []string{own, "mta", "deliver"},
		Deliver: c.MTA.Deliver, Timeout: c.Timeout, Rules: safe, Hostname: mta.Hostname(c), Now: a.now,
		Warn: func(text string) { log.Warn(text) },
	})
}

// doorSessions is the most sessions at once with one destination: a mail server
// expects several of another, which an account's does not.
const doorSessions = 20

// asServer has the runner send mail where its recipients are. by has all that a
// site needs but for the accounts.
func asServer(runner *queue.Runner, c *config.Config, by site.Options) {
	by.Hostname, by.Now = mta.Hostname(c), runner.Now
	by.Spool = runner.Spool
	by.Accounts = accountsWay{runner.Router, runner.Transport}
	s := site.New(by)
	runner.Router, runner.Transport, runner.Reach = s, s, doorReach{runner.Reach}
	runner.Hostname = by.Hostname
	runner.HostOf = hostOfDoor(runner.HostOf)
	sessions := runner.Sessions
	runner.Sessions = func(r queue.Route) int {
		switch {
		case !site.IsDoor(r):
			return sessions(r)
		case site.Here(r):
			return 0
		}
		return cmp.Or(c.MTA.Exchange.Sessions, doorSessions)
	}
	runner.Dial = site.Dial(runner.Dial, c.ExpensiveHost)
	runner.ByRecipient, runner.MostRoutes, runner.Near = true, mostDoors, site.Here
	if c.Origin(queueAge(), "") == "" {
		runner.Tuning.PlainAge = true
	}
}

// hostOfDoor is the host of a door, and of accounts what accounts says.
func hostOfDoor(accounts func(queue.Route) string) func(queue.Route) string {
	return func(r queue.Route) string {
		if site.IsDoor(r) {
			return site.HostOf(r)
		}
		return accounts(r)
	}
}

// doorReach is a Reach of accounts for a server: of its doors nobody knows whether
// they lead anywhere until they are tried.
type doorReach struct{ queue.Reach }

// Verdict is that of the account.
func (d doorReach) Verdict(r queue.Route) queue.Verdict {
	if site.IsDoor(r) {
		return queue.Verdict{Try: true, Why: "a door of the server"}
	}
	return d.Reach.Verdict(r)
}

func queueAge() *config.Option {
	o, _ := config.Explained("queue.age")
	return o
}
