package trial

import (
	"os"
	"strings"
	"testing"

	"mailcrane/internal/lab"
)

// The desktop is a real one, and the agent sees it by its environment alone.
func TestARefusedLogInIsOneNotificationUntilItWorks(t *testing.T) {
	screen := lab.NewDesktop(t)
	s := newSmarthost(t)
	h := s.home(t)
	h.env = []string{"DBUS_SESSION_BUS_ADDRESS=" + screen.Address}
	s.behave(behaviour{answer: func(at step) string {
		if at.verb == "AUTH" {
			return "535 5.7.8 no"
		}
		return ""
	}})
	a := h.agent()
	if n := screen.Displayed(); n != 0 {
		t.Errorf("%d notifications with nothing in the queue", n)
	}
	h.mail("first", you)
	screen.AwaitDisplayed(1)
	refused := func(n int) func() bool {
		return func() bool { return strings.Count(a.said(), "535 5.7.8 no") >= n }
	}
	await(t, "the log-in is refused", refused(1))
	a.end()
	a = h.agent() // it tries again, and is refused again
	await(t, "the log-in is refused again", refused(1))
	if n := screen.Displayed(); n != 1 {
		t.Errorf("%d notifications of one cause", n)
	}
	s.behave(behaviour{})
	a.end()
	h.agent()
	s.wantArrival(t, "first")
	await(t, "nothing is remembered", func() bool {
		text, err := os.ReadFile(h.spool("known", "notices"))
		return err == nil && strings.TrimSpace(string(text)) == ""
	})
}

// Nothing is left for the agent to send, so that it does not find out itself.
func TestAFlushThatIsLetInTakesTheNotificationAway(t *testing.T) {
	screen := lab.NewDesktop(t)
	s := newSmarthost(t)
	h := s.home(t)
	h.env = []string{"DBUS_SESSION_BUS_ADDRESS=" + screen.Address}
	h.write("password", "wrong\n")
	h.agent()
	h.mail("first", you)
	screen.AwaitDisplayed(1)
	h.write("password", s.password+"\n")
	h.flushed()
	screen.AwaitDisplayed(0)
}
