package main

import (
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"mailcrane/queue"
)

// standstill is after how long without an octet in either direction a person is
// told so.
const standstill = 5 * time.Second

// A progress is how far a queue run has come: how much of its mail has reached
// the servers, which on a slow link is long after it was handed to the system.
type progress struct {
	now   func() time.Time
	total int64
	// handed is how much of each message was handed to the network; all is the sum.
	handed map[queue.ID]int64
	all    int64
	// begun is the size of the messages in handed.
	begun int64
	// open are the sessions, and past what has arrived by those that have ended.
	open []traffic
	past int64
	// route is that of the session opened last, or being opened since then.
	route   queue.Route
	opening time.Time
	// moved is what had moved in the open sessions when that last changed.
	moved     int64
	movedLast time.Time
}

// traffic is a session, and what had arrived when the first message began.
type traffic struct {
	session queue.Coster
	base    int64
}

func (p *progress) see(e queue.Event) {
	switch e.Kind {
	case queue.Opening:
		p.route, p.opening = e.Route, p.now()
	case queue.Opened:
		p.route, p.movedLast = e.Route, p.now()
		if e.Live != nil {
			p.open = append(p.open, traffic{e.Live, e.Live.Cost().Arrived})
		}
	case queue.Progress:
		before, known := p.handed[e.ID]
		if !known {
			p.begun += e.Size
		}
		if more := e.Octets - before; more > 0 {
			p.handed[e.ID] = e.Octets
			p.all += more
		}
	case queue.SessionEnded:
		p.sessionEnded(e)
	case queue.Closed, queue.Begun, queue.Settled, queue.Ended, queue.Awaiting, queue.CutOff, queue.Retry, queue.Bounced, queue.Warned:
	}
}

// sessionEnded takes what the server has taken for done. What it has not, of a
// session that broke, is handed over again.
func (p *progress) sessionEnded(e queue.Event) {
	i := slices.IndexFunc(p.open, func(t traffic) bool { return t.session == e.Live })
	if i < 0 {
		return
	}
	if e.Session.Why == "" {
		p.past += max(e.Session.Arrived-p.open[i].base, 0)
	} else {
		p.past += e.Session.Mail
		p.all, p.begun = p.past, p.past
		clear(p.handed)
	}
	p.open = slices.Delete(p.open, i, i+1)
}

// look is how many octets to show, and in words what goes on. The bar's end is
// for the end of the run: until then there are answers to wait for.
func (p *progress) look() (octets int64, words string) {
	now, arrived, moved := p.now(), p.past, int64(0)
	for _, t := range p.open {
		c := t.session.Cost()
		arrived += max(c.Arrived-t.base, 0)
		moved += c.Arrived + c.Received
	}
	if moved != p.moved {
		p.moved, p.movedLast = moved, now
	}
	octets = min(arrived, p.all, p.total-1)
	switch still := now.Sub(p.movedLast); {
	case p.route == "":
		return 0, ""
	case len(p.open) == 0:
		words = "connecting (" + string(p.route) + "), " + span(now.Sub(p.opening))
	case still >= standstill:
		words = "nothing has moved for " + span(still) + " (" + string(p.route) + ")"
	case p.all > 0 && p.all >= p.begun && arrived >= p.all:
		words = "waiting for the answer (" + string(p.route) + ")"
	default:
		words = "sending (" + string(p.route) + ")"
	}
	return octets, words
}

// A progressLine shows a progress on a terminal.
type progressLine struct {
	mu  sync.Mutex
	bar *progressbar.ProgressBar
	progress
	over chan struct{}
}

// newProgressLine is one for the messages of the run; nil where stderr is no
// terminal, or there is nothing to send.
func newProgressLine(stderr io.Writer, s *queue.Spool, run queue.Run, now func() time.Time) *progressLine {
	file, ok := stderr.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return nil
	}
	names, err := s.Sorted()
	if err != nil {
		return nil // the run says why
	}
	var total int64
	for _, n := range names {
		if !n.Waits() && (run.IDs == nil || slices.Contains(run.IDs, n.ID)) {
			total += n.Size
		}
	}
	if total == 0 {
		return nil
	}
	l := &progressLine{progress: progress{now: now, total: total, handed: make(map[queue.ID]int64)}, over: make(chan struct{})}
	l.bar = progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(stderr), progressbar.OptionShowBytes(true), progressbar.OptionSetWidth(30),
		progressbar.OptionSetDescription("sending"), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true))
	go l.tick()
	return l
}

// tick keeps the line true while nothing happens but octets on their way.
func (l *progressLine) tick() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-l.over:
			return
		case <-ticker.C:
			l.draw()
		}
	}
}

func (l *progressLine) event(e queue.Event) {
	l.mu.Lock()
	l.see(e)
	l.mu.Unlock()
	l.draw()
}

func (l *progressLine) draw() {
	l.mu.Lock()
	defer l.mu.Unlock()
	octets, words := l.look()
	if words != "" && !l.bar.IsFinished() {
		l.bar.Set64(octets) //nolint:errcheck // only the picture suffers
		l.bar.Describe(words)
	}
}

// clear makes room for a line of text.
func (l *progressLine) clear() {
	if l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.bar.Clear() //nolint:errcheck // only the picture suffers
	}
}

func (l *progressLine) end() {
	if l != nil {
		close(l.over)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.bar.Finish() //nolint:errcheck // only the picture suffers
	}
}
