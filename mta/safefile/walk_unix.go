//go:build unix

package safefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// The bounds of a walk: so many links are followed (as many as Linux follows),
// and a path has so many octets (PATH_MAX).
const (
	maxLinks = 40
	maxPath  = 4096
)

// A walker stands in a directory, by its descriptor, and looks up what is in it:
// whatever is renamed meanwhile, what it checks is what it goes on with.
type walker struct {
	walk
	dir      int    // the descriptor of the directory
	at       string // its path, for messages
	rest     []string
	followed int    // how many links were
	flags    int    // how the file is opened
	last     string // the name of the file in the directory, when that was reached
}

// Open opens path for reading as a file of kind. It refuses one that is unsafe
// with an *Unsafe, and one that is not there with an error that wraps
// fs.ErrNotExist.
func (r Rules) Open(kind Kind, path string) (*File, error) {
	return r.open(kind, path, unix.O_RDONLY, 0)
}

// OpenToWrite opens path for reading and writing as a file of kind, which is
// made with the permissions perm where it is not there. What is in it stays.
// What is refused is as in Open, and more: what has several names, or is a
// symbolic link, may be another's file.
func (r Rules) OpenToWrite(kind Kind, path string, perm fs.FileMode) (*File, error) {
	return r.open(kind, path, unix.O_RDWR|unix.O_CREAT, uint32(perm.Perm()))
}

func (r Rules) open(kind Kind, name string, flags int, perm uint32) (*File, error) {
	absolute, err := filepath.Abs(name)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", quote(name), err)
	}
	w := walker{dir: -1, flags: flags &^ unix.O_CREAT}
	defer w.leave()
	create := flags&unix.O_CREAT != 0
	judged := func() (File, error) {
		f, unsafe := r.judge(kind, absolute, uint32(os.Geteuid()), create, w.walk) //nolint:gosec // a uid
		if unsafe != nil {
			return f, unsafe.refusal()
		}
		return f, nil
	}
	fd, failed := w.run(absolute)
	if w.missing = errors.Is(failed, fs.ErrNotExist); w.missing && create && w.last != "" {
		// Nothing is made in a directory that is not safe.
		if _, err := judged(); err != nil {
			return nil, err
		}
		fd, failed = w.create(perm)
	}
	var f File
	if failed == nil || w.missing || errors.Is(failed, errNotRegular) {
		f, err = judged()
	}
	// Not to wait was for pipes, and this is none.
	if err == nil && failed == nil {
		failed = unix.SetNonblock(fd, false)
	}
	switch {
	case err != nil:
		closeFile(fd)
		return nil, err
	case failed != nil:
		closeFile(fd)
		return nil, &fs.PathError{Op: "open", Path: absolute, Err: failed}
	}
	f.File = os.NewFile(uintptr(fd), absolute)
	return &f, nil
}

// errNotRegular is that of what is not opened at all: to open a device may do
// something.
var errNotRegular = errors.New("it is no regular file")

// run is the descriptor of the file, or -1.
func (w *walker) run(absolute string) (int, error) {
	if len(absolute) > maxPath {
		return -1, unix.ENAMETOOLONG
	}
	if err := w.toRoot(); err != nil {
		return -1, err
	}
	w.push(absolute)
	for len(w.rest) > 0 {
		name := w.rest[0]
		w.rest = w.rest[1:]
		if len(w.rest) > 0 {
			if err := w.enter(name); err != nil {
				return -1, err
			}
			continue
		}
		if fd, err := w.final(name); fd >= 0 || err != nil {
			return fd, err
		}
	}
	return -1, unix.EISDIR // "/"
}

// push has the parts of a path walked before what is left.
func (w *walker) push(text string) {
	var parts []string
	for part := range strings.SplitSeq(text, "/") {
		if part != "" && part != "." {
			parts = append(parts, part)
		}
	}
	w.rest = append(parts, w.rest...)
}

func (w *walker) toRoot() error {
	fd, err := retry(func() (int, error) { return unix.Open("/", searchOnly|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return err
	}
	return w.standIn(fd, "/")
}

// standIn goes on from the directory of fd, and remembers what it is.
func (w *walker) standIn(fd int, at string) error {
	w.leave()
	w.dir, w.at = fd, at
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	w.steps = append(w.steps, step{place: placeOf(at, &st)})
	return nil
}

func (w *walker) leave() {
	closeFile(w.dir)
	w.dir = -1
}

func closeFile(fd int) {
	if fd >= 0 {
		unix.Close(fd) //nolint:errcheck // nothing was written
	}
}

func placeOf(name string, st *unix.Stat_t) place {
	return place{name, uint32(st.Mode) & 0o7777, st.Uid} //nolint:unconvert // its width is that of the system
}

// enter goes into the directory name, or follows it where it is a link.
func (w *walker) enter(name string) error {
	fd, err := retry(func() (int, error) {
		return unix.Openat(w.dir, name, searchOnly|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
	if err == nil {
		return w.standIn(fd, path.Join(w.at, name))
	}
	if w.isLink(name) {
		return w.follow(name)
	}
	return err
}

func (w *walker) isLink(name string) bool {
	var st unix.Stat_t
	return unix.Fstatat(w.dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK
}

// follow goes on where the link name leads to.
func (w *walker) follow(name string) error {
	if w.followed++; w.followed > maxLinks {
		return unix.ELOOP
	}
	var st unix.Stat_t
	if err := unix.Fstatat(w.dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	buffer := make([]byte, maxPath)
	n, err := unix.Readlinkat(w.dir, name, buffer)
	if err != nil {
		return err
	}
	if n == 0 || n == len(buffer) {
		return unix.ENAMETOOLONG
	}
	w.last = ""
	here := &w.steps[len(w.steps)-1]
	here.linked, here.linkUID = true, st.Uid
	target := string(buffer[:n])
	if strings.HasPrefix(target, "/") {
		if err := w.toRoot(); err != nil {
			return err
		}
	}
	w.push(target)
	return nil
}

// final opens the file name. Where that is a link, it is followed, and there is
// no descriptor and no error: the target comes next.
func (w *walker) final(name string) (int, error) {
	var st unix.Stat_t
	err := unix.Fstatat(w.dir, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	w.last = name
	switch {
	case err != nil:
		return -1, err
	case st.Mode&unix.S_IFMT == unix.S_IFLNK:
		w.toLink = true
		return -1, w.follow(name)
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		w.saw(&st)
		return -1, errNotRegular
	}
	fd, err := w.openLast(0, 0)
	if err != nil && w.isLink(name) { // it has become one
		w.toLink = true
		return -1, w.follow(name)
	}
	return fd, err
}

// create makes the file, which was not there.
func (w *walker) create(perm uint32) (int, error) {
	fd, err := w.openLast(unix.O_CREAT|unix.O_EXCL, perm)
	w.missing = err != nil
	return fd, err
}

func (w *walker) openLast(flags int, perm uint32) (int, error) {
	fd, err := retry(func() (int, error) {
		return unix.Openat(w.dir, w.last, w.flags|flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, perm)
	})
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		closeFile(fd)
		return -1, err
	}
	w.saw(&st)
	return fd, nil
}

func (w *walker) saw(st *unix.Stat_t) {
	w.file = placeOf(path.Join(w.at, w.last), st)
	w.regular = st.Mode&unix.S_IFMT == unix.S_IFREG
	w.links = uint64(st.Nlink) //nolint:unconvert // its width is that of the system
}

// retry repeats what a signal has interrupted.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
