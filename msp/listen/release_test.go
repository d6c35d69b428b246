package listen

import (
	"testing"
	"time"
)

// Coverage: later.
func TestAClientMaySetATime(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		reason, params, reply string
		want                  time.Time
	}{
		{"seconds", " HOLDFOR=3600", "250 2.1.0", now.Add(time.Hour)},
		{"a time", " SIZE=3 HOLDUNTIL=2026-11-23T08:00:00+01:00", "250 2.1.0", now.Add(19 * time.Hour)},
		{"none", "", "250 2.1.0", time.Time{}},
		{"a time that is past", " HOLDUNTIL=2026-11-21T08:00:00Z", "250 2.1.0", time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)},
		{"both", " HOLDFOR=1 HOLDUNTIL=2026-11-23T08:00:00Z", "501 5.5.4 HOLDFOR or HOLDUNTIL, not both", time.Time{}},
		{"no number", " HOLDFOR=soon", "501 5.5.4 HOLDFOR= wants", time.Time{}},
		{"too many digits", " HOLDFOR=0000000001", "501 5.5.4 HOLDFOR= wants", time.Time{}},
		{"no time", " HOLDUNTIL=tomorrow", "501 5.5.4 HOLDUNTIL= wants", time.Time{}},
		{"too far", " HOLDUNTIL=2028-01-01T00:00:00Z", "501 5.5.4 HOLDFOR= and HOLDUNTIL= may be at most a year ahead", time.Time{}},
		{"too long", " HOLDFOR=99999999", "501 5.5.4 HOLDFOR= and HOLDUNTIL= may be at most a year ahead", time.Time{}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			var r recorder
			d := dial(t, onSocket(t, r.submit, Options{Now: func() time.Time { return now }}))
			d.say("EHLO me\r\n")
			d.want("250")
			d.say("MAIL FROM:<a@b.c>" + c.params + "\r\n")
			d.want(c.reply)
			if c.reply[0] != '2' {
				return
			}
			d.say("RCPT TO:<a@b.c>\r\nDATA\r\n")
			d.want("250", "354")
			d.say("x\r\n.\r\n")
			d.want("250")
			if got := r.all()[0].env.NotBefore; !got.Equal(c.want) {
				t.Errorf("not before %v, want %v", got, c.want)
			}
		})
	}
}
