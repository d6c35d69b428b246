//go:build unix

package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"mailcrane/queue"
)

// toMaildir delivers to a Maildir: written whole and synced below tmp, then linked
// into new, so that no reader and no crash sees a part of a message.
func (d *Deliverer) toMaildir(ctx context.Context, j Job, a Account) queue.Reply {
	if d.root && !d.threads {
		return d.byHelper(ctx, j, a, nil)
	}
	path := d.macro(d.rest, j, a, j.folder())
	message, done, err := d.letter(j, true)
	if err != nil {
		return faultReply(sourceFault{err}, path)
	}
	defer done() //nolint:errcheck // nothing was written
	err = feed(message, func(in io.Reader) error {
		return d.as(a, nil, func() error {
			if err := d.home(a, path); err != nil {
				return err
			}
			box, err := openMaildir(path, j.folder(), a.UID)
			if err != nil {
				return err
			}
			defer box.Close()
			return d.put(box, in)
		})
	})
	return boxed(err, "the Maildir "+path, "delivered to the Maildir of "+a.Name)
}

// home refuses a path below a home that is somebody else's, who could put another
// directory there.
func (d *Deliverer) home(a Account, path string) error {
	if a.Home == "" || path != a.Home && !strings.HasPrefix(path, strings.TrimSuffix(a.Home, "/")+"/") {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Stat(a.Home, &st); err != nil {
		return &fs.PathError{Op: "stat", Path: a.Home, Err: err}
	}
	if st.Uid != 0 && st.Uid != a.UID {
		return refuse(451, "4.3.5", "the home of %s, %s, belongs to uid %d: type: chown %s %s", a.Name, a.Home, st.Uid, a.Name, a.Home)
	}
	return nil
}

// A maildir is its three directories, open, so that nothing that is renamed later
// leads elsewhere.
type maildir struct {
	path          string
	root, tmp, in *os.File
}

func (m *maildir) Close() {
	for _, f := range []*os.File{m.root, m.tmp, m.in} {
		if f != nil {
			f.Close()
		}
	}
}

// openMaildir opens a Maildir, or its folder .detail where there is one, and makes
// what is missing.
func openMaildir(path, detail string, uid uint32) (*maildir, error) {
	if err := os.Mkdir(path, 0o700); err == nil {
		syncDirectory(filepath.Dir(path))
	} else if !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	root, err := openDirectory(nil, path, uid, 0)
	if err != nil {
		return nil, err
	}
	if detail != "" {
		folder, err := openDirectory(root, "."+detail, uid, unix.O_NOFOLLOW)
		switch {
		case err == nil:
			root.Close()
			root, path = folder, filepath.Join(path, "."+detail)
		case !errors.Is(err, fs.ErrNotExist):
			root.Close()
			return nil, err
		}
	}
	m := &maildir{path: path, root: root}
	made := false
	for _, name := range [...]string{"cur", "new", "tmp"} {
		err := unix.Mkdirat(int(root.Fd()), name, 0o700)
		made = made || err == nil
		if err != nil && !errors.Is(err, unix.EEXIST) {
			m.Close()
			return nil, &fs.PathError{Op: "mkdir", Path: filepath.Join(path, name), Err: err}
		}
	}
	if made {
		err = root.Sync()
	}
	if err == nil {
		m.tmp, err = openDirectory(root, "tmp", uid, unix.O_NOFOLLOW)
	}
	if err == nil {
		m.in, err = openDirectory(root, "new", uid, unix.O_NOFOLLOW)
	}
	if err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// openDirectory opens a directory, in another if there is one, that belongs to uid:
// in one of somebody else's the mail would be theirs.
func openDirectory(in *os.File, name string, uid uint32, flags int) (*os.File, error) {
	at, path := unix.AT_FDCWD, name
	if in != nil {
		at, path = int(in.Fd()), filepath.Join(in.Name(), name)
	}
	fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil && st.Uid != uid {
		err = refuse(451, "4.3.5", "%s belongs to uid %d, and the mail is for uid %d", path, st.Uid, uid)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// syncDirectory has a new name on the disk, where its user may open the directory.
func syncDirectory(path string) {
	if f, err := os.Open(path); err == nil {
		f.Sync() //nolint:errcheck // the file itself is synced, and told of
		f.Close()
	}
}

// put writes one message. Whatever goes wrong, nothing of it stays.
func (d *Deliverer) put(m *maildir, in io.Reader) error {
	name := d.unique()
	fd, err := unix.Openat(int(m.tmp.Fd()), name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return &fs.PathError{Op: "create", Path: filepath.Join(m.tmp.Name(), name), Err: err}
	}
	f := os.NewFile(uintptr(fd), filepath.Join(m.tmp.Name(), name))
	defer unix.Unlinkat(int(m.tmp.Fd()), name, 0) //nolint:errcheck // readers clear tmp after 36 hours
	size, err := io.Copy(f, in)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	// S= is the size for Dovecot and Courier, who would read the file for it.
	final := fmt.Sprintf("%s,S=%d", name, size)
	if err = unix.Linkat(int(m.tmp.Fd()), name, int(m.in.Fd()), final, 0); errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOTSUP) {
		err = unix.Renameat(int(m.tmp.Fd()), name, int(m.in.Fd()), final) // a disk without links
	}
	if err != nil {
		return &fs.PathError{Op: "link", Path: filepath.Join(m.in.Name(), final), Err: err}
	}
	if err = m.in.Sync(); err != nil {
		unix.Unlinkat(int(m.in.Fd()), final, 0) //nolint:errcheck // it comes again, and so once too often
	}
	return err
}

// unique is a name that no other delivery has: time, chance, and host, as
// https://cr.yp.to/proto/maildir.html says.
func (d *Deliverer) unique() string {
	now := d.Now()
	host := strings.NewReplacer("/", "\\057", ":", "\\072").Replace(d.Hostname)
	return fmt.Sprintf("%d.M%dP%dR%s.%s", now.Unix(), now.Nanosecond()/1000, os.Getpid(), rand.Text()[:16], host)
}
