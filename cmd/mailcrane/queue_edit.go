package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailcrane/internal/address"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/internal/when"
	"mailcrane/queue"
	"mailcrane/smarthost"
)

// defaultWait is how long a person's command waits for a message that is on
// its way: most are there by then.
const defaultWait = 5 * time.Second

// An editWish is the flags of queue edit.
type editWish struct {
	to, add, drop []string
	from, account string
	at            string
	now           bool
}

func (a *app) envelopeCommand() *cobra.Command {
	var w editWish
	c := &cobra.Command{
		Use:   "edit ID",
		Short: "Change who gets a waiting message, from whom, by which account, and when",
		Long: `edit changes the envelope of a message that waits: what servers go by. The
message itself stays as it came, its header too, which may be signed.

Without a flag it opens the envelope in $VISUAL or $EDITOR. All of an edit is
made or nothing. A recipient that has the message already cannot be changed. A
message that is on its way just now is waited for, as long as --wait says.

TIME is one of: ` + when.Forms + `.`,
		Example: `  mailcrane queue edit cemj155mdf2w5
  mailcrane queue edit cemj155mdf2w5 --to jo@example.net=joe@example.net
  mailcrane queue edit cemj155mdf2w5 --add ann@example.net --drop bob@example.net
  mailcrane queue edit cemj155mdf2w5 --at "tomorrow 8:00"
  mailcrane queue edit cemj155mdf2w5 --now`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, words []string) error {
			ids, err := parseIDs(words)
			if err != nil {
				return err
			}
			given := func(name string) bool { return cmd.Flags().Changed(name) }
			return a.queueEdit(cmd.Context(), ids[0], func(e queue.Entry) (queue.Change, string, error) { return a.wished(w, given, e) })
		},
	}
	f := c.Flags()
	f.StringArrayVar(&w.to, "to", nil, "give the recipient OLD the address NEW, as `OLD=NEW`; OLD= may be left out where there is one; may be repeated")
	f.StringArrayVar(&w.add, "add", nil, "add the recipient `ADDRESS`; may be repeated")
	f.StringArrayVar(&w.drop, "drop", nil, "do not send it to `ADDRESS`, without a report; may be repeated")
	f.StringVar(&w.from, "from", "", "the sender `ADDRESS` for the servers; <> is none")
	f.StringVar(&w.account, "account", "", "the account `NAME` that carries it; an empty name lets the sender decide")
	f.StringVar(&w.at, "at", "", "let it leave at `TIME`, not before")
	f.BoolVar(&w.now, "now", false, "let it leave at once: out of the time to undo, or before a later time")
	a.mayWait(c)
	return c
}

// mayWait gives --wait to a command that changes messages.
func (a *app) mayWait(c *cobra.Command) {
	c.Flags().DurationVar(&a.wait, "wait", defaultWait, "how long to wait for a message that is on its way just now")
}

// wished is the change that the flags ask for, or that a person makes in an
// editor where there is none; then with the file it was written in.
func (a *app) wished(w editWish, given func(string) bool, e queue.Entry) (change queue.Change, file string, err error) {
	change = queue.Change{Add: w.add, Drop: w.drop}
	for _, text := range w.to {
		r, err := redirection(text, e)
		if err != nil {
			return change, "", err
		}
		change.Redirect = append(change.Redirect, r)
	}
	if given("from") {
		change.From = &w.from
	}
	if given("account") {
		change.Account = &w.account
	}
	switch {
	case w.now && given("at"):
		return change, "", sysexits.Errorf(sysexits.Usage, "leave one of them out", "--at and --now cannot both be")
	case w.now:
		change.NotBefore = new(time.Time)
	case given("at"):
		at, err := parseWhen(w.at, a.now())
		if err != nil {
			return change, "", err
		}
		change.NotBefore = &at
	case change.Empty():
		return a.edited(e)
	}
	return change, "", nil
}

func parseWhen(text string, now time.Time) (time.Time, error) {
	at, err := when.Parse(text, now)
	if err != nil {
		return at, sysexits.Errorf(sysexits.Usage, "to let it go at once: --now", "%w", err)
	}
	return at, nil
}

// redirection reads OLD=NEW. An address may hold a = itself, so OLD is a
// recipient where that decides it.
func redirection(text string, e queue.Entry) (queue.Redirection, error) {
	var guess queue.Redirection
	for i := range len(text) {
		if text[i] != '=' || address.Valid(address.Unbracketed(text[i+1:])) != nil {
			continue
		}
		r := queue.Redirection{Old: text[:i], New: text[i+1:]}
		for _, to := range e.Envelope.To {
			if address.Key(to.Address) == address.Key(address.Unbracketed(r.Old)) {
				return r, nil
			}
		}
		if guess.Old == "" {
			guess = r
		}
	}
	if guess.Old != "" && address.Valid(address.Unbracketed(guess.Old)) == nil {
		return guess, nil // Edit says that OLD is no recipient
	}
	var left []string
	for i, to := range e.Envelope.To {
		if !e.Results[i].Done() {
			left = append(left, to.Address)
		}
	}
	if len(left) == 1 && address.Valid(address.Unbracketed(text)) == nil {
		return queue.Redirection{Old: left[0], New: text}, nil
	}
	return queue.Redirection{}, sysexits.Errorf(sysexits.Usage, "the recipients are: "+strings.Join(left, ", "),
		"--to wants OLD=NEW, two addresses, not %q", text)
}

