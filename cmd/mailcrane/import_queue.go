package main

import (
	"context"
	"os"

	"mailcrane/installer/migrate"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

// takeQueues copies the mail that waits elsewhere into the spool.
func (i *importing) takeQueues(ctx context.Context) error {
	var letters []*migrate.Letter
	for _, f := range i.found {
		letters = append(letters, f.Queue...)
	}
	if len(letters) == 0 {
		return nil
	}
	c, err := i.config()
	if err != nil {
		return err
	}
	staged, err := i.asOwner(c, letters)
	if staged != "" {
		defer os.RemoveAll(staged)
	}
	if err != nil {
		return err
	}
	spool := i.spool(c)
	ledger, err := migrate.OpenLedger(ctx, spool)
	if err != nil {
		return cannotUseSpool(c, err)
	}
	defer ledger.Close() //nolint:errcheck // each line was synced
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

// asOwner is for the spool of all users of the machine, in which all is its
// owner's: root, who alone can read the old queue, copies the letters into the
// directory staged and becomes that owner.
func (i *importing) asOwner(c *config.Config, letters []*migrate.Letter) (staged string, err error) {
	if !c.System.Used() || i.owner != "" {
		return "", nil
	}
	uid, gid, ok := ownerOf(c.Spools[0])
	switch {
	case !ok:
		return "", sysexits.Errorf(sysexits.Unavailable, "install it with: mailcrane service install --system; then: mailcrane import --system --queue-only",
			"the queue of this machine, %s, is made with its service, which is not installed; the mail stays in the old queue", c.Spools[0])
	case uid == os.Geteuid():
		return "", nil
	case os.Geteuid() != 0:
		return "", onlyRoot("import --system")
	}
	if staged, err = os.MkdirTemp("", "mailcrane-import-"); err == nil {
		err = migrate.Stage(staged, letters, uid, gid)
	}
	if err != nil {
		return staged, sysexits.Errorf(sysexits.CantCreat, "TMPDIR names another directory for them", "cannot copy the old queue's messages: %w", err)
	}
	return staged, become(uid, gid)
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
