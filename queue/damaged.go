package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A damagedError says why a file under queue/ cannot be a message.
type damagedError struct{ why string }

func (e *damagedError) Error() string { return e.why }

// whySuffix is added to the name of a file that was set aside for that of the
// file with the reason.
const whySuffix = ".why"

// resultSuffix is added for its result file.
const resultSuffix = ".result"

// setAside moves a damaged file out of the way, and writes the reason beside
// it. It is never deleted, sent or bounced; nor is one of the same name that
// was set aside before.
func (s *Spool) setAside(from *place, fileName, why string) error {
	there, note, err := s.reserve(from.root, fileName)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(note, "%s: set aside: %s\n", s.now().UTC().Format(time.RFC3339), why)
	if cerr := note.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := s.disk.Rename(from.dir+slash+fileName, there); err != nil {
		s.disk.Remove(there + whySuffix) // another process was first
		return err
	}
	if name, ok := s.belonging(fileName); ok {
		// What became of it so far goes with it.
		err := s.disk.Rename(s.resultFile(s.standingAt(name, from)), there+resultSuffix)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		// Nothing rests on this one.
		_ = s.disk.Rename(s.path(dirTranscript, string(name.ID)), there+transcriptSuffix)
	}
	if err := s.syncDir(from.root.path(dirDamaged, "")); err != nil {
		return err
	}
	return s.syncDir(from.dir)
}

// belonging says whose result file goes with a file that is set aside: where
// its name is damaged, that of the id at its head, unless a message has it.
func (s *Spool) belonging(fileName string) (Name, bool) {
	if name, err := ParseName(fileName); err == nil {
		return name, true
	}
	head, _, _ := strings.Cut(fileName, ".")
	id, err := ParseID(head)
	if err != nil {
		return Name{}, false
	}
	_, err = s.find(id)
	_, none := errors.AsType[NoMessage](err)
	return Name{ID: id}, none
}

// reserve is a path in damaged/ that no other file has, and the file for the
// reason beside it, which keeps the path for us.
func (s *Spool) reserve(r *root, fileName string) (path string, note File, err error) {
	const most = 1000
	for i := range most {
		path = r.path(dirDamaged, fileName)
		if i > 0 {
			path += "." + strconv.Itoa(i+1)
		}
		if note, err = s.disk.Create(path + whySuffix); !errors.Is(err, fs.ErrExist) {
			return path, note, err
		}
	}
	return "", nil, err
}

// DamagedDirs is where files stand that could not be a message.
func (s *Spool) DamagedDirs() []string {
	dirs := make([]string, len(s.roots))
	for i, r := range s.roots {
		dirs[i] = r.path(dirDamaged, "")
	}
	return dirs
}

// SetAside is the names of the files that were set aside; the reason for each
// stands beside it.
func (s *Spool) SetAside() ([]string, error) {
	var names []string
	for _, r := range s.roots {
		err := s.disk.Names(r.path(dirDamaged, ""), func(name string) bool {
			if !strings.HasSuffix(name, whySuffix) && !strings.HasSuffix(name, resultSuffix) && !strings.HasSuffix(name, transcriptSuffix) {
				names = append(names, name)
			}
			return true
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	slices.Sort(names)
	return names, nil
}

// mostStrays is how many files one reading sets aside.
const mostStrays = 1000

// namesAndStrays is Spool.Names, and then moves out of the way what stands in
// the queue under a name that is not ours.
func (r *Runner) namesAndStrays(f func(Name) bool) error {
	type stray struct {
		at   *place
		file string
		why  error
	}
	var strays []stray
	err := r.Spool.eachFile(func(p *place, file string) bool {
		name, err := ParseName(file)
		if err == nil {
			return f(r.Spool.standingAt(name, p))
		}
		if len(strays) < mostStrays {
			strays = append(strays, stray{p, file, err})
		}
		return true
	})
	for _, found := range strays {
		r.Log.Error("file set aside: it is no message of ours", "why", found.why, "now in", found.at.root.path(dirDamaged, ""))
		if err := r.Spool.setAside(found.at, found.file, found.why.Error()); err != nil {
			r.Log.Error("cannot set the file aside", "file", found.file, "err", err)
		}
	}
	return err
}

// A reading reads the names of the queue, the first time with the strays.
type reading struct{ begun bool }

func (o *reading) names(r *Runner, f func(Name) bool) error {
	if o.begun {
		return r.Spool.Names(f)
	}
	o.begun = true
	return r.namesAndStrays(f)
}
