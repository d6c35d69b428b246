package config

import (
	"strings"
	"testing"
	"time"
)

// Coverage: hours.
func TestHoursHoldByTheLocalClock(t *testing.T) {
	for _, c := range []struct {
		reason, span, at string
		want             bool
	}{
		{"its first minute", "8:30-17:15", "Mon 08:30", true},
		{"before it", "8:30-17:15", "Mon 08:29", false},
		{"its last minute", "8:30-17:15", "Mon 17:14", true},
		{"its end", "8:30-17:15", "Mon 17:15", false},
		{"before midnight", "22-6", "Mon 23:59", true},
		{"after midnight", "22-6", "Tue 00:00", true},
		{"at its end after midnight", "22-6", "Tue 06:00", false},
		{"past midnight, a day on which it begins", "Fri 22-6", "Fri 22:00", true},
		{"past midnight, the morning after", "Fri 22-6", "Sat 05:59", true},
		{"past midnight, the morning of that day", "Fri 22-6", "Fri 05:59", false},
		{"past midnight at the end of the week", "Sat 22-6", "Sun 01:00", true},
		{"a whole day", "Sat", "Sat 23:59", true},
		{"the day before", "Sat", "Fri 23:59", false},
		{"the day after", "Sat", "Sun 00:00", false},
		{"days in a range", "Mon-Fri 9-10", "Wed 09:30", true},
		{"days in a range over the end of the week", "Sat-Mon 9-10", "Sun 09:30", true},
		{"a day that is not in it", "Sat-Mon 9-10", "Tue 09:30", false},
		{"a list of days", "Mon,Wed,Fri 9-10", "Wed 09:30", true},
		{"a day between those of a list", "Mon,Wed,Fri 9-10", "Thu 09:30", false},
		{"until midnight", "20-24", "Mon 23:59", true},
		{"until midnight, written as 0", "20-0", "Mon 23:59", true},
		{"until midnight and not after", "20-0", "Tue 00:00", false},
		{"a whole day by its hours", "0-24", "Tue 12:00", true},
	} {
		s, err := ParseSpan(c.span)
		if err != nil {
			t.Errorf("%s: %v", c.reason, err)
			continue
		}
		day, clock, _ := strings.Cut(c.at, " ")
		at, err := time.Parse("2006-01-02 15:04", "2026-11-01 "+clock) // a Sunday
		if err != nil {
			t.Fatal(err)
		}
		at = at.AddDate(0, 0, weekday(day))
		if got := (Hours{s}).Holds(at); got != c.want {
			t.Errorf("%s: %s at %s is %v", c.reason, c.span, c.at, got)
		}
	}
}

func TestASpanIsShownAsItIsWritten(t *testing.T) {
	for _, c := range []struct{ reason, text, want string }{
		{"hours", "22-6", "22-6"},
		{"minutes", "08:30-17:05", "8:30-17:05"},
		{"a day", "SATURDAY", "Sat"},
		{"days one after another", "Mon,Tue,Wed,Thu,Fri 8-17", "Mon-Fri 8-17"},
		{"two of them", "Sat-Sun", "Sat,Sun"},
		{"with gaps", "Sun,Tues,Thurs-Sat", "Tue,Thu-Sun"},
		{"all days", "Mon-Sun 8-9", "8-9"},
		{"always", "Mon-Sun", "0-24"},
		{"over the end of the week", "Sat-Tue", "Mon,Tue,Sat,Sun"},
	} {
		s, err := ParseSpan(c.text)
		if err != nil || s.String() != c.want {
			t.Errorf("%s: %q, %v; want %q", c.reason, s.String(), err, c.want)
		}
	}
}

func TestWhatIsNoTimeOfTheWeekIsRefused(t *testing.T) {
	for _, text := range []string{
		"", " ", "8", "8-", "-8", "8-25", "24-6", "8:60-9", "8:5-9", "8-24:01", "8.30-9", "Mo", "Mon-", "Mon,", "Funday", "Mon 8", "Mon 8-9 10-11", "8-9 Mon",
		"Mondays", "8-8", "Sat 0-0", "008-9", "+8-9", "8-9-10", "Mon - Fri 8-9", "\x00-1",
	} {
		if s, err := ParseSpan(text); err == nil {
			t.Errorf("%q was taken as %s", text, s)
		} else if strings.ContainsRune(err.Error(), 0) {
			t.Errorf("%q: the error has a control character in it", text)
		}
	}
}

// FuzzParseSpan: what is taken means the same when it is shown and read again,
// and holds at some minute of the week, and not at another, unless it is always.
func FuzzParseSpan(f *testing.F) {
	for _, seed := range []string{"22-6", "Sat", "Mon-Fri 8:30-17:15", "Sun,Tue-Thu 0-24", "20-0", "Sat-Mon 23:59-0:01", "", "x", "8-8"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSpan(text)
		if err != nil {
			return
		}
		again, err := ParseSpan(s.String())
		if err != nil {
			t.Fatalf("%q is shown as %q, which cannot be read: %v", text, s, err)
		}
		held, at := 0, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		for range 7 * 24 * 60 {
			now := (Hours{s}).Holds(at)
			if now {
				held++
			}
			if now != (Hours{again}).Holds(at) {
				t.Fatalf("%q is shown as %q, which is another time at %v", text, s, at)
			}
			at = at.Add(time.Minute)
		}
		if held == 0 {
			t.Errorf("%q never holds", text)
		}
	})
}
