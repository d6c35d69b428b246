package queue

import (
	"testing"

	"mailcrane/queue/dsn"
)

func TestAReportHasNoSenderThatCouldBeToldOfIt(t *testing.T) {
	for _, c := range []struct {
		to   string
		utf8 bool
	}{
		{"me@example.org", false},
		{"grå@exämple.org", true}, // its own receiver's address needs SMTPUTF8
	} {
		e := ReportEnvelope(&dsn.Report{Kind: dsn.Delay, To: c.to}, "cemj5daczhtqd", "home")
		if e.From != "" || len(e.To) != 1 || e.To[0].Notify != "NEVER" || e.UTF8 != c.utf8 || e.Account != "home" {
			t.Errorf("%s: envelope %+v", c.to, e)
		}
	}
}
