//go:build unix

package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// The times of a lock. Who has held a dot-lock for so long without touching it is
// gone, as liblockfile(3) has it.
const (
	lockStale = 5 * time.Minute
	lockFirst = 20 * time.Millisecond // between two tries, doubled up to
	lockLast  = time.Second / 4
)

// locked opens the file and locks it in both ways that mail programs know: by a
// file .lock beside it, and by the kernel. The dot-lock comes first, as with all
// others, and is given up while the other is waited for.
func (b box) locked(ctx context.Context) (f *os.File, unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, b.d.lockTime)
	defer cancel()
	for pause := lockFirst; ; pause = min(2*pause, lockLast) {
		f, unlock, err = b.tryLock()
		if !errors.Is(err, errLocked) {
			return f, unlock, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, nil, refuse(451, "4.2.0", "%s is locked by another program: %v", b.path, err)
		case <-timer.C:
		}
	}
}

// errLocked is that somebody else has a lock.
var errLocked = errors.New("locked")

func (b box) tryLock() (*os.File, func(), error) {
	unlock, err := b.dotLock()
	if err != nil {
		return nil, nil, err
	}
	f, err := b.open()
	if err != nil {
		unlock()
		return nil, nil, err
	}
	err = lockWhole(f)
	if err == nil {
		var still bool
		if still, err = same(f, b.path); err == nil && !still {
			err = fmt.Errorf("%w: it is being replaced", errLocked)
		}
	}
	if err == nil {
		// What is written stands at the end, whoever else writes.
		_, err = unix.FcntlInt(f.Fd(), unix.F_SETFL, unix.O_APPEND)
	}
	if err != nil {
		f.Close()
		unlock()
		return nil, nil, err
	}
	// To close the file gives up the kernel's lock.
	return f, func() { f.Close(); unlock() }, nil
}

// dotLock makes the file .lock. Where the user may make none, there are no others
// who could, and the kernel's lock is enough.
func (b box) dotLock() (func(), error) {
	path := b.path + ".lock"
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, b.breakStale(path)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS), errors.Is(err, unix.ENAMETOOLONG), errors.Is(err, unix.ENOTDIR):
		return func() {}, nil
	case err != nil:
		return nil, err
	}
	fmt.Fprintf(f, "%d\n", os.Getpid())
	own, err := f.Stat()
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(path)
		return nil, err
	}
	return func() {
		if there, err := os.Lstat(path); err == nil && os.SameFile(there, own) {
			os.Remove(path)
		}
	}, nil
}

// breakStale takes a forgotten lock away. It is renamed first, so that of two who
// do this one takes it; a lock that was made meanwhile goes back.
func (b box) breakStale(path string) error {
	held, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return errLocked // it was given up just now
	}
	if err != nil {
		return err
	}
	age := b.d.Now().Sub(held.ModTime())
	if age < lockStale {
		return fmt.Errorf("%w: %s is there since %v", errLocked, path, held.ModTime().Format(time.RFC3339))
	}
	aside := fmt.Sprintf("%s.%s", path, b.d.unique())
	if err = os.Rename(path, aside); err != nil {
		return fmt.Errorf("%w: %s is of no use any more, and: %w", errLocked, path, err)
	}
	if taken, err := os.Lstat(aside); err == nil && !os.SameFile(taken, held) {
		os.Link(aside, path) //nolint:errcheck // whoever made it finds it gone
	}
	os.Remove(aside)
	return errLocked
}
