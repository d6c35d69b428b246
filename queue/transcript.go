package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"mailcrane/internal/visible"
)

// dirTranscript keeps the last session of each message that a server did not
// take, so that a person can see what was said. Nothing rests on it: it is
// not synced, and lost or left over it does no harm.
const dirTranscript = "transcript"

// The bounds of a transcript, in octets: of a line, and of the lines from the
// beginning and from the end that are kept of a long one.
const (
	mostTranscriptLine = 1000
	transcriptHead     = 12 << 10
	transcriptTail     = 20 << 10
	maxTranscriptFile  = 64 << 10
)

// A Transcript is the last session as far as it was about one message, or the
// last one that a route did not allow.
type Transcript struct {
	At    time.Time `json:"at"`
	Route Route     `json:"account,omitempty"`
	// Lines begin with ">>> " for what we said, "<<< " for what the server
	// said, "*** " for what happened. They have no secrets in them.
	Lines []string `json:"lines"`
}

// cutLine is a line fit for a transcript's file and for a terminal.
func cutLine(text string) string { return visible.Line(text, mostTranscriptLine) }

// A recorder keeps the beginning and the end of what it is told.
type recorder struct {
	mu             sync.Mutex
	head, tail     []string
	headSize, size int // octets of head; of tail
	omitted        int // lines
}

// line may be called from any goroutine.
func (r *recorder) line(text string) {
	text = cutLine(text)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.tail) == 0 && r.omitted == 0 && r.headSize+len(text) <= transcriptHead {
		r.head = append(r.head, text)
		r.headSize += len(text)
		return
	}
	r.tail = append(r.tail, text)
	r.size += len(text)
	for r.size > transcriptTail {
		r.size -= len(r.tail[0])
		r.tail = r.tail[1:]
		r.omitted++
	}
}

func (r *recorder) lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.omitted == 0 {
		return slices.Concat(r.head, r.tail)
	}
	return slices.Concat(r.head, []string{fmt.Sprintf("*** %d lines left out", r.omitted)}, r.tail)
}

// append writes the transcript's file: the time and the route, then the lines.
func (t Transcript) append(b []byte) []byte {
	b = t.At.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(append(append(b, ' '), oneLine(string(t.Route))...), '\n')
	for _, line := range t.Lines {
		b = append(append(b, cutLine(line)...), '\n')
	}
	return b
}

func parseTranscript(text string) (Transcript, error) {
	first, rest, _ := strings.Cut(text, "\n")
	when, route, _ := strings.Cut(first, " ")
	at, err := time.Parse(time.RFC3339Nano, when)
	if err != nil {
		return Transcript{}, err
	}
	t := Transcript{At: at, Route: Route(route)}
	for line := range strings.Lines(rest) {
		t.Lines = append(t.Lines, strings.TrimSuffix(line, "\n"))
	}
	return t, nil
}

// keepTranscript replaces the transcript of a message.
func (s *Spool) keepTranscript(id ID, t Transcript) error {
	if len(t.Lines) == 0 {
		return nil
	}
	return s.replace(dirTranscript, string(id), t.append(nil))
}

// Transcript is the last session of a message that is in the queue; one
// without lines if there is none.
func (s *Spool) Transcript(id ID) (Transcript, error) {
	return s.readTranscript(s.path(dirTranscript, string(id)))
}

// RouteTranscript is the last session that could not be opened on a route;
// one without lines if there is none.
func (s *Spool) RouteTranscript(route Route) (Transcript, error) {
	return s.readTranscript(s.routePath(route) + transcriptSuffix)
}

func (s *Spool) readTranscript(path string) (Transcript, error) {
	text, err := s.readAll(path, maxTranscriptFile)
	if errors.Is(err, fs.ErrNotExist) {
		return Transcript{}, nil
	}
	if err != nil {
		return Transcript{}, err
	}
	return parseTranscript(text)
}

// dropTranscript forgets the transcript of a message that leaves the queue.
func (s *Spool) dropTranscript(id ID) { s.disk.Remove(s.path(dirTranscript, string(id))) }
