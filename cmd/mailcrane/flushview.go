package main

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"mailcrane/queue"
)

// A flushView shows a queue run: a line for each result, and on a terminal a
// bar with the octets sent.
type flushView struct {
	out  io.Writer
	also func(queue.Event)
	json bool

	mu sync.Mutex
	// sessions are those that have ended.
	sessions []queue.SessionEnd
	bar      *progressbar.ProgressBar
	sent     map[queue.ID]int64
}

func (v *flushView) begin(stderr io.Writer, s *queue.Spool) {
	v.sent = make(map[queue.ID]int64)
	file, ok := stderr.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return
	}
	var total int64
	names, err := s.Sorted()
	if err != nil {
		return // Flush says why
	}
	for _, n := range names {
		if !n.Waits() {
			total += n.Size
		}
	}
	if total == 0 {
		return
	}
	v.bar = progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(stderr), progressbar.OptionShowBytes(true), progressbar.OptionSetWidth(30),
		progressbar.OptionSetDescription("sending"), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true))
}

func (v *flushView) event(e queue.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.also != nil {
		v.also(e)
	}
	switch e.Kind {
	case queue.Progress:
		v.advance(e.ID, e.Octets)
	case queue.Settled:
		v.result(e)
	case queue.Ended:
		v.advance(e.ID, e.Size)
	case queue.Opening:
		if v.bar != nil {
			v.bar.Describe("connecting (" + string(e.Route) + ")")
		}
	case queue.Opened:
		if v.bar != nil {
			v.bar.Describe("sending (" + string(e.Route) + ")")
		}
	case queue.SessionEnded:
		v.sessions = append(v.sessions, *e.Session)
	case queue.Closed, queue.Begun:
	}
}

func (v *flushView) result(e queue.Event) {
	if v.bar != nil {
		v.bar.Clear() //nolint:errcheck // only the picture suffers
	}
	if v.json {
		writeJSON(v.out, resultOf(e))
		return
	}
	fmt.Fprintln(v.out, printable(fmt.Sprintf("%s %s %s (%s)", e.ID, settledWord(e.Outcome), e.To, e.Outcome.Reply())))
}

func settledWord(o queue.Outcome) string {
	switch o.State() {
	case queue.Delivered:
		return "delivered to"
	case queue.Failed:
		return "refused for"
	}
	return o.State().String() + " for"
}

func (v *flushView) advance(id queue.ID, octets int64) {
	if v.bar == nil || octets <= v.sent[id] {
		return
	}
	v.bar.Add64(octets - v.sent[id]) //nolint:errcheck // only the picture suffers
	v.sent[id] = octets
}

func (v *flushView) end() {
	if v.bar != nil {
		v.bar.Finish() //nolint:errcheck // only the picture suffers
	}
}
