package when

import (
	"strings"
	"testing"
	"time"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Skipf("no zone %s here: %v", name, err)
	}
	return z
}

func TestATimeIsReadAsAPersonMeansIt(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	sunday := time.Date(2026, 11, 22, 9, 30, 0, 500, berlin)
	for _, c := range []struct{ reason, text, want string }{
		{"a date and a time", "2026-11-23 08:00", "Mon 2026-11-23 08:00:00 +0100 CET"},
		{"with a T between", "2026-11-23T08:00", "Mon 2026-11-23 08:00:00 +0100 CET"},
		{"with seconds", "2026-11-23 08:00:30", "Mon 2026-11-23 08:00:30 +0100 CET"},
		{"a time that is past today is tomorrow's", "08:00", "Mon 2026-11-23 08:00:00 +0100 CET"},
		{"a time that is to come is today's", "9:31", "Sun 2026-11-22 09:31:00 +0100 CET"},
		{"tomorrow", "tomorrow 8:00", "Mon 2026-11-23 08:00:00 +0100 CET"},
		{"today", "Today 23:59", "Sun 2026-11-22 23:59:00 +0100 CET"},
		{"a weekday with the letter of a date", "Tue 7:05", "Tue 2026-11-24 07:05:00 +0100 CET"},
		{"a weekday", "wed 7:05", "Wed 2026-11-25 07:05:00 +0100 CET"},
		{"the weekday that is today, to come", "sunday 10:00", "Sun 2026-11-22 10:00:00 +0100 CET"},
		{"the weekday that is today, past", "sunday 8:00", "Sun 2026-11-29 08:00:00 +0100 CET"},
		{"a wait, rounded up to a second", "+2h30m", "Sun 2026-11-22 12:00:01 +0100 CET"},
		{"a wait without a unit is in minutes", "+90", "Sun 2026-11-22 11:00:01 +0100 CET"},
		{"another zone", "2026-11-23T08:00:00Z", "Mon 2026-11-23 09:00:00 +0100 CET"},
		{"summer time", "2027-07-01 08:00", "Thu 2027-07-01 08:00:00 +0200 CEST"},
		{"over the end of a month", "2026-12-01 00:00", "Tue 2026-12-01 00:00:00 +0100 CET"},
	} {
		at, err := Parse(c.text, sunday)
		if err != nil || Show(at, sunday) != c.want {
			t.Errorf("%s: %q is %s, %v; want %s", c.reason, c.text, Show(at, sunday), err, c.want)
		}
	}
}

func TestWhatIsNoTimeToComeIsRefused(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	now := time.Date(2027, 3, 27, 9, 30, 0, 0, berlin) // the clocks go forward in the night
	for _, c := range []struct{ reason, text, says string }{
		{"nothing", "", "is not a time"},
		{"past", "2027-03-27 09:29", "Sat 2027-03-27 09:29:00 +0100 CET is past"},
		{"now", "2027-03-27 09:30", "is past"},
		{"today, past", "today 8:00", "is past"},
		{"a slip in the year", "2077-03-28 08:00", "more than a year ahead"},
		{"an hour that does not exist", "tomorrow 2:30", "02:30 does not exist on 2027-03-28"},
		{"no such day", "2027-02-30 08:00", "is not a time"},
		{"no such hour", "24:00", "is not a time"},
		{"a date alone", "2027-04-01", "is not a time"},
		{"a unit that is none", "+2y", "invalid time unit"},
		{"a negative wait", "+-2h", "is not a time"},
		{"too long a wait", "+99999w", "longer than a hundred years"},
		{"something long", strings.Repeat("8", 1000), "not so long"},
	} {
		at, err := Parse(c.text, now)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %q gives %v, %v; want %q", c.reason, c.text, at, err, c.says)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"2026-11-23 08:00", "08:00", "tomorrow 8:00", "+2h30m", "2026-11-23T08:00:00+01:00", "mon 8:00", "+", "T", ": :"} {
		f.Add(text, int64(1795324200))
	}
	f.Fuzz(func(t *testing.T, text string, second int64) {
		now := time.Unix(second%(1<<33), 0).UTC()
		at, err := Parse(text, now)
		if err != nil {
			return
		}
		if !at.After(now) || at.Sub(now) > most {
			t.Errorf("%q at %v gives %v", text, now, at)
		}
		again, err := Parse(at.Format(time.RFC3339), now)
		if err != nil || !again.Equal(at.Truncate(time.Second)) && again.Sub(at).Abs() > time.Second {
			t.Errorf("%q gives %v, which reads back as %v, %v", text, at, again, err)
		}
	})
}
