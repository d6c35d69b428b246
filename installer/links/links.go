// Package links gives this machine's names of sendmail (sendmail, mailq,
// newaliases) to mailcrane's shim, and gives them back.
//
// A name that is free, or that the machine's alternatives keep, goes through
// update-alternatives where there is one, and is a plain link elsewhere. What
// another mail program owns is replaced only when asked: where dpkg owns the
// file it is diverted, so that an upgrade of that package leaves our link
// alone, and else it is kept aside. Both end under the name with Saved behind
// it, which is all the record there is: what is to be put back can be seen
// with ls, and an installation that was broken off is simply done again.
package links

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"mailcrane/internal/sysexits"
)

// Saved is what stands behind the name of a file that was kept aside.
const Saved = ".mailcrane-saved"

// Options say which machine and which shim.
type Options struct {
	// Shim is the absolute path of mailcrane's sendmail.
	Shim string
	// Root stands before every path, for a machine that is not this one; "" is
	// this one.
	Root string
	// Run runs a program of the system (update-alternatives, dpkg-query,
	// dpkg-divert) and returns its standard output; nil: for real.
	Run func(ctx context.Context, name string, args ...string) (string, error)
}

// Links are the names of sendmail on one machine.
type Links struct {
	shim, root string
	run        func(ctx context.Context, name string, args ...string) (string, error)
}

// New changes nothing.
func New(o Options) *Links {
	if o.Run == nil {
		o.Run = runProgram
	}
	return &Links{o.Shim, o.Root, o.Run}
}

// Shim is the sendmail that stands beside program, which is mailcrane.
func Shim(program string) (string, error) {
	if resolved, err := filepath.EvalSymlinks(program); err == nil {
		program = resolved
	}
	shim := filepath.Join(filepath.Dir(program), "sendmail")
	if runtime.GOOS == "windows" {
		shim += ".exe"
	}
	info, err := os.Stat(shim)
	if err == nil && info.IsDir() {
		err = &fs.PathError{Op: "exec", Path: shim, Err: fs.ErrPermission}
	}
	if err != nil {
		return "", sysexits.Errorf(sysexits.OSFile, "install both programs (make install), then type the same with the installed one",
			"mailcrane's sendmail does not stand beside it: %w", err)
	}
	return shim, nil
}

// paths are the names that programs know sendmail by (the Filesystem Hierarchy
// Standard, sections 4.7 and 4.10; mailq and newaliases as every MTA ships them).
func paths() []string {
	return []string{"/usr/sbin/sendmail", "/usr/lib/sendmail", "/usr/bin/mailq", "/usr/bin/newaliases"}
}

// A State says whose a name is.
type State int

// The states.
const (
	Free    State = iota // nothing is there
	Ours                 // it leads to the shim
	Stale                // it leads to the shim of another place
	Foreign              // another program's
	NoPlace              // this machine has no such folder
)

// A Link is one name and whose it is.
type Link struct {
	Path  string
	State State
	// Target is where it leads, "" where it is no link.
	Target string
	// Group is its name in the machine's alternatives, "" where they do not keep it.
	Group   string
	follows bool // in Group, whose first name is another
	// Package is the Debian package that owns the file, or "".
	Package string
	// Kept is the file that was there before, kept aside, or "".
	Kept string
}

// Look says how each name stands; anybody may.
func (l *Links) Look(ctx context.Context) ([]Link, error) {
	var all []Link
	for _, path := range paths() {
		link, err := l.look(ctx, path)
		if err != nil {
			return nil, err
		}
		all = append(all, link)
	}
	l.followersOf(ctx, all)
	return all, nil
}

// Install has every name lead to the shim and returns what was changed. With
// a name of another mail program it refuses, and has changed nothing, unless
// replace says otherwise. Only root may.
func (l *Links) Install(ctx context.Context, replace bool) ([]Link, error) {
	all, err := l.Look(ctx)
	if err != nil {
		return nil, err
	}
	if err := l.mayInstall(all, replace); err != nil {
		return nil, err
	}
	followers := slices.DeleteFunc(slices.Clone(all), func(link Link) bool { return !link.follows })
	var changed []Link
	for _, link := range all {
		if link.State == NoPlace || link.State == Ours {
			continue
		}
		if link.follows { // with the first of its group
			changed = append(changed, link)
			continue
		}
		if err := l.take(ctx, link, followers); err != nil {
			return changed, explained(err, link.Path)
		}
		changed = append(changed, link)
	}
	return changed, nil
}

// Remove takes our links away, puts back what was there before and returns
// the names that were changed. What has become another program's meanwhile is
// left alone, and what was kept aside for it too. Only root may.
func (l *Links) Remove(ctx context.Context) ([]Link, error) {
	all, err := l.Look(ctx)
	if err != nil {
		return nil, err
	}
	var changed []Link
	for _, link := range all {
		done, err := l.giveBack(ctx, link)
		if err != nil {
			return changed, explained(err, link.Path)
		}
		if done {
			changed = append(changed, link)
		}
	}
	return changed, nil
}

func (l *Links) mayInstall(all []Link, replace bool) error {
	if !filepath.IsAbs(l.shim) {
		return sysexits.Errorf(sysexits.Software, "", "the path of mailcrane's sendmail is not known in full: %q", l.shim)
	}
	// mailwrapper(8) of the BSDs is the sendmail there, and asks this file.
	if exists(l.root + "/etc/mail/mailer.conf") {
		return sysexits.Errorf(sysexits.Unavailable, "in /etc/mail/mailer.conf, write for each of sendmail, mailq and newaliases a line: NAME "+l.shim,
			"this machine chooses its sendmail in /etc/mail/mailer.conf, which is yours to write")
	}
	for _, link := range all {
		if link.State == Foreign && !replace {
			return sysexits.Errorf(sysexits.CantCreat, "to put ours in its place, and keep it for the way back: sudo mailcrane service link --replace",
				"%s belongs to %s and is left alone", link.Path, link.owner())
		}
		if link.State == Foreign && link.Kept != "" && link.Group == "" {
			return sysexits.Errorf(sysexits.CantCreat, "see which of the two is wanted, and move the other away: ls -l "+link.Path+"*",
				"%s belongs to %s, and an earlier one is kept aside in %s already", link.Path, link.owner(), link.Kept)
		}
	}
	return nil
}

func (link Link) owner() string {
	switch {
	case link.Package != "":
		return "the package " + link.Package
	case link.Target != "":
		return "another program (it leads to " + link.Target + ")"
	}
	return "another program"
}

func explained(err error, path string) error {
	var known *sysexits.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, fs.ErrPermission):
		return sysexits.Errorf(sysexits.NoPerm, "type: sudo mailcrane service link; or tell your programs where mailcrane's sendmail is (see README)",
			"only root may change %s: %w", path, err)
	}
	return sysexits.Errorf(sysexits.CantCreat, "mend that, then type the same again: it goes on where it was broken off",
		"cannot change %s: %w", path, err)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
