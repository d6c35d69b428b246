package trial

import (
	"strings"
	"testing"

	"mailcrane/internal/sysexits"
)

func TestSendWaitsForTheServersAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		refused string // the reply to RCPT for nobody@
		agent   bool
		code    int
		says    string
	}{
		"no such address":                  {"550 5.1.1 nobody here", false, sysexits.NoUser, "refused for nobody@trial.example (550 5.1.1 nobody here)"},
		"no such address, by an agent":     {"550 5.1.1 nobody here", true, sysexits.NoUser, "refused for nobody@trial.example (550 5.1.1 nobody here)"},
		"refused for another reason":       {"554 5.7.1 not from you", true, sysexits.Unavailable, "refused for nobody@trial.example (554 5.7.1 not from you)"},
		"put off, which the agent goes on": {"451 4.2.0 later", true, sysexits.TempFail, "deferred for nobody@trial.example (451 4.2.0 later)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSmarthost(t)
			s.behave(behaviour{answer: func(at step) string {
				if at.verb == "RCPT" && strings.Contains(at.argument, "nobody@") {
					return c.refused
				}
				return ""
			}})
			h := s.home(t)
			if c.agent {
				h.agent()
			}
			r := h.run(letter("waited"), "mailcrane", "send", "--wait=3s", "-oi", "-f", me, you, "nobody@trial.example")
			if r.code != c.code || !strings.Contains(r.stdout, c.says) || !strings.Contains(r.stdout, "delivered to "+you) {
				t.Errorf("exit code %d: %s", r.code, r.said())
			}
			s.wantArrival(t, "waited")
		})
	}
}
