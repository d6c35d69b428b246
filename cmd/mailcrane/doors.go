package main

import (
	"mailcrane/internal/config"
	"mailcrane/mta/site"
	"mailcrane/queue"
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

// asServer has the runner send mail where its recipients are. by has all that a
// site needs but for the accounts.
func asServer(runner *queue.Runner, c *config.Config, by site.Options) {
	by.Hostname, by.Now = hostname(c), runner.Now
	by.Spool = runner.Spool
	by.Accounts = accountsWay{runner.Router, runner.Transport}
	s := site.New(by)
	hostOf := runner.HostOf
	runner.Router, runner.Transport, runner.Reach = s, s, doorReach{runner.Reach}
	runner.HostOf = func(r queue.Route) string {
		if site.IsDoor(r) {
			return site.HostOf(r)
		}
		return hostOf(r)
	}
	runner.Dial = site.Dial(runner.Dial)
	runner.ByRecipient, runner.MostRoutes = true, mostDoors
	if c.Origin(queueAge(), "") == "" {
		runner.Tuning.PlainAge = true
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
