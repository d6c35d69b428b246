package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

// A slowWish is what "queue slow" is asked for.
type slowWish struct {
	to, olderThan string
	attempts      int
	back          bool
}

func (a *app) queueSlowCommand() *cobra.Command {
	var w slowWish
	c := &cobra.Command{
		Use:   "slow [ID...]",
		Short: "Move messages to a slow queue, which is run seldom, or back",
		Long: `slow moves the messages named, or those that have waited for long, out of the
queue into a slow queue beside it, so that fresh mail does not wait behind them.
A slow queue is run at its own interval, of four hours where the configuration
says nothing else; mailcrane flush tries its messages too. A message that is
being sent just now is left where it is.`,
		Example: `  mailcrane queue slow cemj155mdf2w5
  mailcrane queue slow --older-than 45m
  mailcrane queue slow --older-than 1d --attempts 10 --to daily
  mailcrane queue slow --back cemj155mdf2w5`,
		RunE: func(cmd *cobra.Command, words []string) error {
			ids, err := parseIDs(words)
			if err == nil {
				err = w.check(ids)
			}
			if err != nil {
				return err
			}
			code, err := a.queueSlow(cmd.Context(), w, ids)
			if err != nil {
				return err
			}
			return exit(code)
		},
	}
	f := c.Flags()
	f.StringVar(&w.to, "to", config.DefaultSlow, "the slow queue; it is made if there is none of that `name`")
	f.StringVar(&w.olderThan, "older-than", "", "all messages that were handed in before that `time`, as 45m, 3h, 1d")
	f.IntVar(&w.attempts, "attempts", 0, "all messages that were tried at least so `often`")
	f.BoolVar(&w.back, "back", false, "move them back to the queue, where they are due at once")
	return c
}

func (w slowWish) check(ids []queue.ID) error {
	wrong := func(format string, args ...any) error {
		return sysexits.Errorf(sysexits.Usage, "see: mailcrane queue slow --help", format, args...)
	}
	many := w.olderThan != "" || w.attempts != 0
	switch {
	case !queue.SlowName(w.to):
		return wrong("%q cannot be the name of a slow queue: use letters, digits, dot, dash and underscore", w.to)
	case w.attempts < 0:
		return wrong("--attempts wants a number above 0, not %d", w.attempts)
	case len(ids) == 0 && !many:
		return wrong("say which messages: by their ids, or with --older-than or --attempts")
	case len(ids) > 0 && many:
		return wrong("give ids, or --older-than and --attempts, not both")
	case w.back && many:
		return wrong("--back wants the ids of the messages")
	}
	return nil
}

func (a *app) queueSlow(ctx context.Context, w slowWish, ids []queue.ID) (int, error) {
	c, err := a.config()
	if err != nil {
		return 0, err
	}
	spool := a.spool(c)
	names := make([]queue.Name, len(ids))
	for i, id := range ids {
		names[i].ID = id
	}
	named := len(ids) > 0
	if !named {
		if names, err = w.choose(spool, a.now()); err != nil {
			return 0, cannotUseSpool(c, err)
		}
		if err := spool.MakeSlow(w.to); err != nil {
			return 0, cannotUseSpool(c, err)
		}
		if len(names) == 0 {
			if !a.json {
				fmt.Fprintln(a.stdout, w.none())
			}
		}
	}
	code := sysexits.OK
	for _, name := range names {
		said, err := w.move(ctx, c, spool, name)
		_, gone := errors.AsType[queue.NoMessage](err)
		switch {
		case err == nil:
			a.sayDone(name.ID, said)
		case sysexits.Code(err) == sysexits.TempFail:
			a.sayDone(name.ID, "is on its way just now, left where it is")
			if named {
				code = sysexits.TempFail
			}
		case !named && gone: // sent since it was seen
		default:
			err = cannotUseSpool(c, err)
			sysexits.Report(a.stderr, "mailcrane", err)
			code = sysexits.Code(err)
		}
	}
	return code, nil
}

// choose is the messages in the queue itself that have waited for so long and
// were tried so often, and that wait for no person.
func (w slowWish) choose(spool *queue.Spool, now time.Time) ([]queue.Name, error) {
	var age time.Duration
	if w.olderThan != "" {
		var err error
		if age, err = config.ParseTime(w.olderThan, time.Minute); err != nil {
			return nil, sysexits.Errorf(sysexits.Usage, "for example: --older-than 45m", "--older-than: %w", err)
		}
	}
	names, err := spool.Sorted()
	chosen := names[:0]
	for _, n := range names {
		if n.Slow() == "" && !n.Waits() && now.Sub(n.ID.Received()) >= age && n.Attempts >= w.attempts {
			chosen = append(chosen, n)
		}
	}
	return chosen, err
}

// none says that no message is chosen. A message moves on from one slow queue
// to another by its id alone.
func (w slowWish) none() string {
	switch {
	case w.attempts == 0:
		return "no message in the queue itself has waited for so long"
	case w.olderThan == "":
		return "no message in the queue itself was tried so often"
	}
	return "no message in the queue itself has waited for so long and was tried so often"
}

func (w slowWish) move(ctx context.Context, c *config.Config, spool *queue.Spool, name queue.Name) (said string, err error) {
	if w.back {
		return "moved back to the queue, due at once", spool.Back(ctx, name)
	}
	return "moved to " + w.to, spool.Slow(ctx, name, c.Queue.SlowQueue(w.to))
}
