//go:build unix

package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"mailcrane/internal/config"
	"mailcrane/mta/safefile"
	"mailcrane/queue"
)

// toFile appends to the file that an alias, a list or a .forward names.
func (d *Deliverer) toFile(ctx context.Context, j Job, a Account) queue.Reply {
	path := filepath.Clean(j.Target)
	if d.root && strings.HasPrefix(j.By, "alias:") {
		a = d.setUserOwner(path, a)
	}
	if d.root && !d.threads {
		return d.byHelper(ctx, j, a, nil)
	}
	b := box{d: d, path: path, open: func() (*os.File, error) { return d.openAppended(path, a) }}
	if d.SafeFileEnvironment != "" {
		b.path = filepath.Join(d.SafeFileEnvironment, below(d.SafeFileEnvironment, path))
		b.open = func() (*os.File, error) { return d.openInside(below(d.SafeFileEnvironment, path)) }
	}
	err := b.deliver(ctx, j, a, nil)
	_, known := errors.AsType[*refusal](err)
	if !known && (errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP)) {
		if _, unsafe := errors.AsType[*safefile.Unsafe](err); !unsafe {
			return reply(550, "5.2.0", fmt.Sprintf("Can't create output: %s cannot be written by %s (%v)", b.path, a.Name, err))
		}
	}
	return boxed(err, "the file "+b.path, "appended to "+b.path)
}

// setUserOwner is the owner of a file whose set-uid bit says that mail for it is
// written as its owner; it may not be a program too.
func (d *Deliverer) setUserOwner(path string, usual Account) Account {
	if d.SafeFileEnvironment != "" {
		path = filepath.Join(d.SafeFileEnvironment, below(d.SafeFileEnvironment, path))
	}
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Mode&unix.S_ISUID == 0 || st.Mode&0o111 != 0 || st.Uid == 0 {
		return usual
	}
	return owner(st.Uid, st.Gid)
}

// openAppended opens a file by the rules for deliveries.
func (d *Deliverer) openAppended(path string, a Account) (*os.File, error) {
	f, err := d.Rules.As(a.UID).OpenToWrite(safefile.Delivery, path, 0o600)
	if err != nil {
		return nil, err
	}
	if kernelFile(f.File) {
		f.Close()
		return nil, refuse(550, "5.7.1", "%s is no file on a disk", path)
	}
	return f.File, nil
}

// below is path as it is seen from the directory env: with or without its name in
// front, as sendmail takes it.
func below(env, path string) string {
	env = strings.TrimSuffix(filepath.Clean(env), "/")
	if rest, ok := strings.CutPrefix(path, env+"/"); ok {
		path = rest
	}
	return strings.TrimPrefix(path, "/")
}

// openInside opens a file of SafeFileEnvironment, which nothing leads out of.
// Links are refused, as with sendmail.
func (d *Deliverer) openInside(name string) (*os.File, error) {
	root, err := os.OpenRoot(d.SafeFileEnvironment)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if info, err := root.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return nil, refuse(550, "5.7.1", "%s in SafeFileEnvironment %s is no regular file", name, d.SafeFileEnvironment)
	}
	f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0o600)
	if _, system := errors.AsType[unix.Errno](err); err != nil && !system {
		return nil, refuse(550, "5.7.1", "%s leads out of SafeFileEnvironment %s", name, d.SafeFileEnvironment)
	}
	if err != nil {
		return nil, err
	}
	if err = d.inside(root, f, name); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (d *Deliverer) inside(root *os.Root, f *os.File, name string) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	there, err := root.Lstat(name)
	switch {
	case err != nil:
		return err
	case !os.SameFile(info, there) || !info.Mode().IsRegular() || kernelFile(f):
		return refuse(550, "5.7.1", "%s in SafeFileEnvironment %s is no regular file", name, d.SafeFileEnvironment)
	case info.Mode()&0o111 != 0:
		return refuse(550, "5.7.1", "%s can be executed; mail is not written to programs", name)
	case st.Nlink > 1 && !d.Rules.Blame.Has(config.FileDeliveryToHardLink):
		return refuse(550, "5.7.1", "%s has %d names; FileDeliveryToHardLink is not set in mta.dont_blame_sendmail", name, st.Nlink)
	}
	return nil
}
