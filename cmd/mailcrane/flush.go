package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
	"mailcrane/smarthost"
)

func (a *app) flushCommand() *cobra.Command {
	verbose, stats, anyway, account, to := false, false, false, "", ""
	c := &cobra.Command{
		Use:   "flush [ID...]",
		Short: "Deliver now, and say what happened to each message",
		Long: `flush makes one queue run now, over all messages that are not held or over those
named, and waits for its end. A message that is to leave at a later time, that
can still be taken back, or that a rule of the policy or max_size keeps back, is
passed over unless it is named; --anyway sends also what rules and max_size keep
back. So is one whose account has on_demand set, unless it, or with --account its
account, or with --to the domain of a recipient is named. It exits with 0 only if
nothing remains to be sent but what is to leave at a later time, is kept back, or
waits for its account to be named. An agent that is at work is asked to give up
sessions in which nothing moves any more, and to open them anew.

--stats tells what each session with a server has cost: its time, its round trips
(how often all waited for the server, the connection and TLS included), and the
octets in each direction, TLS included, beside those of the mail that it carried.`,
		Example: "  mailcrane flush\n  mailcrane flush cemj155mdf2w5\n  mailcrane flush --account work\n  mailcrane flush --to example.org\n  mailcrane flush --stats",
		RunE: func(cmd *cobra.Command, words []string) error {
			ids, err := parseIDs(words)
			if err != nil {
				return err
			}
			if err := a.mustBeThere(ids); err != nil {
				return err
			}
			run, err := a.chosenRun(account, to)
			if err != nil {
				return err
			}
			if err := a.sendNamedNow(cmd.Context(), ids); err != nil {
				return err
			}
			run.IDs, run.Person = ids, true
			wish := flushWish{run: run, stats: stats, anyway: anyway}
			if verbose {
				wish.trace = func(line string) { fmt.Fprintln(a.stderr, line) }
			}
			code, err := a.flush(cmd.Context(), wish)
			if err != nil {
				return err
			}
			return exit(code)
		},
	}
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "show the sessions, without secrets")
	c.Flags().StringVar(&account, "account", "", "only messages of this account")
	c.Flags().StringVar(&to, "to", "", "only messages with a recipient at this domain; @example.org is with its subdomains")
	c.Flags().BoolVar(&anyway, "anyway", false, "send also what the rules of the policy and max_size keep back")
	c.Flags().BoolVar(&stats, "stats", false, "say what each session has cost")
	c.Flags().BoolVar(&a.json, "json", false, "one JSON object a line")
	return c
}

// named is the messages that a person names, and the configuration that says
// where they are.
func (a *app) named(words ...string) ([]queue.ID, *config.Config, error) {
	ids, err := parseIDs(words)
	if err != nil {
		return nil, nil, err
	}
	c, err := a.config()
	return ids, c, err
}

