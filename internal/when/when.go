// Package when reads a time as a person writes it, and writes one so that
// nothing about it is left to guess.
package when

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"mailcrane/internal/config"
)

// most is how far ahead a time may lie: a slip in the year is likelier than a
// letter for next year.
const most = 366 * 24 * time.Hour

// Forms is what can be written, for messages and help.
const Forms = `"2026-11-23 08:00", "08:00" (the next one), "tomorrow 8:00", "monday 8:00", "+2h30m", or "2026-11-23T08:00:00+01:00"`

// Parse reads a time that lies ahead of now, in the zone of now where it names
// none. It is at most a year ahead.
func Parse(text string, now time.Time) (time.Time, error) {
	at, err := parse(strings.TrimSpace(text), now)
	switch {
	case err != nil:
		return time.Time{}, err
	case !at.After(now):
		return time.Time{}, fmt.Errorf("%s is past", Show(at, now))
	case at.Sub(now) > most:
		return time.Time{}, fmt.Errorf("%s is more than a year ahead", Show(at, now))
	}
	return at, nil
}

func parse(text string, now time.Time) (time.Time, error) {
	if len(text) > 64 {
		return time.Time{}, errors.New("a time is not so long: write " + Forms)
	}
	if wait, ok := strings.CutPrefix(text, "+"); ok {
		d, err := config.ParseTime(wait, time.Minute)
		if err != nil {
			return time.Time{}, err
		}
		// Up to the next whole second: a name has no smaller ones.
		return now.Add(d + time.Second - 1).Truncate(time.Second), nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	if day := len(time.DateOnly); len(text) > day && text[day] == 'T' {
		text = text[:day] + " " + text[day+1:]
	}
	words := strings.Fields(text)
	switch {
	case len(words) == 1:
		if clock, ok := parseClock(words[0]); ok {
			return next(now, clock)
		}
	case len(words) == 2:
		clock, ok := parseClock(words[1])
		if days, named := ahead(words[0], now.Weekday()); ok && named {
			return onDay(now, clock, days, words[0])
		}
		if day, err := time.Parse(time.DateOnly, words[0]); ok && err == nil {
			return on(day.Year(), day.Month(), day.Day(), clock, now.Location())
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time: write %s", text, Forms)
}

// A clock is a time of day.
type clock struct{ hour, minute, second int }

func parseClock(text string) (clock, bool) {
	for _, layout := range [...]string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, text); err == nil && t.Nanosecond() == 0 {
			return clock{t.Hour(), t.Minute(), t.Second()}, true
		}
	}
	return clock{}, false
}

// ahead is how many days lie before the day of that name.
func ahead(word string, today time.Weekday) (days int, ok bool) {
	word = strings.ToLower(word)
	switch word {
	case "today":
		return 0, true
	case "tomorrow":
		return 1, true
	}
	for day := time.Sunday; day <= time.Saturday; day++ {
		name := strings.ToLower(day.String())
		if word == name || word == name[:3] {
			return int(day-today+7) % 7, true
		}
	}
	return 0, false
}

// onDay is that time on a day that was named; the weekday that is today means
// the one in a week where the time has passed.
func onDay(now time.Time, c clock, days int, word string) (time.Time, error) {
	at, err := on(now.Year(), now.Month(), now.Day()+days, c, now.Location())
	if err == nil && !at.After(now) && !strings.EqualFold(word, "today") {
		return on(now.Year(), now.Month(), now.Day()+7, c, now.Location())
	}
	return at, err
}

// next is the next time at which a clock shows c.
func next(now time.Time, c clock) (time.Time, error) {
	at, err := on(now.Year(), now.Month(), now.Day(), c, now.Location())
	if err == nil && !at.After(now) {
		return on(now.Year(), now.Month(), now.Day()+1, c, now.Location())
	}
	return at, err
}

// on is the time on that day. An hour that the clocks skip in spring is none.
func on(year int, month time.Month, day int, c clock, zone *time.Location) (time.Time, error) {
	at := time.Date(year, month, day, c.hour, c.minute, c.second, 0, zone)
	if at.Hour() != c.hour || at.Minute() != c.minute {
		return time.Time{}, fmt.Errorf("%02d:%02d does not exist on %s: the clocks are put forward", c.hour, c.minute, at.Format(time.DateOnly))
	}
	return at, nil
}

// Show is a time in full, with its zone, which is that of now.
func Show(at, now time.Time) string {
	at = at.In(now.Location())
	text := at.Format("Mon 2006-01-02 15:04:05 -0700")
	if name := at.Format("MST"); name[0] != '+' && name[0] != '-' {
		text += " " + name
	}
	return text
}
