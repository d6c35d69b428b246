package relay

import (
	"testing"
	"time"
)

// Coverage: later.
func TestFutureReleaseIsReadFromEHLO(t *testing.T) {
	for _, c := range []struct {
		reason, line string
		want         time.Duration
	}{
		{"the interval is shorter", "FUTURERELEASE 86400 2026-12-31T00:00:00Z", 24 * time.Hour},
		{"the date is nearer", "futurerelease 864000 2026-11-22t20:00:00+01:00", 7 * time.Hour},
		{"the date is past", "FUTURERELEASE 86400 2026-11-21T00:00:00Z", 0},
		{"no bounds", "FUTURERELEASE", 0},
		{"no date", "FUTURERELEASE 86400", 0},
		{"no number", "FUTURERELEASE soon 2026-12-31T00:00:00Z", 0},
		{"a number too large", "FUTURERELEASE 1234567890 2026-12-31T00:00:00Z", 0},
		{"a negative number", "FUTURERELEASE -5 2026-12-31T00:00:00Z", 0},
		{"no such date", "FUTURERELEASE 86400 tomorrow", 0},
		{"not offered", "PIPELINING", 0},
	} {
		now := func() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }
		s := &Session{caps: capabilities([]string{c.line}), target: &Target{Now: now}}
		if got := s.MayHold(); got != c.want {
			t.Errorf("%s: %q holds for %v, want %v", c.reason, c.line, got, c.want)
		}
	}
}

func TestAMessageForALaterTimeIsHandedOverWithItsTime(t *testing.T) {
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	hold := " HOLDUNTIL=" + until.UTC().Format(time.RFC3339)
	const offer = "FUTURERELEASE 86400 2096-12-31T00:00:00Z"
	for _, c := range []struct {
		why, offers string
		play        script
		want        string
	}{
		{
			"the server keeps it", "8BITMIME," + offer,
			script{"C: MAIL FROM:<a@example.org>" + hold, "S: 250 ok", "C: RCPT TO:<x@d>", "S: 250 ok", "C: DATA", "S: 354 go", "C: hi", "C: .", "S: 250 kept"},
			"delivered",
		},
		{
			"it refuses the time after all: nobody is refused for that", "8BITMIME," + offer,
			script{"C: MAIL FROM:<a@example.org>" + hold, "S: 501 5.5.4 too far ahead"},
			"pending",
		},
		{
			"it refuses a recipient, which a later time would not change", "8BITMIME," + offer,
			script{"C: MAIL FROM:<a@example.org>" + hold, "S: 250 ok", "C: RCPT TO:<x@d>", "S: 550 nobody"},
			"failed",
		},
		{
			"it refuses the time where a message goes out together with its envelope: nobody is uncertain for that", "PIPELINING,CHUNKING," + offer,
			script{"C: MAIL FROM:<a@example.org>" + hold, "C: RCPT TO:<x@d>", "S: 501 5.5.4 too far ahead\n503 no"},
			"pending",
		},
		{"it does not offer it: nothing is said", "8BITMIME", script{"C: QUIT", "S: 221 bye"}, "pending"},
		{"it does not offer it for so long", "8BITMIME,FUTURERELEASE 60 2096-12-31T00:00:00Z", script{"C: QUIT", "S: 221 bye"}, "pending"},
	} {
		t.Run(c.why, func(t *testing.T) {
			s := opened(t, c.offers, nil, c.play...)
			o := mail("hi\n", "x@d")
			o.HoldUntil = until
			if fault := s.Deliver(t.Context(), &o.Delivery); fault != nil {
				t.Fatal(fault.Sentence())
			}
			s.Close(t.Context()) // where nothing is said, the server waits for this
			if got := o.states(); got != c.want {
				t.Errorf("the outcome is %q, want %q", got, c.want)
			}
			if got := o.committed > 0; got != (c.want == "delivered") {
				t.Errorf("committed %d times, %s", o.committed, c.want)
			}
		})
	}
}