func parseIDs(words []string) ([]queue.ID, error) {
	var ids []queue.ID
	for _, word := range words {
		id, err := queue.ParseID(word)
		if err != nil {
			return nil, sysexits.Errorf(sysexits.Usage, "see what is there with: mailcrane queue", "%w", err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// mustBeThere refuses an id that no message has, and one of a held message,
// which a flush would pass over without a word.
func (a *app) mustBeThere(ids []queue.ID) error {
	if len(ids) == 0 {
		return nil
	}
	c, err := a.config()
	if err != nil {
		return err
	}
	names, err := a.spool(c).Sorted()
	if err != nil {
		return cannotUseSpool(c, err)
	}
	for _, id := range ids {
		i := slices.IndexFunc(names, func(n queue.Name) bool { return n.ID == id })
		switch {
		case i < 0:
			return sysexits.Errorf(sysexits.DataErr, "what became of it, if it has left: mailcrane explain "+string(id), "%w", queue.NoMessage(id))
		case names[i].Waits():
			return sysexits.Errorf(sysexits.DataErr, fmt.Sprintf("let it go with: mailcrane queue release %s", id), "message %s is %s", id, names[i].Stopped())
		}
	}
	return nil
}

// chosenRun is a run for an account and a domain; "" is any.
func (a *app) chosenRun(account, to string) (run queue.Run, err error) {
	if account != "" {
		c, err := a.config()
		if err != nil {
			return run, err
		}
		if c.Account(account) == nil {
			return run, sysexits.Errorf(sysexits.Usage, "see which there are with: mailcrane status", "there is no account %q", account)
		}
		run.Route = queue.Route(account)
	}
	if to != "" {
		node, err := queue.ParseNode(to)
		if err != nil {
			return run, sysexits.Errorf(sysexits.Usage, "see how with: mailcrane flush --help", "--to: %w", err)
		}
		run.Want = node.Wants
	}
	return run, nil
}

// A flushWish is what a queue run is to do, and whom to tell of it.
type flushWish struct {
	run   queue.Run
	trace func(line string) // each line of each session; nil: nobody
	watch func(queue.Event) // nil: nobody; one event at a time
	stats bool              // say what the sessions have cost
	// anyway: also what the rules of the policy keep back.
	anyway bool
}

// flush runs the queue, and says what became of it.
func (a *app) flush(ctx context.Context, w flushWish) (int, error) {
	c, err := a.config()
	if err != nil {
		return 0, err
	}
	runner, stop := a.runnerOf(ctx, c, w)
	defer stop()
	if err := a.doors(runner, c, slog.New(slog.DiscardHandler), nil); err != nil {
		return 0, err
	}
	show := &flushView{
		out: a.stdout, notes: a.stderr, also: w.watch, json: a.json, stats: w.stats,
		progress: newProgressLine(a.stderr, runner.Spool, w.run, a.now), broke: make(map[queue.Route]*queue.RouteFault),
	}
	runner.Watch = show.event
	if w.run.Person {
		// A message may be stuck in the agent, which would be waited for.
		askAgent(ctx, c, askStir) //nolint:errcheck // there may be no agent
	}
	sum, err := runner.Run(ctx, w.run)
	show.progress.end()
	if err != nil && !errors.Is(err, context.Canceled) {
		return 0, cannotUseSpool(c, err)
	}
	a.sayFaults(sum.Faults)
	if sum.Unroutable > 0 {
		if err := a.sayUnroutable(c, runner, w.run.Wants); err != nil {
			return 0, err
		}
	}
	if ctx.Err() != nil {
		fmt.Fprintln(a.stderr, "mailcrane: stopped; what was not sent stays in the queue")
	}
	inGrace, err := a.sayRun(ctx, c, runner.Spool, sum, show.sorted)
	if err != nil {
		return 0, err
	}
	if w.stats {
		a.sayCosts(show.sessions)
	}
	// What kept the agent from trying may be gone: let it look again.
	if len(sum.Faults) == 0 && sum.Waiting > 0 {
		askAgent(ctx, c, askRun) //nolint:errcheck // there may be no agent
	}
	if sum.Waiting+inGrace > 0 {
		return sysexits.TempFail, nil
	}
	return sysexits.OK, nil
}

// runnerOf is the runner for a wish, which looks at the network only where that
// says something: stop must be called when the run is over.
func (a *app) runnerOf(ctx context.Context, c *config.Config, w flushWish) (runner *queue.Runner, stop func()) {
	options := smarthost.Options{Now: a.now, Getenv: a.getenv, Known: a.spool(c), Warn: plainLog{a.stderr}.Error}
	if w.trace != nil {
		options.Trace = func(_ queue.Route, line string) { w.trace(printable(line)) }
	}
	if !w.run.Person && !mayKeep(c) && !mayBeHeard(c) {
		return a.runner(c, smarthost.New(c, options), plainLog{a.stderr}), func() {}
	}
	looks := a.networkOptions(c)
	looks.Naps = true
	net, stop := watch(ctx, looks)
	by := carriedBy(c, net)
	options.Carries = by
	runner = a.runner(c, smarthost.New(c, options), plainLog{a.stderr})
	obey(runner, c, by)
	runner.Reach, runner.Transport, runner.Naps = net, net.Prove(runner.Transport), net.Naps()
	if w.anyway || w.run.Person && w.run.IDs != nil {
		runner.Reach = unbound{net}
	}
	return runner, stop
}

// sayRun tells what the run did, and how many messages can still be taken back.
func (a *app) sayRun(ctx context.Context, c *config.Config, spool *queue.Spool, sum queue.Summary, sorted int) (inGrace int, err error) {
	if a.json {
		writeJSON(a.stdout, runOf(sum))
	} else {
		fmt.Fprintln(a.stdout, summary(sum, sorted))
	}
	if inGrace, err = a.sayLater(c, spool, sum.Later); err != nil {
		return 0, err
	}
	a.sayOnDemand(c, sum.OnDemand)
	return inGrace, a.sayKept(ctx, c, sum.Kept)
}

// summary is a run in words; of the recipients that count as delivered in the queue,
// those that were sorted go on as other messages.
func summary(s queue.Summary, sorted int) string {
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(sorted, "sorted")
	add(s.Delivered-sorted, "delivered")
	add(s.Twice, "of them perhaps twice")
	add(s.Deferred, "deferred")
	add(s.Failed-s.Silent, "failed and returned")
	add(s.Silent, "failed, without a report to the sender")
	add(s.Uncertain-s.Twice, "uncertain")
	add(s.Others, "tried by another process, such as the agent")
	add(s.Waiting, "still in the queue")
	add(s.Later, "not to leave yet")
	add(s.Kept, "kept back")
	add(s.OnDemand, "to be sent on demand")
	if len(parts) == 0 {
		return "nothing to send"
	}
	return strings.Join(parts, ", ")
}
