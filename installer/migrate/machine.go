package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A Machine is the one whose files are read: this one, or another whose root
// directory is mounted somewhere here.
type Machine struct {
	// Root is "/", or where the other machine's root directory is.
	Root string
	// Home and User are the person's on that machine; "" where nobody's
	// settings are asked for.
	Home, User string
	// Address is the person's own, "" where nobody said it.
	Address string
	// Git runs git with these arguments; nil where there is none.
	Git func(ctx context.Context, args ...string) ([]byte, error)
	// Running says that a process with that name runs on this machine; nil where
	// that is not known.
	Running func(name string) bool
	// Getenv is the environment, for variables that move a program's files;
	// it is asked for this machine only.
	Getenv func(string) string
}

// here says that it is this machine, and not another one's disk.
func (m *Machine) here() bool { return m.Root == "" || m.Root == "/" }

func (m *Machine) env(name string) string {
	if !m.here() || m.Getenv == nil {
		return ""
	}
	return m.Getenv(name)
}

// home is the path of a file in the person's home directory, or "".
func (m *Machine) home(name string) string {
	if m.Home == "" {
		return ""
	}
	return path.Join(filepath.ToSlash(m.Home), name)
}

// tilde puts the home directory for ~ at the beginning.
func (m *Machine) tilde(name string) string {
	if rest, ok := strings.CutPrefix(name, "~/"); ok && m.Home != "" {
		return m.home(rest)
	}
	return name
}

// at is where a path of that machine is on this one.
func (m *Machine) at(name string) string {
	if m.here() {
		return filepath.FromSlash(name)
	}
	return filepath.Join(m.Root, filepath.FromSlash(path.Clean("/"+filepath.ToSlash(name))))
}

// mailname is the name that a Debian machine's mail comes from, or "".
func (m *Machine) mailname() string {
	text, err := m.settings("/etc/mailname")
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return strings.TrimSpace(first)
}

var (
	errNotRegular = errors.New("it is no regular file")
	errLinked     = errors.New("it has a second name somewhere else")
	errTooLarge   = errors.New("it is too large")
)

// reach is the directory under which a path of that machine is looked for, with
// the path from there; the caller closes it. On another machine's disk it is
// that one's root, so that no link leads away from it.
func (m *Machine) reach(name string) (*os.Root, string, error) {
	dir, rest := m.Root, strings.TrimPrefix(path.Clean("/"+filepath.ToSlash(name)), "/")
	if m.here() {
		dir, rest = filepath.Split(filepath.FromSlash(name))
	}
	root, err := os.OpenRoot(cmp.Or(dir, "."))
	return root, cmp.Or(rest, "."), err
}

// lstat is what stands at a path of that machine, a link as itself.
func (m *Machine) lstat(name string) (fs.FileInfo, error) {
	root, rest, err := m.reach(name)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Lstat(rest)
}

// settings reads a file of settings. On this machine links are followed, as
// each program does with its own; on another machine's disk only those that
// stay on it.
func (m *Machine) settings(name string) ([]byte, error) {
	var f *os.File
	var err error
	if m.here() {
		f, err = os.OpenFile(filepath.FromSlash(name), os.O_RDONLY|nonblock, 0)
	} else {
		f, err = m.inRoot(name)
	}
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	return readRegular(f, mostSettings)
}

func (m *Machine) inRoot(name string) (*os.File, error) {
	root, rest, err := m.reach(name)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.OpenFile(rest, os.O_RDONLY|nonblock, 0)
}

// readRegular reads all of a regular file that has at most most octets.
func readRegular(f *os.File, most int64) ([]byte, error) {
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, cause(err)
	case !info.Mode().IsRegular():
		return nil, errNotRegular
	}
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%w: more than %d octets", errTooLarge, most)
	}
	return text, cause(err)
}

// cause is err without the path, which the sentence around it names.
func cause(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

// open opens a file of a queue, where others may write: no link is followed,
// and only a regular file is taken. Where single, it must have one name only,
// so that nobody hands us a file of ours that he could not read himself.
func (m *Machine) open(name string, single bool) (*os.File, error) {
	there, err := m.lstat(name)
	switch {
	case err != nil:
		return nil, cause(err)
	case !there.Mode().IsRegular():
		return nil, errNotRegular
	}
	f, err := m.inRoot(name)
	if err != nil {
		return nil, cause(err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !os.SameFile(there, info): // it was exchanged meanwhile
		err = errNotRegular
	case single && links(info) > 1:
		err = errLinked
	}
	if err != nil {
		f.Close()
		return nil, cause(err)
	}
	return f, nil
}

// control reads a queue's file that says who gets a message.
func (m *Machine) control(name string) ([]byte, error) {
	f, err := m.open(name, true)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readRegular(f, mostControl)
}

// names are those of a queue's directory, sorted; a link in its place is
// refused. That it is not there is no error.
func (m *Machine) names(f *Found, dir string) []string {
	info, err := m.lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var entries []os.DirEntry
	if err == nil && !info.IsDir() {
		err = errors.New("it is no directory")
	}
	if err == nil {
		entries, err = m.readDir(dir)
	}
	if err != nil {
		f.leave(dir, readable(err), "the queue cannot be read: %v", cause(err))
		return nil
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if len(names) == mostMessages {
			f.leave(dir, "import again when these have gone", "the queue holds more than %d files; the others were not looked at", mostMessages)
			break
		}
		names = append(names, e.Name())
	}
	return names
}

func (m *Machine) readDir(name string) ([]os.DirEntry, error) {
	f, err := m.inRoot(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

// readable is what to type where a file may not be read.
func readable(err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return "as root: sudo mailcrane import"
	}
	return ""
}

// lines reads the settings in a file, and notes the file in Found. ok is false
// where it is not there, or cannot be read, which is noted.
func (m *Machine) lines(f *Found, name string) (lines []string, ok bool) {
	if name == "" {
		return nil, false
	}
	text, err := m.settings(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false
	}
	if err != nil {
		f.leave(name, readable(err), "the file cannot be read: %v", err)
		return nil, false
	}
	f.read(name)
	return strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"), true
}

// place is FILE:LINE for a line counted from 0.
func place(name string, line int) string { return fmt.Sprintf("%s:%d", name, line+1) }
