package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/internal/when"
	"mailcrane/queue"
)

func (a *app) undoCommand() *cobra.Command {
	save := ""
	c := &cobra.Command{
		Use:   "undo [ID]",
		Short: "Take back the message that was handed in last",
		Long: `undo takes back the last message that was handed in and is kept back for that:
[queue] undo = "20s" says for how long. With an ID it takes back that message,
as long as it waits.

What is taken back is held: it stays in the queue, whole, until you let it go,
change it or remove it. With --save its text goes to a file, and it leaves the
queue.`,
		Example: "  mailcrane undo\n  mailcrane undo --save draft.eml\n  mailcrane undo cemj155mdf2w5",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, words []string) error {
			ids, c, err := a.named(words...)
			if err != nil {
				return err
			}
			spool := a.spool(c)
			id, err := a.toUndo(c, spool, ids)
			if err != nil {
				return cannotUseSpool(c, err)
			}
			if err := a.undo(cmd.Context(), spool, id, save); err != nil {
				return cannotUseSpool(c, err)
			}
			return nil
		},
	}
	c.Flags().StringVar(&save, "save", "", "write its text to the new `FILE`, and take it out of the queue")
	a.mayWait(c)
	return c
}

// toUndo is the message to take back: the one named, else the last that is
// still kept back. It never guesses another.
func (a *app) toUndo(c *config.Config, spool *queue.Spool, ids []queue.ID) (queue.ID, error) {
	if len(ids) == 1 {
		return ids[0], nil
	}
	names, err := spool.Sorted()
	if err != nil {
		return "", err
	}
	now := a.now()
	for _, n := range slices.Backward(names) {
		if !n.Waits() && n.InGrace(now, c.Queue.Undo) {
			return n.ID, nil
		}
	}
	why := fmt.Sprintf("nothing can be taken back: a message is kept back for %s, and none is any more", config.TimeText(c.Queue.Undo))
	if c.Queue.Undo <= 0 {
		why = "nothing can be taken back: messages leave as soon as there is a way out"
	}
	hint := `to have time for it, set in the configuration: [queue] undo = "20s"`
	if c.Queue.Undo > 0 {
		hint = "see what waits with: mailcrane queue"
	}
	for _, n := range slices.Backward(names) {
		e, ok := spool.Entry(n)
		if !ok || n.Waits() || e.Envelope.From == "" {
			continue
		}
		hint = fmt.Sprintf("the last one that waits was handed in %s, to %s; to take that back: mailcrane undo %s",
			ago(now, e.Envelope.Received), printable(waiting{Entry: e}.pendingList()), n.ID)
		break
	}
	return "", sysexits.Errorf(sysexits.DataErr, hint, "%s", why)
}

// undo holds the message, and only then tells of it: nothing can leave while
// it is being shown or saved.
func (a *app) undo(ctx context.Context, spool *queue.Spool, id queue.ID, save string) error {
	err := spool.Hold(ctx, id, "a person took it back")
	if _, gone := errors.AsType[queue.NoMessage](err); gone {
		return sysexits.Errorf(sysexits.DataErr, "what became of it: mailcrane explain "+string(id), "too late: %s has left the queue", id)
	}
	if err != nil {
		return err
	}
	e, message, err := spool.Read(id)
	if err != nil {
		return err
	}
	defer message.Close()
	say := func(format string, args ...any) {
		fmt.Fprintf(a.stdout, "%s  %s\n", id, printable(fmt.Sprintf(format, args...)))
	}
	say("taken back: to %s, handed in %s", waiting{Entry: e}.pendingList(), ago(a.now(), e.Envelope.Received))
	for i, to := range e.Envelope.To {
		if e.Results[i].State == queue.Delivered || e.Results[i].State == queue.Uncertain {
			say("%s: %s; that cannot be taken back", to.Address, e.Results[i].State)
		}
	}
	if save == "" {
		say("it is held; nothing of it is lost")
		fmt.Fprintf(a.stdout, `  send it after all:   mailcrane queue release %[1]s
  change the envelope: mailcrane queue edit %[1]s
  its text as a file:  mailcrane undo %[1]s --save draft.eml
  throw it away:       mailcrane queue remove %[1]s
`, id)
		return nil
	}
	if err := saveNew(save, message); err != nil {
		return sysexits.Errorf(sysexits.CantCreat, "the message is held and whole; save it with: mailcrane queue show --raw "+string(id)+" > FILE",
			"cannot write %s: %w", save, err)
	}
	if err := spool.Remove(ctx, id); err != nil {
		return err
	}
	say("its text is in %s, and the queue has it no more", save)
	return nil
}

// saveNew writes a new file, on the disk for good when it returns nil: what it
// holds is about to be removed elsewhere.
func saveNew(path string, text io.Reader) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(path)
		return err
	}
	return queue.OS{}.SyncDir(filepath.Dir(path))
}

// sendNamedNow makes messages that a person has named due, though they are not
// to leave yet. One that another process is sending needs no such thing.
func (a *app) sendNamedNow(ctx context.Context, ids []queue.ID) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	spool := a.spool(c)
	names, err := spool.Sorted()
	if err != nil {
		return cannotUseSpool(c, err)
	}
	for _, n := range names {
		if !slices.Contains(ids, n.ID) || !a.early(c, n) {
			continue
		}
		if err := spool.Retry(ctx, n.ID); err != nil && sysexits.Code(err) != sysexits.TempFail {
			return err
		}
	}
	return nil
}

// awaitGrace waits until the messages with those IDs can no longer be taken
// back: a submission in mode b leaves a run for its own message behind.
func (s *services) awaitGrace(ctx context.Context, ids []queue.ID) error {
	if len(ids) == 0 {
		return nil
	}
	c, err := s.config()
	if err != nil {
		return err
	}
	names, err := s.spool(c).Sorted()
	if err != nil {
		return cannotUseSpool(c, err)
	}
	now := s.now()
	var wait time.Duration
	for _, n := range names {
		if slices.Contains(ids, n.ID) && n.InGrace(now, c.Queue.Undo) {
			wait = max(wait, n.Next.Sub(now))
		}
	}
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
	return nil
}

// early says that the message is not to leave yet.
func (a *app) early(c *config.Config, n queue.Name) bool {
	now := a.now()
	return n.NotBefore.After(now) || n.InGrace(now, c.Queue.Undo)
}

// sayLater tells which messages a queue run has passed over because they are
// not to leave yet, and how many of them can still be taken back.
func (a *app) sayLater(c *config.Config, spool *queue.Spool, passed int) (inGrace int, err error) {
	const most = 5
	if passed == 0 {
		return 0, nil
	}
	names, err := spool.Sorted()
	if err != nil {
		return 0, cannotUseSpool(c, err)
	}
	said := 0
	for _, n := range names {
		if n.Waits() || !a.early(c, n) {
			continue
		}
		why := "leaves " + when.Show(n.DueAt(), a.now())
		if !n.NotBefore.After(a.now()) {
			inGrace++
			why = "can be taken back until " + when.Show(n.Next, a.now())
		}
		if said++; said <= most && !a.json {
			fmt.Fprintf(a.stdout, "%s %s; to send it now: mailcrane flush %s\n", n.ID, why, n.ID)
		}
	}
	if said > most && !a.json {
		fmt.Fprintf(a.stdout, "and %d more\n", said-most)
	}
	return inGrace, nil
}
