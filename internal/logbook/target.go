package logbook

import (
	"io"
	"strconv"
	"sync"
	"time"

	"mailcrane/internal/visible"
)

const (
	// mostLine bounds a line, in octets: what a syslogd takes in one datagram.
	mostLine = 8000
	// mostHeld is how many lines wait for a syslogd or journal that is slow or
	// away; more are dropped, and counted.
	mostHeld = 4096
	// tryAgain is the pause between two tries to reach one.
	tryAgain = time.Second
)

func oneLine(text string) string { return visible.Line(text, mostLine) }

// A stream is a file that lines are written to one after the other.
type stream struct {
	mu sync.Mutex
	to io.Writer
}

func (s *stream) write(_ Level, line string, _ map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = io.WriteString(s.to, line+"\n") // who would hear that the log cannot be written?
}

func (s *stream) close() {}

// An entry is a line on its way.
type entry struct {
	at     time.Time
	level  Level
	line   string
	fields map[string]string
}

// A sender hands lines to another process. An error is that it is not there
// now, or did not take the line in time.
type sender interface {
	send(e entry) error
	close()
}

// queued is a target that nobody waits for: a goroutine sends, and tries again
// while the other side is away.
type queued struct {
	to      sender
	entries chan entry
	ending  chan struct{}
	ended   chan struct{}
	once    sync.Once

	mu   sync.Mutex
	lost int
}

func newQueued(to sender) *queued {
	q := &queued{to: to, entries: make(chan entry, mostHeld), ending: make(chan struct{}), ended: make(chan struct{})}
	go q.run()
	return q
}

func (q *queued) write(level Level, line string, fields map[string]string) {
	select {
	case q.entries <- entry{at: time.Now(), level: level, line: visible.Line(line, mostLine), fields: fields}:
	default:
		q.mu.Lock()
		q.lost++
		q.mu.Unlock()
	}
}

func (q *queued) run() {
	defer close(q.ended)
	defer q.to.close()
	for {
		select {
		case e := <-q.entries:
			if !q.deliver(e) {
				return
			}
		case <-q.ending:
			q.rest()
			return
		}
	}
}

// deliver sends a line however long that takes, unless the log is closed.
func (q *queued) deliver(e entry) bool {
	for q.to.send(e) != nil {
		select {
		case <-q.ending:
			return false
		case <-time.After(tryAgain):
		}
	}
	q.mu.Lock()
	lost := q.lost
	q.lost = 0
	q.mu.Unlock()
	if lost > 0 {
		return q.deliver(entry{at: time.Now(), level: Serious, line: strconv.Itoa(lost) + " lines of the log were lost: its reader was away or slow"})
	}
	return true
}

// rest sends what waits at the end, each line once.
func (q *queued) rest() {
	for {
		select {
		case e := <-q.entries:
			if q.to.send(e) != nil {
				return
			}
		default:
			return
		}
	}
}

func (q *queued) close() {
	q.once.Do(func() { close(q.ending) })
	select {
	case <-q.ended:
	case <-time.After(time.Second):
	}
}
