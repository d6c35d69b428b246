package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

func (a *app) explainCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "explain ID|ADDRESS|NAME",
		Short: "The story of a message; or where mail from and to an address goes",
		Long: `explain tells the whole story of a message in plain words: when and by whom it
was handed in, what was tried and what each server said, where it stands for
each recipient, and when it is tried next, why then, and what you can do. Of the
messages that have left the queue lately it tells what became of them.

With an address it tells by which account and which server mail from there
goes, why, and which messages from or to it are waiting; on a server also where
mail to it goes, step by step, with the line of the file that says so. There a
name without a domain does too: a user's, with a detail or not, or that of an
alias, as for sendmail -bv. A name that looks like an id is one where there is
such a message, and else a name.`,
		Example: "  mailcrane explain cemj155mdf2w5\n  mailcrane explain me@example.org\n  mailcrane explain root",
		Args:    args(cobra.ExactArgs(1)),
		RunE:    func(cmd *cobra.Command, words []string) error { return a.explain(cmd.Context(), words[0]) },
	}
	c.Flags().BoolVar(&a.json, "json", false, "one JSON object")
	return c
}

// explain tells of a message, an address, or on a server a name of its own.
func (a *app) explain(ctx context.Context, word string) error {
	if strings.Contains(word, "@") {
		return a.explainAddress(ctx, word)
	}
	c, err := a.config()
	if err != nil {
		return err
	}
	if len(c.MTA.Listeners) == 0 {
		return a.explainMessage(ctx, word)
	}
	if _, err := queue.ParseID(word); err != nil {
		return a.explainAddress(ctx, word)
	}
	missing := a.explainMessage(ctx, word)
	if sysexits.Code(missing) != sysexits.DataErr || !a.hasName(ctx, c, word) {
		return missing
	}
	return a.explainAddress(ctx, word)
}

// An explanation is a message's story in --json.
type explanation struct {
	queueItem
	Submitter string    `json:"submitter,omitempty"`
	Story     []chapter `json:"story"`
	// NextWhy is why it is tried then, or not at all, and Do what to type.
	NextWhy string   `json:"next_why,omitempty"`
	Do      []string `json:"do,omitempty"`
}

func (a *app) explainMessage(ctx context.Context, word string) error {
	ids, c, err := a.named(word)
	if err != nil {
		return err
	}
	k := a.clerk(ctx, c)
	entry, message, err := k.spool.Read(ids[0])
	if err != nil {
		return a.explainFinished(c, k.spool, ids[0], err)
	}
	message.Close()
	history, err := k.spool.History(entry.Name)
	if err != nil {
		return cannotUseSpool(c, err)
	}
	w := k.describe(entry)
	next := a.outlook(ctx, c, k, w)
	e := explanation{w.item(a.now()), w.Envelope.Submitter, chapters(history), next.why, next.do}
	if a.json {
		writeJSON(a.stdout, e)
		return nil
	}
	p := newPage(a.stdout)
	a.tellIntroduction(p, w)
	p.tellStory(e.Story, a.now())
	p.line("Next: ", printable(next.why))
	for _, do := range next.do {
		p.line("  ", do)
	}
	return p.Flush()
}

// tellIntroduction is who, when, what, and where it stands.
func (a *app) tellIntroduction(p *page, w waiting) {
	now := a.now()
	by := ""
	if w.Envelope.Submitter != "" {
		by = " by " + w.Envelope.Submitter
	}
	p.line("", printable(fmt.Sprintf("Message %s, %s%s, was handed in %s (%s)%s.",
		w.Name.ID, octets(w.Name.Size), classWords(w.Name.Class), stamp(w.Envelope.Received, now), ago(now, w.Envelope.Received), by)))
	p.line("From: ", printable(path(w.Envelope.From)))
	for i, to := range w.Envelope.To {
		p.line("To:   ", printable(to.Address+": "+standingWords(w.Results[i])))
	}
}

// classWords is what a message's own header says of its haste, where it does.
func classWords(c queue.Class) string {
	words := [...]string{queue.Normal: "", queue.Urgent: ", urgent", queue.NonUrgent: ", without haste", queue.Notice: ", a report"}[c.Timing]
	if c.Precedence != 0 {
		words += fmt.Sprintf(", precedence %d", c.Precedence)
	}
	return words
}

// standingWords is where one recipient stands.
func standingWords(r queue.Result) string {
	switch r.State {
	case queue.Delivered:
		return "delivered"
	case queue.Failed:
		return "refused for good"
	case queue.Deferred:
		return "not yet"
	case queue.Uncertain:
		return "uncertain: it was sent, and no answer came"
	}
	if r.Done() {
		return "taken out"
	}
	return "not tried yet"
}

// tellStory is what happened, by when it began.
func (p *page) tellStory(story []chapter, now time.Time) {
	for _, c := range story {
		if text := c.sentence(); text != "" {
			p.line(fmt.Sprintf("%-13s ", c.moment(now)), printable(text))
		}
	}
}

// explainFinished tells of a message that is no longer in the queue.
func (a *app) explainFinished(c *config.Config, s *queue.Spool, id queue.ID, why error) error {
	if sysexits.Code(why) != sysexits.DataErr {
		return cannotUseSpool(c, why)
	}
	done, err := s.Done()
	if err != nil {
		return cannotUseSpool(c, err)
	}
	for _, d := range done {
		if d.ID != id {
			continue
		}
		if a.json {
			writeJSON(a.stdout, finishedItem(d))
			return nil
		}
		now := a.now()
		p := newPage(a.stdout)
		p.line("", fmt.Sprintf("Message %s, %s, was handed in %s (%s), and has left the queue after %s.",
			id, octets(d.Size), stamp(id.Received(), now), ago(now, id.Received()), count(d.Attempts, "attempt")))
		p.line("From: ", printable(path(d.From)))
		p.tellStory(chapters(d.Records), now)
		return p.Flush()
	}
	if c.Queue.Remember == 0 {
		return sysexits.Errorf(sysexits.DataErr, "see what is there with: mailcrane queue; to remember what has left, set [queue] remember above 0", "%w", queue.NoMessage(id))
	}
	return sysexits.Errorf(sysexits.DataErr, "see what is there with: mailcrane queue; and what has left with: mailcrane queue list --done",
		"there is no message %s in the queue, nor among those that have left it lately", id)
}
