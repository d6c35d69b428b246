// Package hoststatus keeps how the last session with each host went in a
// directory that all processes read: sendmail's HostStatusDirectory, in its
// format. Nothing rests on it; the whole tree may be removed at any time.
package hoststatus

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"mailcrane/queue"
)

// A Dir is such a directory. It need not exist.
type Dir string

const (
	// maxFile bounds the file of a host.
	maxFile = 4 << 10
	// maxDepth bounds the parts of a name, and so of a path.
	maxDepth = 64
	// maxText is sendmail's bound for a line of text in the file.
	maxText = 80
)

// path is the file of a host: the parts of its name in reverse, each directory
// ending in a dot. host.example.com is com./example./host.
func (d Dir) path(host string) (string, error) {
	parts := strings.Split(strings.TrimSuffix(strings.ToLower(host), "."), ".")
	if len(parts) > maxDepth {
		return "", fmt.Errorf("the host name %q has too many parts", host)
	}
	slices.Reverse(parts)
	for i, part := range parts {
		if part == "" || strings.ContainsAny(part, "/\\\x00") {
			return "", fmt.Errorf("%q is no host name", host)
		}
		if i < len(parts)-1 {
			parts[i] += "."
		}
	}
	return filepath.Join(string(d), filepath.Join(parts...)), nil
}

// Status implements queue.Hosts.
func (d Dir) Status(host string) (queue.HostStatus, error) {
	path, err := d.path(host)
	if err != nil {
		return queue.HostStatus{}, err
	}
	f, err := queue.OS{}.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return queue.HostStatus{}, nil
	}
	if err != nil {
		return queue.HostStatus{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return queue.HostStatus{}, err
	}
	status := parse(string(text))
	status.Host = host
	return status, nil
}

// Note implements queue.Hosts. The file is written in place, since whoever
// talks to the host has it locked.
func (d Dir) Note(s queue.HostStatus) error {
	f, path, err := d.open(s.Host)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := os.Truncate(path, 0); err != nil {
		return err
	}
	_, err = f.Write(text(s))
	return err
}

// Hold implements queue.Hosts.
func (d Dir) Hold(host string) (release func(), free bool, err error) {
	// Who lists or purges holds a file for a moment.
	const tries, pause = 3, 5 * time.Millisecond
	for i := range tries {
		if i > 0 {
			time.Sleep(pause)
		}
		f, path, err := d.open(host)
		if err != nil {
			return nil, false, err
		}
		free, err = f.Lock(false)
		if err == nil && free && f.IsAt(path) {
			return func() { f.Close() }, true, nil
		}
		f.Close()
		if err != nil {
			return nil, false, err
		}
	}
	return nil, false, nil
}

// open opens the file of a host, and makes it and its directories. Another
// process may be purging them meanwhile.
func (d Dir) open(host string) (f queue.File, path string, err error) {
	if path, err = d.path(host); err != nil {
		return nil, "", err
	}
	for range 3 {
		if err = os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, "", err
		}
		if f, err = (queue.OS{}).Append(path); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return f, path, err
}

// text is the file of a status: version, error, resolver error (which we do
// not know apart), exit code, code, reply, time, end.
func text(s queue.HostStatus) []byte {
	b := fmt.Appendf(nil, "V0\nE%d\nH0\nS%d\n", s.Errno, s.Exit)
	for _, line := range [...]struct {
		letter byte
		text   string
	}{{'D', s.Enhanced}, {'R', s.Reply}} {
		if line.text != "" {
			b = append(append(append(b, line.letter), cut(line.text, maxText)...), '\n')
		}
	}
	return fmt.Appendf(b, "U%d\n.\n", s.At.Unix())
}

// parse reads the file of a status; what is cut short, as by a power cut, says
// nothing.
func parse(text string) queue.HostStatus {
	var s queue.HostStatus
	for line := range strings.Lines(text) {
		line, whole := strings.CutSuffix(line, "\n")
		if !whole || line == "" {
			break
		}
		number, err := strconv.ParseInt(line[1:], 10, 64)
		switch line[0] {
		case 'V':
			if number != 0 || err != nil {
				return queue.HostStatus{}
			}
		case 'E':
			s.Errno = int(number)
		case 'S':
			s.Exit = int(number)
		case 'D':
			s.Enhanced = line[1:]
		case 'R':
			s.Reply = line[1:]
		case 'U':
			s.At = time.Unix(number, 0)
		case '.':
			return s
		}
	}
	return queue.HostStatus{}
}

// cut is text of at most n octets, without breaking a character.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "")
}

// All is what is known of each host, by its path.
func (d Dir) All() ([]queue.HostStatus, error) {
	var all []queue.HostStatus
	err := each(string(d), nil, func(path, host string) error {
		if host == "" {
			return nil
		}
		s, err := d.Status(host)
		if err != nil || s.At.IsZero() {
			return err
		}
		release, err := lock(path)
		if s.Busy = errors.Is(err, errHeld); err == nil {
			release()
		}
		all = append(all, s)
		return nil
	})
	return all, err
}

// Purge removes what was noted before then, and empty directories. What a
// process holds stays.
func (d Dir) Purge(then time.Time) error {
	return each(string(d), nil, func(path, host string) error {
		if host == "" {
			// It stays unless it is empty.
			_ = os.Remove(path)
			return nil
		}
		s, err := d.Status(host)
		if err != nil || s.At.After(then) {
			return err
		}
		release, err := lock(path)
		if errors.Is(err, errHeld) {
			return nil
		}
		if err != nil {
			return err
		}
		defer release()
		return os.Remove(path)
	})
}

var errHeld = errors.New("another process has a session with the host")

func lock(path string) (release func(), err error) {
	f, err := queue.OS{}.Open(path)
	if err != nil {
		return nil, err
	}
	free, err := f.Lock(false)
	if err == nil && !free {
		err = errHeld
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// each calls f with each host below dir, whose name ends in suffix, and with
// each directory after what is in it, the host then "".
func each(dir string, suffix []string, f func(path, host string) error) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		part, isDir := strings.CutSuffix(entry.Name(), ".")
		name, path, host := append([]string{part}, suffix...), filepath.Join(dir, entry.Name()), ""
		switch {
		case isDir && entry.IsDir() && len(name) < maxDepth:
			if err := each(path, name, f); err != nil {
				return err
			}
		case !isDir && entry.Type().IsRegular():
			host = strings.Join(name, ".")
		default:
			continue
		}
		if err := f(path, host); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
