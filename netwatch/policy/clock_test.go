package policy

import (
	"testing"
	"time"
)

// Coverage: hours.
func TestEdgesFollowTheLocalClock(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zones here: ", err)
	}
	all := rules(t, "[policy.a]\nhours = [\"2:30-8\"]\ndo = \"hold\"")
	at := func(text string) time.Time {
		then, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
		if err != nil {
			t.Fatal(err)
		}
		return then
	}
	for _, c := range []struct {
		reason    string
		from, now time.Time
	}{
		{"an ordinary day", at("2026-11-20 12:00"), at("2026-11-21 02:30")},
		{"the night without 2:30 begins them at 3", at("2026-03-28 12:00"), at("2026-03-29 01:59").Add(time.Minute)},
		{"the night with 2:30 twice, by the first", at("2026-10-24 12:00"), at("2026-10-25 00:30").Add(2 * time.Hour)},
		{"which is over when the clock is put back", at("2026-10-25 00:30").Add(2 * time.Hour), at("2026-10-25 00:00").Add(3 * time.Hour)},
		{"and begins once more", at("2026-10-25 00:00").Add(3 * time.Hour), at("2026-10-25 00:00").Add(3*time.Hour + 30*time.Minute)},
	} {
		m := &Moment{Metered: func(string) bool { return false }, Now: c.from}
		if got := Until(all, "work", m); !got.Equal(c.now) {
			t.Errorf("%s: from %v it is %v, want %v", c.reason, c.from, got, c.now)
		}
	}
}
