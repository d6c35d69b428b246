package main

import (
	"fmt"
	"io"
	"sync"

	"mailcrane/mta/route"
	"mailcrane/queue"
)

// A flushView shows a queue run: a line for each result, and on a terminal how
// far it has come.
type flushView struct {
	out, notes  io.Writer
	also        func(queue.Event)
	json, stats bool
	progress    *progressLine // nil: none is shown

	mu sync.Mutex
	// sessions are those that have ended, where stats are wanted.
	sessions []queue.SessionEnd
	// sorted is how many recipients go on as other messages.
	sorted int
	// without is why there is no way out, as it was told last.
	without string
	// broke is why the last session of a route did not go on.
	broke map[queue.Route]*queue.RouteFault
}

func (v *flushView) event(e queue.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.also != nil {
		v.also(e)
	}
	switch e.Kind {
	case queue.Settled:
		v.without = ""
		v.result(e)
	case queue.Closed:
		v.broke[e.Route] = e.Fault
	case queue.Opening:
		v.again(e.Route)
	case queue.SessionEnded:
		if v.stats {
			v.sessions = append(v.sessions, *e.Session)
		}
	case queue.Awaiting:
		v.note("another process, such as the agent, is sending %s; waiting for it", count(e.Of, "message"))
	case queue.CutOff:
		v.cutOff(e)
	case queue.Opened, queue.Begun, queue.Progress, queue.Ended, queue.Retry, queue.Bounced, queue.Warned:
	}
	if v.progress != nil {
		v.progress.event(e)
	}
}

func (v *flushView) result(e queue.Event) {
	v.progress.clear()
	if v.json {
		writeJSON(v.out, resultOf(e))
		return
	}
	if ids, ok := route.WentOnAs(e.Outcome.Host(), e.Outcome.Reply().String()); ok {
		v.sorted++
		sayLine(v.out, string(e.ID)+" ", fmt.Sprintf("for %s goes on as %s", e.To, ids))
		return
	}
	sayLine(v.out, string(e.ID)+" ", fmt.Sprintf("%s %s (%s)", settledWord(e.Outcome), e.To, e.Outcome.Reply()))
}

// again says why a session is opened anew. Of one that is not, the end of the
// run tells.
func (v *flushView) again(route queue.Route) {
	if fault := v.broke[route]; fault != nil {
		delete(v.broke, route)
		v.note("%s: %s; connecting again", wayOf(route), fault.Sentence())
	}
}

// cutOff says, once for all accounts, why nothing moves any more.
func (v *flushView) cutOff(e queue.Event) {
	switch {
	case e.Why == v.without:
	case e.Rule != "":
		v.without = e.Why
		v.note("%s; what was begun ends, and nothing else is sent", printable(e.Why))
	default:
		v.without = e.Why
		v.note("%s; what was begun waits for the network (Ctrl-C stops)", e.Why)
	}
}

func (v *flushView) note(format string, args ...any) {
	v.progress.clear()
	note(v.notes, format, args...)
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
