package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mailcrane/internal/sysexits"
)

// checkTime is how long an LMTP server has to answer a look.
const checkTime = 10 * time.Second

// Check says why no mailbox could get mail now, or nil: the LMTP server does not
// answer, the program is not there, or nobody can make a mailbox where they are to
// be. It delivers nothing. The hint of the error is what to do.
func (d *Deliverer) Check(ctx context.Context) error {
	switch d.form {
	case "lmtp":
		return d.checkLMTP(ctx)
	case "procmail", "program":
		return d.checkProgram()
	}
	return d.checkDirectory()
}

func (d *Deliverer) checkLMTP(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	s, err := d.openLMTP(ctx)
	if err != nil {
		path := strings.TrimPrefix(d.rest, "unix:")
		hint := "start the server that listens there, or correct the address in mta.deliver.mailer"
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return sysexits.Errorf(sysexits.Unavailable, hint, "the socket %s of the LMTP server is not there", path)
		case errors.Is(err, fs.ErrPermission):
			return sysexits.Errorf(sysexits.NoPerm, "let the user of the server in: in Dovecot by mode, user and group of its unix_listener", "the socket %s of the LMTP server is closed to this user", path)
		}
		return sysexits.Errorf(sysexits.Unavailable, hint, "the LMTP server %s does not answer: %w", d.rest, err)
	}
	s.quit(checkTime)
	s.close()
	return nil
}

// checkDirectory is about mailboxes below one folder: those in homes are their
// users' to make.
func (d *Deliverer) checkDirectory() error {
	if !strings.HasPrefix(d.rest, "/") {
		return nil
	}
	fixed, _, _ := strings.Cut(d.rest, "$")
	dir := filepath.Dir(fixed)
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return sysexits.Errorf(sysexits.CantCreat, "make it, or correct mta.deliver.mailer: mkdir "+dir, "the folder %s of the mailboxes is not there", dir)
	case err != nil:
		return sysexits.Errorf(sysexits.NoPerm, "", "the folder of the mailboxes cannot be looked at: %w", err)
	case !info.IsDir():
		return sysexits.Errorf(sysexits.CantCreat, "", "%s, in which the mailboxes are to be, is no folder", dir)
	}
	// A mailbox is made by its user, or with the group that spoolGroup gives them.
	const group, others, sticky = 0o020, 0o002, fs.ModeSticky
	byGroup := d.form == "mbox" && info.Mode()&group != 0
	if byOthers := info.Mode()&others != 0 && info.Mode()&sticky != 0; byGroup || byOthers || occupied(dir) {
		return nil
	}
	mend := "chmod 1777 " + dir
	if d.form == "mbox" {
		mend = "chgrp mail " + dir + " && chmod 2775 " + dir
	}
	return sysexits.Errorf(sysexits.NoPerm, mend, "nobody can make a mailbox in %s (mode %04o), and there is none", dir, info.Mode().Perm())
}

// occupied says that somebody has made mailboxes there.
func occupied(dir string) bool {
	f, err := os.Open(dir)
	if err != nil {
		return true // nobody can tell
	}
	defer f.Close()
	some, _ := f.Readdirnames(1)
	return len(some) > 0
}

// missing is that of a program.
func missing(name string) error {
	return sysexits.Errorf(sysexits.Unavailable, "install it, or set another one: mailcrane config explain mta.deliver.mailer", "%s, which delivers to mailboxes, is not on this machine, or cannot be run", name)
}
