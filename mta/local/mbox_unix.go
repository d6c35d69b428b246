//go:build unix

package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"mailcrane/internal/mbox"
	"mailcrane/queue"
)

// toMbox delivers to a mailbox that is one file.
func (d *Deliverer) toMbox(ctx context.Context, j Job, a Account) queue.Reply {
	path := d.macro(d.rest, j, a, j.folder())
	if d.root && !d.threads {
		return d.byHelper(ctx, j, a, d.spoolGroup(path))
	}
	b := box{d: d, path: path, open: func() (*os.File, error) { return d.openMbox(path, a) }}
	return boxed(b.deliver(ctx, j, a, d.spoolGroup(path)), "the mailbox "+path, "delivered to the mailbox of "+a.Name)
}

// openMbox opens a mailbox, which is its user's own.
func (d *Deliverer) openMbox(path string, a Account) (*os.File, error) {
	if err := d.home(a, path); err != nil {
		return nil, err
	}
	f, err := d.openAppended(path, a)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(int(f.Fd()), &st); err == nil && st.Uid != a.UID {
		err = refuse(451, "4.3.5", "%s belongs to uid %d, and the mail is for %s: type: chown %s %s", path, st.Uid, a.Name, a.Name, path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// spoolGroup is the group of root's that may write in the directory of mailboxes,
// as Debian's group mail may in /var/mail: new mailboxes and locks are made there by
// it. A directory below a home gets nobody a group.
func (d *Deliverer) spoolGroup(path string) []uint32 {
	if strings.HasPrefix(d.rest, "~") || strings.HasPrefix(d.rest, "$z") {
		return nil
	}
	var st unix.Stat_t
	if unix.Lstat(filepath.Dir(path), &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR || st.Uid != 0 || st.Mode&0o22 != 0o20 {
		return nil
	}
	return []uint32{st.Gid}
}

// A box is a file that messages are appended to.
type box struct {
	d    *Deliverer
	path string
	open func() (*os.File, error)
}

// deliver appends the message of a job with the rights of an account.
func (b box) deliver(ctx context.Context, j Job, a Account, extra []uint32) error {
	message, done, err := b.d.letter(j, false)
	if err != nil {
		return sourceFault{err}
	}
	defer done() //nolint:errcheck // nothing was written
	return feed(message, func(in io.Reader) error {
		return b.d.as(a, extra, func() error { return b.append(ctx, j, in) })
	})
}

// append locks the file, writes, and has it on the disk before it unlocks.
func (b box) append(ctx context.Context, j Job, in io.Reader) error {
	f, unlock, err := b.locked(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	before, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	w := &counted{out: f}
	if err = separate(f, before, w); err == nil {
		err = mbox.NewWriter(w, j.Sender, b.d.Now()).Copy(in)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(err, takeBack(f, before, w.n))
	}
	if before == 0 {
		syncDirectory(filepath.Dir(b.path)) // it may have been made just now
	}
	return nil
}

// separate ends what a crash has left of another's writing, so that the message
// does not become a part of it.
func separate(f *os.File, size int64, to io.Writer) error {
	end := make([]byte, min(size, 2))
	if _, err := f.ReadAt(end, size-int64(len(end))); err != nil && len(end) > 0 {
		return err
	}
	text := ""
	switch {
	case size == 0 || string(end) == "\n\n" || string(end) == "\n":
		return nil
	case end[len(end)-1] == '\n':
		text = "\n"
	default:
		text = "\n\n"
	}
	_, err := io.WriteString(to, text)
	return err
}

// takeBack cuts the file to what was there before, unless somebody who knows no
// lock has written behind us: their mail is not ours to take.
func takeBack(f *os.File, before, written int64) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("taking the part of a message back: %w", err)
	}
	if info.Size() != before+written {
		return errors.New("a part of the message stays, for another program has written behind it without a lock")
	}
	if written == 0 {
		return nil
	}
	if err = f.Truncate(before); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return fmt.Errorf("taking the part of a message back: %w", err)
	}
	return nil
}

// counted counts what was really written.
type counted struct {
	out io.Writer
	n   int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.out.Write(p)
	c.n += int64(n)
	return n, err
}

// same says that path is still the file f: a mail program may have put another in
// its place while we waited.
func same(f *os.File, path string) (bool, error) {
	there, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	info, err := f.Stat()
	return err == nil && os.SameFile(there, info), err
}
