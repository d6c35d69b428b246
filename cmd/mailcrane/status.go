package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailcrane/cmd/mailcrane/events"
	"mailcrane/internal/config"
	"mailcrane/netwatch"
	"mailcrane/netwatch/network"
	"mailcrane/queue"
	"mailcrane/smarthost"
	"mailcrane/smarthost/oauth"
)

func (a *app) statusCommand() *cobra.Command {
	why := false
	c := &cobra.Command{
		Use: "status", Short: "Network, accounts and queue in one screen",
		Long: `status is how the network, the accounts and the queue are, in one screen. Of a server
it tells too where its mail waits to go: how many messages for which exchangers, for
mailboxes of this machine, or still to be sorted, with what was said last about them.`,
		Example: "  mailcrane status\n  mailcrane status --why\n  mailcrane status --json",
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.status(cmd.Context(), why) },
	}
	c.Flags().BoolVar(&why, "why", false, "how each account stands, since when, and what came of each rule of the policy")
	c.Flags().BoolVar(&a.json, "json", false, "one JSON object")
	return c
}

// A statusReport is what status knows, also in --json.
type statusReport struct {
	Config string     `json:"config"`
	Spool  string     `json:"spool"`
	Agent  *agentItem `json:"agent,omitempty"`
	// Silent: an agent is there, and does not answer.
	Silent   bool            `json:"silent,omitempty"`
	Network  network.State   `json:"network"`
	Accounts []accountStatus `json:"accounts"`
	Queue    queueStatus     `json:"queue"`
	// Doors are where a server's mail waits to go.
	Doors []doorStatus `json:"doors,omitempty"`
}

type accountStatus struct {
	Name      string `json:"name"`
	Smarthost string `json:"smarthost"`
	User      string `json:"user,omitempty"`
	// Standing is what is known of the way to it: by the agent, or by a look at the
	// network where none runs.
	Standing netwatch.Standing `json:"standing"`
	// Last is how the last attempt ended, by any process.
	Last *queue.RouteState `json:"last,omitempty"`
	// Session is the last one in which the server let us in.
	Session *events.Cost `json:"session,omitempty"`
	Waiting int          `json:"waiting"`
	// Called is why the server is not called by itself, or "".
	Called string `json:"called,omitempty"`
	// Takes is about how long what is due takes, where that is known and long.
	Takes *takesItem `json:"takes,omitempty"`
	// Login is since when and until when a log-in with tokens holds.
	Login *loginItem `json:"login,omitempty"`
}

type queueStatus struct {
	Messages int   `json:"messages"`
	Octets   int64 `json:"octets"`
	Due      int   `json:"due"`
	// Later is messages that no server has put off, and that are not to leave
	// yet all the same.
	Later int `json:"later"`
	// Kept is messages that a rule of the policy, or their size, keeps from the way
	// out there is now.
	Kept int `json:"kept"`
	// Uncalled is messages whose accounts are called for queue runs, or on demand.
	Uncalled    int `json:"uncalled"`
	Deferred    int `json:"deferred"`
	Held        int `json:"held"`
	Uncertain   int `json:"uncertain"`
	Quarantined int `json:"quarantined"`
	// Slow is how many messages stand in each slow queue.
	Slow map[string]int `json:"slow,omitempty"`
	// Unreadable is messages that cannot be read; SetAside is files that could
	// not be a message, in the folder Damaged.
	Unreadable int        `json:"unreadable"`
	SetAside   int        `json:"set_aside"`
	Damaged    string     `json:"damaged"`
	Next       *time.Time `json:"next,omitempty"`
	// Unroutable is why messages that no account carries wait.
	Unroutable string `json:"unroutable,omitempty"`
}

func (a *app) status(ctx context.Context, why bool) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	r, err := a.gather(ctx, c)
	if err != nil {
		return err
	}
	if a.json {
		writeJSON(a.stdout, r)
		return nil
	}
	if why {
		a.showWhy(c, r)
		return nil
	}
	a.showStatus(c, r)
	return nil
}

