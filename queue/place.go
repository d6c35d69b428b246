package queue

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// slash divides the parts of a path. All directories of a spool are clean, so
// filepath.Join would look through them in vain, some ten times a message.
const slash = string(filepath.Separator)

// A root is one queue directory, with everything that docs/spool.md describes.
type root struct {
	dir  string
	main place // its queue/
}

func newRoot(dir string) *root {
	r := &root{dir: dir}
	r.main = place{root: r, dir: r.path(dirQueue, ""), result: r.path(dirResult, "")}
	return r
}

// path is that of a file in one of the root's directories, or of the
// directory where name is "".
func (r *root) path(dir, name string) string {
	path := r.dir + slash + dir
	if name == "" {
		return path
	}
	return path + slash + name
}

// A place is a directory in which messages stand. A Name knows its own, so
// that a message is found, changed and removed where it was seen.
type place struct {
	root *root
	// slow is the name of the slow queue that it is, "" for the queue itself.
	slow string
	// dir holds the messages and result what became of them.
	dir, result string
}

// placeOf is where the message of that name stands.
func (s *Spool) placeOf(n Name) *place {
	if n.at == nil {
		return &s.roots[0].main
	}
	return n.at
}

// file is the path of the message of that name.
func (s *Spool) file(n Name) string { return s.placeOf(n).dir + slash + n.String() }

// resultFile is the path of its result file.
func (s *Spool) resultFile(n Name) string { return s.placeOf(n).result + slash + string(n.ID) }

// Slow is the name of the slow queue in which the message stands, or "".
func (n Name) Slow() string {
	if n.at == nil {
		return ""
	}
	return n.at.slow
}

// standingAt is the name of a message that stands at p.
func (s *Spool) standingAt(n Name, p *place) Name {
	n.at = p
	if p == &s.roots[0].main {
		n.at = nil
	}
	return n
}

// slowPlace is a slow queue of a root; there is one place for each, so that
// names can be compared.
func (s *Spool) slowPlace(r *root, name string) *place {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.slow {
		if p.root == r && p.slow == name {
			return p
		}
	}
	p := &place{root: r, slow: name, dir: r.path(dirSlow, name), result: r.main.result}
	s.slow = append(s.slow, p)
	return p
}

// slowNames is the names of the slow queues of a root, sorted.
func (s *Spool) slowNames(r *root) ([]string, error) {
	var names []string
	err := s.disk.Names(r.path(dirSlow, ""), func(name string) bool {
		if SlowName(name) {
			names = append(names, name)
		}
		return true
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	slices.Sort(names)
	return names, err
}

// SlowQueues is the names of the slow queues that are there.
func (s *Spool) SlowQueues() ([]string, error) {
	var all []string
	for _, r := range s.roots {
		names, err := s.slowNames(r)
		if err != nil {
			return nil, err
		}
		all = append(all, names...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// SlowName says that name can be that of a slow queue, and so of a directory.
func SlowName(name string) bool {
	const most = 64
	if name == "" || len(name) > most {
		return false
	}
	for i := range len(name) {
		c := name[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || strings.IndexByte("._-", c) < 0) {
			return false
		}
	}
	return true
}

// slowDir says of which spool a directory is which slow queue; "" if it is none.
func slowDir(dir string, disk Disk) (spool, slow string) {
	parent, name := filepath.Split(dir)
	parent = strings.TrimSuffix(parent, slash)
	if filepath.Base(parent) != dirSlow || !SlowName(name) {
		return "", ""
	}
	spool = filepath.Dir(parent)
	for _, there := range [...]string{dirTmp, dirQueue} {
		if _, err := disk.Modified(spool + slash + there); err != nil {
			return "", ""
		}
	}
	return spool, name
}

// places is every directory in which messages may stand. Of each root the
// queue comes first: a message that moves to a slow queue meanwhile shows in
// one of the two, or in both, never in none. With an error come those that
// could be found all the same.
func (s *Spool) places() (places []*place, failed error) {
	for _, r := range s.roots {
		if s.within == "" {
			places = append(places, &r.main)
		}
		names, err := s.slowNames(r)
		failed = errors.Join(failed, err)
		for _, name := range names {
			if s.within == "" || s.within == name {
				places = append(places, s.slowPlace(r, name))
			}
		}
	}
	return places, failed
}

// eachFile calls f with the name of each file at each place, until f returns
// false. What is not there is empty. What cannot be read is an error, once the
// others were read: a fault of one disk is none of theirs.
func (s *Spool) eachFile(f func(p *place, file string) bool) error {
	places, failed := s.places()
	for _, p := range places {
		more := true
		err := s.disk.Names(p.dir, func(file string) bool {
			more = f(p, file)
			return more
		})
		switch {
		case errors.Is(err, fs.ErrNotExist), p.slow != "" && errors.Is(err, syscall.ENOTDIR):
		case err != nil:
			failed = errors.Join(failed, err)
		}
		if !more {
			return nil
		}
	}
	return failed
}

// Empty says that nothing at all stands in the queue or in a slow queue, not
// even a file that is no message; false comes with every error.
func (s *Spool) Empty() (bool, error) {
	empty := true
	err := s.eachFile(func(*place, string) bool {
		empty = false
		return false
	})
	return empty && err == nil, err
}

// Within is the same spool, confined to one of its slow queues: only what
// stands there is seen, and what is put goes there.
func (s *Spool) Within(slow string) *Spool {
	return &Spool{
		roots: s.roots, disk: s.disk, now: s.now, within: slow,
		Remember: s.Remember, Patience: s.Patience,
	}
}

// Confined is the slow queue to which the spool is confined, or "".
func (s *Spool) Confined() string { return s.within }

// WatchDirs is the directories in which messages appear: those without which
// there is no queue, and the slow queues, which may come and go.
func (s *Spool) WatchDirs() (queues, slow []string, err error) {
	places, err := s.places()
	for _, p := range places {
		if p.slow == "" {
			queues = append(queues, p.dir)
		} else {
			slow = append(slow, p.dir)
		}
	}
	return queues, slow, err
}

// SlowDirs is the directories in which a new slow queue appears.
func (s *Spool) SlowDirs() []string {
	dirs := make([]string, len(s.roots))
	for i, r := range s.roots {
		dirs[i] = r.path(dirSlow, "")
	}
	return dirs
}
