package queue

import (
	"io"
	"math"
	"path/filepath"
	"strings"
)

// What is told of the spool while it changes: each of these reads what is new
// since the last look, and no more.

// NameAt is the name of the message in the file at path, which must be in one of
// the queue's directories.
func (s *Spool) NameAt(path string) (Name, error) {
	name, err := ParseName(filepath.Base(path))
	if err != nil {
		return Name{}, err
	}
	places, err := s.places()
	if err != nil {
		return Name{}, err
	}
	dir := filepath.Dir(path)
	for _, p := range places {
		if p.dir == dir {
			return s.standingAt(name, p), nil
		}
	}
	return name, nil
}

// Since is the records of a message behind the first octets of its result file,
// as Name.History counts them.
func (s *Spool) Since(n Name, octets int64) ([]Record, error) {
	f, err := s.disk.Open(s.resultFile(n))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	records, _, err := readRecords(io.NewSectionReader(f, octets, math.MaxInt64-octets), maxResultLine)
	return records, err
}

// A DoneTail reads what is remembered of messages as they leave the queue. It is
// not for use by several goroutines at once.
type DoneTail struct {
	spool *Spool
	file  File // nil while there is none
	at    int64
	line  string // the beginning of one whose end is not written yet
}

// TailDone begins behind all that has left by now.
func (s *Spool) TailDone() *DoneTail {
	t := &DoneTail{spool: s}
	if t.open(); t.file != nil {
		t.at, _ = ending(t.file)
	}
	return t
}

// Path is the file that grows; it is another one after a turn, which shows as
// its creation.
func (t *DoneTail) Path() string { return t.spool.path(fileDone, "") }

// RoutesDir is the directory in which the file of a route is replaced when
// something was seen of it.
func (s *Spool) RoutesDir() string { return s.path(dirRoute, "") }

// RouteStateAt is the state in the file at path, in RoutesDir; ok is false where
// that tells something else of the route.
func (s *Spool) RouteStateAt(path string) (state RouteState, ok bool) {
	name := filepath.Base(path)
	if filepath.Dir(path) != s.RoutesDir() || strings.Contains(name, "~") {
		return RouteState{}, false
	}
	text, err := s.readAll(s.path(dirRoute, name), maxRouteState)
	if err != nil {
		return RouteState{}, false
	}
	state, err = parseRouteState(text)
	return state, err == nil
}

func (t *DoneTail) open() {
	t.at, t.line = 0, ""
	f, err := t.spool.disk.Open(t.Path())
	if err != nil {
		return
	}
	t.file = f
}

// Turn goes on to the file that has taken the place of the one read so far. It
// returns what was left to be read of that, and what the new one has.
func (t *DoneTail) Turn() []Finished {
	left := t.Next()
	t.Close()
	t.open()
	return append(left, t.Next()...)
}

// Next is what has left since the last call.
func (t *DoneTail) Next() []Finished {
	if t.file == nil {
		return nil
	}
	text, err := io.ReadAll(io.NewSectionReader(t.file, t.at, maxDone))
	if err != nil {
		return nil
	}
	t.at += int64(len(text))
	var done []Finished
	for line := range strings.Lines(t.line + string(text)) {
		whole, ended := strings.CutSuffix(line, "\n")
		if t.line = ""; !ended {
			t.line = line[:min(len(line), maxResultLine)]
			break
		}
		done = addDone(done, whole)
	}
	return done
}

// Close lets go of the file.
func (t *DoneTail) Close() {
	if t.file != nil {
		t.file.Close()
		t.file = nil
	}
}