func (a *app) gather(ctx context.Context, c *config.Config) (*statusReport, error) {
	r := &statusReport{Config: c.Path, Spool: c.Spools.String()}
	var routes map[queue.Route]netwatch.Standing
	agent, err := askAgent(ctx, c, askStatus)
	if r.Silent = errors.Is(err, errSilent); err == nil {
		r.Agent, r.Network, routes = &agent.agentItem, agent.Network, agent.Routes
		r.Agent.Outdated = changedSince(c.Path, agent.Since)
	} else {
		watcher, stop := watch(ctx, a.networkOptions(c))
		r.Network, routes = watcher.State(), standings(c, watcher)
		stop()
	}
	now, waitingFor, due, doors := a.now(), make(map[queue.Route]int), make(leaving), make(tally)
	err = a.eachWaiting(ctx, c, queue.ListOrder{}, func(w waiting) bool {
		r.Queue.count(w, now)
		waitingFor[w.route]++
		due.count(w, now)
		doors.count(w, now)
		return true
	})
	if err != nil {
		return nil, err
	}
	r.Doors = doors.all()
	spool := a.spool(c)
	aside, err := spool.SetAside()
	if err != nil {
		return nil, cannotUseSpool(c, err)
	}
	if a.owner == "" { // whose those were is not known
		r.Queue.SetAside, r.Queue.Damaged = len(aside), strings.Join(spool.DamagedDirs(), ", ")
	}
	out := smarthost.New(c, smarthost.Options{Now: a.now, Getenv: a.getenv, Known: spool})
	for _, account := range c.Accounts {
		s := accountStatus{Name: account.Name, Smarthost: account.Smarthost.String(), User: account.User, Waiting: waitingFor[queue.Route(account.Name)]}
		s.Standing = routes[queue.Route(account.Name)]
		if last, err := spool.RouteState(queue.Route(account.Name)); err == nil && !last.At.IsZero() {
			s.Last = &last
		}
		if end, err := spool.LastSession(queue.Route(account.Name)); err == nil && !end.Began.IsZero() {
			cost := events.CostOf(end)
			s.Session = &cost
		}
		if s.Called = uncalledWhy(c, account); r.Agent != nil {
			s.Called += nextRun(c, account, r.Agent.Since, now)
		}
		if s.Called != "" && (s.Standing.Prospect == netwatch.Untried || s.Standing.Prospect == netwatch.Reachable) {
			s.Standing.Reacts = uncalledReacts(c, account)
		}
		s.Login = loginOf(oauth.Look(spool, account), now)
		s.Takes = takesOf(out.Link(account), due[queue.Route(account.Name)])
		r.Accounts = append(r.Accounts, s)
	}
	return r, nil
}

func (q *queueStatus) count(w waiting, now time.Time) {
	q.Messages++
	q.Octets += w.Name.Size
	if slow := w.Name.Slow(); slow != "" {
		if q.Slow == nil {
			q.Slow = make(map[string]int)
		}
		q.Slow[slow]++
	}
	switch w.State(now) {
	case "held":
		q.Held++
	case "quarantined":
		q.Quarantined++
	case "deferred":
		q.Deferred++
	case "uncertain":
		q.Uncertain++
	case "unreadable":
		q.Unreadable++
		return
	default:
		switch {
		case w.kept, w.uncalled:
		case w.Busy || w.Name.Due(now):
			q.Due++
		default:
			q.Later++
		}
	}
	if w.kept {
		q.Kept++
		return
	}
	if w.uncalled {
		q.Uncalled++
		return
	}
	if next := w.Name.DueAt(); next.After(now) && !w.Name.Waits() && (q.Next == nil || next.Before(*q.Next)) {
		q.Next = &next
	}
	if w.route == "" {
		q.Unroutable = w.why
	}
}

// labelled prints lines that begin with what they are about.
func (a *app) labelled(what, format string, args ...any) {
	sayLine(a.stdout, fmt.Sprintf("%-9s ", what), fmt.Sprintf(format, args...))
}

// startAnew is how an agent that runs is made to begin again.
func startAnew(c *config.Config) string { return "start it anew with: " + serviceCall(c, "restart") }

