package main

import (
	"context"

	"mailcrane/installer/migrate"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

// takeQueues copies the mail that waits elsewhere into the spool.
func (i *importing) takeQueues(ctx context.Context) error {
	letters := 0
	for _, f := range i.found {
		letters += len(f.Queue)
	}
	if letters == 0 {
		return nil
	}
	c, err := i.config()
	if err != nil {
		return err
	}
	spool := i.spool(c)
	ledger, err := migrate.OpenLedger(ctx, spool)
	if err != nil {
		return cannotUseSpool(c, err)
	}
	defer ledger.Close()
	own := ""
	if c.DefaultAccount != nil {
		own = c.DefaultAccount.Address()
	}
	for _, f := range i.found {
		for _, l := range f.Queue {
			if err := i.takeLetter(ctx, c, spool, ledger, f.Program, l, own); err != nil {
				return err
			}
		}
		if by := i.machine.Runs(f.Program); by != "" && len(f.Queue) > 0 {
			note(i.stderr, "%s, and would send the same mail too; stop it before you release anything: %s", by, migrate.StopCommand(f.Program))
		}
	}
	if i.refused > 0 {
		return exit(sysexits.DataErr)
	}
	return nil
}

// takeLetter takes one. Only a spool that takes nothing ends it all.
func (i *importing) takeLetter(ctx context.Context, c *config.Config, spool *queue.Spool, ledger *migrate.Ledger, program string, l *migrate.Letter, own string) error {
	put := migrate.Put(spool.Put)
	if l.Unsent {
		put = i.program(nil).SubmitSMTP(c, spool)
	}
	item := importedItem{Program: program, File: l.File}
	id, again, err := ledger.Take(ctx, program, l, own, put)
	switch {
	case err != nil && sysexits.Code(err) == sysexits.TempFail, ctx.Err() != nil:
		return err
	case err != nil:
		i.refused++
		item.Done, item.Why = "not taken", err.Error()
	case again:
		item.ID, item.Done = id, "taken before"
	case l.Held == "" && i.wishes.release:
		item.ID, item.Done = id, "queued"
		err = spool.ReleaseHeld(ctx, id)
	default:
		item.ID, item.Done = id, "held"
		why := "it came from the queue of " + program + "; release it when that cannot send it any more"
		if l.Held != "" {
			why = "it came from the queue of " + program + ": " + l.Held
		}
		err = spool.Hold(ctx, id, why)
	}
	i.sayTaken(item)
	if err != nil && item.ID != "" {
		return cannotUseSpool(c, err)
	}
	return nil
}

// An importedItem is a message of another queue, in --json.
type importedItem struct {
	Program string   `json:"program"`
	File    string   `json:"file"`
	ID      queue.ID `json:"id,omitempty"`
	Done    string   `json:"done"`
	Why     string   `json:"why,omitempty"`
}
