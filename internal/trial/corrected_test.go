package trial

import (
	"strings"
	"sync/atomic"
	"testing"
)

// A log-in was refused, and what was wrong is put right without a word to the
// agent, which rests for an hour. Another process finds out that it is good, and
// the agent believes it.
func TestALogInThatWorksInAnyProcessFreesTheAgent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		atServer bool
		free     func(h *home)
	}{
		"the password in its file, all mail flushed":  {false, func(h *home) { h.flushed() }},
		"the account at the server, all mail flushed": {true, func(h *home) { h.flushed() }},
		"the password in its file, another message sent": {false, func(h *home) {
			h.mail("by-hand", you)
			h.run("", "mailcrane", "flush", h.list()[1].ID)
		}},
		"the account at the server, another message sent": {true, func(h *home) {
			h.mail("by-hand", you)
			h.run("", "mailcrane", "flush", h.list()[1].ID)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSmarthost(t)
			h := s.home(t)
			var locked atomic.Bool
			locked.Store(c.atServer)
			s.behave(behaviour{answer: func(at step) string {
				if at.verb == "AUTH" && locked.Load() {
					return "535 5.7.8 locked"
				}
				return ""
			}})
			if !c.atServer {
				h.write("password", "wrong\n")
			}
			a := h.agent()
			h.mail("kept-back", you)
			await(t, "the log-in is refused", func() bool { return strings.Contains(a.said(), "route is down") })
			locked.Store(false)
			h.write("password", s.password+"\n")
			c.free(h)
			s.wantArrival(t, "kept-back")
			h.mail("comes-later", you)
			s.wantArrival(t, "comes-later")
		})
	}
}