// showAgent is the agent's line, and what to type where it is not as it should be.
func (a *app) showAgent(c *config.Config, r *statusReport) {
	switch {
	case r.Silent:
		a.labelled("agent", "there is one, and it does not answer: it is stopped, or the machine is very busy; if that lasts, %s", startAnew(c))
	case r.Agent == nil:
		a.labelled("agent", "not running: as a service it may wait for mail, see %s; else start it with %s, or mailcrane agent", serviceCall(c, "status"), serviceCall(c, "start"))
	default:
		a.labelled("agent", "running since %s, process %d", r.Agent.Since.Local().Format(time.DateTime), r.Agent.PID)
		if r.Agent.Outdated {
			a.labelled("", "the configuration was changed since then, and it works by the one before; %s", startAnew(c))
		}
		if r.Agent.Replaced {
			a.labelled("", "mailcrane was replaced on the disk since then, and it goes on as the one before; %s", startAnew(c))
		}
	}
}

// changedSince says that the file was written after then.
func changedSince(path string, then time.Time) bool {
	info, err := os.Stat(path)
	return err == nil && info.ModTime().After(then)
}

func (a *app) showStatus(c *config.Config, r *statusReport) {
	now, since := a.now(), ""
	a.showAgent(c, r)
	if r.Agent != nil {
		since = ", for " + span(now.Sub(r.Network.Since))
	}
	a.showServer(c, r)
	a.labelled("network", "%s%s", networkWords(r.Network), since)
	if len(r.Accounts) == 0 && len(c.MTA.Listeners) == 0 {
		a.labelled("account", "none: mail is kept, and cannot be sent until there is an [account] in the configuration")
	}
	for _, account := range r.Accounts {
		as := ""
		if account.User != "" {
			as = " as " + account.User
		}
		a.labelled("account", "%s: %s%s, %s", account.Name, account.Smarthost, as, r.prospect(account, now))
		if hint := r.hint(account); hint != "" {
			a.labelled("", "%s", hint)
		}
		if account.Login != nil && account.Login.EndsSoon {
			a.labelled("", "%s", account.Login.words(account.Name, now))
		}
		if account.Called != "" {
			a.labelled("", "%s", account.Called)
			if account.Waiting > 0 {
				a.labelled("", "%s", uncalledMend(account.Name))
			}
		}
		if account.Session != nil {
			a.labelled("", "%s", costSentence(account.Session, now))
		}
		if account.Takes != nil {
			a.labelled("", "%s", account.Takes.words(now))
		}
	}
	a.showQueueStatus(r.Queue, now)
	a.showDoors(r.Doors, now)
}

func (a *app) showQueueStatus(q queueStatus, now time.Time) {
	if q.SetAside > 0 {
		a.labelled("damaged", "%s set aside in %s, the reason beside each in NAME.why", count(q.SetAside, "file"), q.Damaged)
	}
	if q.Messages == 0 {
		a.labelled("queue", "empty")
		return
	}
	a.labelled("queue", "%s, %s: %d due, %d deferred, %d held, %d uncertain", count(q.Messages, "message"), octets(q.Octets), q.Due, q.Deferred, q.Held, q.Uncertain)
	if q.Later > 0 {
		a.labelled("", "%d not to leave yet; see when with: mailcrane queue", q.Later)
	}
	if q.Kept > 0 {
		a.labelled("", "%d kept back by a rule or max_size; see which with: mailcrane queue", q.Kept)
	}
	if q.Uncalled > 0 {
		a.labelled("", "%d for a queue run, or on demand; see why with: mailcrane queue", q.Uncalled)
	}
	if q.Quarantined > 0 {
		a.labelled("", "%d quarantined; see why with: mailcrane queue", q.Quarantined)
	}
	for _, slow := range slices.Sorted(maps.Keys(q.Slow)) {
		a.labelled("", "%d in the slow queue %s", q.Slow[slow], slow)
	}
	if q.Unreadable > 0 {
		a.labelled("", "%s cannot be read; see why with: mailcrane queue", count(q.Unreadable, "message"))
	}
	if q.Unroutable != "" {
		a.labelled("", "%s", q.Unroutable)
	}
	if q.Next != nil {
		a.labelled("next", "one falls due %s", ago(now, *q.Next))
	}
}