// queueEdit makes the change that wish decides on, and says what it means.
func (a *app) queueEdit(ctx context.Context, id queue.ID, wish func(queue.Entry) (change queue.Change, file string, err error)) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	entry, message, err := a.spool(c).Read(id)
	if err != nil {
		return cannotUseSpool(c, err)
	}
	defer message.Close()
	change, file, err := wish(entry)
	if err != nil {
		return err
	}
	if change.Empty() {
		fmt.Fprintf(a.stdout, "%s is as it was: nothing was changed\n", id)
		return nil
	}
	before, after, err := a.makeEdit(ctx, c, id, change)
	switch {
	case err != nil && file != "":
		return keptIn(file, err)
	case err != nil:
		return err
	}
	os.Remove(file)
	return a.sayEdited(ctx, c, before, after, message)
}

// makeEdit makes the change, to an account that there is.
func (a *app) makeEdit(ctx context.Context, c *config.Config, id queue.ID, change queue.Change) (before, after queue.Entry, err error) {
	if name := change.Account; name != nil && *name != "" && c.Account(*name) == nil {
		_, err := smarthost.New(c, smarthost.Options{Getenv: a.getenv}).Route(&queue.Envelope{Account: *name})
		return before, after, err
	}
	if before, after, err = a.spool(c).Edit(ctx, id, change); err != nil {
		return before, after, cannotUseSpool(c, err)
	}
	return before, after, nil
}

// sayEdited tells what was changed, and what happens to the message now.
func (a *app) sayEdited(ctx context.Context, c *config.Config, before, after queue.Entry, message io.Reader) error {
	k := a.clerk(ctx, c)
	w := k.describe(after)
	if a.json {
		writeJSON(a.stdout, w.item(a.now()))
		return nil
	}
	line := func(format string, args ...any) {
		fmt.Fprintln(a.stdout, printable(fmt.Sprintf("%s  "+format, append([]any{after.Name.ID}, args...)...)))
	}
	changed := differences(before, after, line)
	if _, err := k.route(after.Envelope); err != nil {
		line("it cannot leave: %v", err)
		if hint := sysexits.Hint(err); hint != "" {
			fmt.Fprintln(a.stdout, hint)
		}
	} else {
		line("goes by account %s, %s", w.route, a.whenItLeaves(c, after))
	}
	for _, field := range stillNaming(message, changed) {
		line("the header still says %q: it is part of the message, which stays as you wrote it", field)
	}
	return nil
}

// differences tells what is not as it was, and returns the addresses that are
// no longer in the envelope.
func differences(before, after queue.Entry, line func(format string, args ...any)) (gone []string) {
	for i, to := range after.Envelope.To {
		if i >= len(before.Envelope.To) {
			line("goes to %s too", to.Address)
			continue
		}
		was := before.Envelope.To[i].Address
		doubt := ""
		if before.Results[i].State == queue.Uncertain {
			doubt = "; " + was + " may have it already: it was sent there and no answer came"
		}
		switch {
		case to.Address != was:
			line("goes to %s in place of %s%s", to.Address, was, doubt)
			gone = append(gone, was)
		case after.Results[i].State == queue.Dropped && !before.Results[i].Done():
			line("does not go to %s any more%s", was, doubt)
			gone = append(gone, was)
		}
	}
	if was, is := before.Envelope.From, after.Envelope.From; was != is {
		line("the sender is %s in place of %s; reports of failure go there", path(is), path(was))
		gone = append(gone, was)
	}
	if was, is := before.Envelope.Account, after.Envelope.Account; was != is && is == "" {
		line("the sender decides on the account")
	}
	return gone
}

// whenItLeaves says what a message waits for, in full.
func (a *app) whenItLeaves(c *config.Config, e queue.Entry) string {
	now := a.now()
	at := func(t time.Time) string { return fmt.Sprintf("%s (%s)", when.Show(t, now), ago(now, t)) }
	switch n := e.Name; {
	case n.Held:
		return "and is held; let it go with: mailcrane queue release " + string(n.ID)
	case n.Waits():
		return "and waits for a person"
	case n.NotBefore.After(now):
		return "not before " + at(n.NotBefore)
	case n.InGrace(now, c.Queue.Undo):
		return "and can be taken back until " + at(n.Next)
	case n.Next.After(now):
		return "next try " + at(n.Next)
	}
	return "as soon as there is a way out"
}
