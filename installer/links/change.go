package links

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// priority is above that of the MTAs of Fedora and openSUSE, which share the
// group mta; a choice that a person has made by hand stays before it.
const priority = "100"

// take has a name lead to the shim; what is there is another's to be kept, or
// an older link of ours. followers are the names that a group of the
// alternatives changes with its first.
func (l *Links) take(ctx context.Context, link Link, followers []Link) error {
	switch {
	case link.Group != "":
		return l.join(ctx, link, followers)
	case link.State == Foreign:
		if err := l.keep(ctx, link); err != nil {
			return err
		}
		return l.symlink(link.Path)
	case link.State == Stale:
		if err := os.Remove(l.root + link.Path); err != nil {
			return err
		}
	}
	if link.Kept != "" { // an installation that was broken off
		return l.symlink(link.Path)
	}
	_, err := l.run(ctx, "update-alternatives", "--install", link.Path, ownGroup(link.Path), l.shim, priority)
	if errors.Is(err, exec.ErrNotFound) {
		return l.symlink(link.Path)
	}
	return err
}

// ownGroup is a name's group in the alternatives where no MTA has given it
// one. Each name is a group of its own, since each may be free or not.
func ownGroup(path string) string {
	return "mailcrane" + strings.ReplaceAll(strings.TrimPrefix(path, "/usr"), "/", "-")
}

// join adds the shim to a group of the alternatives. By its priority it is
// chosen, unless a person has made a choice: that one is remembered as a link
// beside the name.
func (l *Links) join(ctx context.Context, link Link, followers []Link) error {
	args := []string{"--install", link.Path, link.Group, l.shim, priority}
	for _, f := range followers {
		args = append(args, "--slave", f.Path, f.Group, l.shim)
	}
	if _, err := l.run(ctx, "update-alternatives", args...); err != nil {
		return err
	}
	if link.State == Stale {
		_, err := l.run(ctx, "update-alternatives", "--remove", link.Group, link.Target)
		return err
	}
	if chosen, err := os.Readlink(l.root + alternatives + link.Group); err != nil || chosen == l.shim {
		return err
	}
	if err := os.Symlink(link.Target, l.root+link.Path+Saved); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	_, err := l.run(ctx, "update-alternatives", "--set", link.Group, l.shim)
	return err
}

// keep moves another program's file aside. dpkg is told, so that the next
// version of its package goes aside too.
func (l *Links) keep(ctx context.Context, link Link) error {
	if link.Package != "" {
		_, err := l.run(ctx, "dpkg-divert", "--local", "--rename", "--divert", link.Path+Saved, "--add", link.Path)
		return err
	}
	return os.Rename(l.root+link.Path, l.root+link.Path+Saved)
}

func (l *Links) symlink(path string) error {
	if err := os.Symlink(l.shim, l.root+path); err != nil {
		return err
	}
	return syncFolder(l.root + filepath.Dir(path))
}

// giveBack undoes take and says whether there was anything to undo.
func (l *Links) giveBack(ctx context.Context, link Link) (bool, error) {
	ours := link.State == Ours || link.State == Stale
	switch {
	case ours && link.Package != "":
		return false, nil // a package brought the link, and takes it away
	case ours && link.follows:
		return true, nil // with the first of its group
	case ours && link.Group != "":
		return true, l.leave(ctx, link)
	case ours:
		if err := os.Remove(l.root + link.Path); err != nil {
			return false, err
		}
	case link.State != Free:
		return false, nil
	}
	diverted := l.diverted(ctx, link.Path)
	var err error
	switch {
	case diverted:
		_, err = l.run(ctx, "dpkg-divert", "--local", "--rename", "--remove", link.Path)
	case link.Kept != "":
		err = os.Rename(l.root+link.Kept, l.root+link.Path)
	}
	if err == nil {
		err = syncFolder(l.root + filepath.Dir(link.Path))
	}
	return ours || diverted || link.Kept != "", err
}

// leave takes the shim out of a group of the alternatives. Where another was
// chosen before, it is chosen again.
func (l *Links) leave(ctx context.Context, link Link) error {
	if _, err := l.run(ctx, "update-alternatives", "--remove", link.Group, link.Target); err != nil {
		return err
	}
	saved := l.root + link.Path + Saved
	before, err := os.Readlink(saved)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := l.run(ctx, "update-alternatives", "--set", link.Group, before); err != nil {
		return err
	}
	return os.Remove(saved)
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// runTime bounds a program of the system; dpkg may wait for its lock.
const runTime = time.Minute

func runProgram(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, runTime)
	defer cancel()
	var complaint strings.Builder
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		says, _, _ := strings.Cut(strings.TrimSpace(complaint.String()), "\n")
		return "", fmt.Errorf("%s: %w: %.200q", name, err, says)
	}
	return string(out), nil
}
