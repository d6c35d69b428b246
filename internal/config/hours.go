package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Span is a time of the day on some days of the week, by the local clock.
type Span struct {
	// Days has the bit 1<<d for each day d of time.Weekday on which it begins.
	Days uint8
	// From and To are minutes since midnight, To at the most minutesADay. One that
	// does not end after it began goes on past midnight.
	From, To int16
}

const (
	everyDay    = 1<<7 - 1
	minutesADay = 24 * 60
)

// Hours are the spans in which a rule of the policy holds.
type Hours []Span

var dayNames = [...]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}

// ParseSpan reads "22-6", "Sat", "Mon-Fri 8:30-17:15" or "Mon,Wed 9-12": days,
// hours, or both. Hours that go past midnight belong to the day on which they
// begin.
func ParseSpan(text string) (Span, error) {
	s := Span{Days: everyDay, To: minutesADay}
	words, ok := strings.Fields(text), true
	hasDays := len(words) > 0 && letter(words[0][0])
	if hasDays {
		s.Days, ok = parseDays(words[0])
		words = words[1:]
	}
	switch {
	case ok && len(words) == 1:
		s.From, s.To, ok = parseClocks(words[0])
	case len(words) > 0 || !hasDays:
		ok = false
	}
	switch {
	case !ok:
		return Span{}, fmt.Errorf("%s is no time of the week: write hours, days, or both, as in 22-6, Sat or Mon-Fri 8:30-17:15", quotedText(text))
	case s.From == s.To:
		return Span{}, fmt.Errorf("%s ends when it begins: for whole days leave the hours out, or write 0-24", quotedText(text))
	}
	return s, nil
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// parseDays reads days and ranges of days with commas between them.
func parseDays(text string) (days uint8, ok bool) {
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, to := weekday(first), weekday(last)
		if from < 0 || to < 0 {
			return 0, false
		}
		for ; from != to; from = (from + 1) % len(dayNames) {
			days |= 1 << from
		}
		days |= 1 << to
	}
	return days, true
}

// weekday is the day that begins so, any case; -1 for none.
func weekday(text string) int {
	const least = 3 // letters, that tell them all apart
	for i, name := range dayNames {
		if len(text) >= least && len(text) <= len(name) && strings.EqualFold(text, name[:len(text)]) {
			return i
		}
	}
	return -1
}

// parseClocks reads 8-17:15.
func parseClocks(text string) (from, to int16, ok bool) {
	begin, end, isRange := strings.Cut(text, "-")
	from, fromOK := parseClock(begin)
	to, toOK := parseClock(end)
	// Midnight at which a day begins and that at which it ends are written 0 and
	// 24; nothing begins at the latter.
	return from, to, isRange && fromOK && toOK && from < minutesADay
}

// parseClock reads an hour, or hour and minute, as minutes since midnight.
func parseClock(text string) (minutes int16, ok bool) {
	hour, minute, both := strings.Cut(text, ":")
	if !both {
		minute = "00"
	}
	if !digits(hour) || !digits(minute) || len(hour) > 2 || len(minute) != 2 {
		return 0, false
	}
	h, _ := strconv.Atoi(hour)
	m, _ := strconv.Atoi(minute)
	at := 60*h + m
	return int16(at), m < 60 && at <= minutesADay //nolint:gosec // four digits
}

// holds says that a minute of a day is within s.
func (s Span) holds(today int, now int16) bool {
	yesterday := (today + len(dayNames) - 1) % len(dayNames)
	switch {
	case s.From < s.To:
		return s.on(today) && s.From <= now && now < s.To
	case now >= s.From:
		return s.on(today)
	}
	return s.on(yesterday) && now < s.To
}

func (s Span) on(day int) bool { return s.Days&(1<<day) != 0 }

func (h Hours) holds(day int, minute int16) bool {
	for _, s := range h {
		if s.holds(day, minute) {
			return true
		}
	}
	return false
}

// Holds says that t, in its own time zone, is within one of the spans.
func (h Hours) Holds(t time.Time) bool {
	return h.holds(int(t.Weekday()), int16(60*t.Hour()+t.Minute())) //nolint:gosec // below minutesADay
}

// String is the span as ParseSpan reads it.
func (s Span) String() string {
	hours := clock(s.From) + "-" + clock(s.To)
	switch {
	case s.Days == everyDay:
		return hours
	case s.From == 0 && s.To == minutesADay:
		return s.days()
	}
	return s.days() + " " + hours
}

// days has ranges where three days or more follow one another.
func (s Span) days() string {
	var parts []string
	for i := 1; i <= len(dayNames); i++ { // Monday first
		first := i
		for i < len(dayNames) && s.on(i%len(dayNames)) && s.on((i+1)%len(dayNames)) {
			i++
		}
		switch {
		case !s.on(first % len(dayNames)):
		case i-first < 2:
			for ; first <= i; first++ {
				parts = append(parts, dayNames[first%len(dayNames)][:3])
			}
		default:
			parts = append(parts, dayNames[first%len(dayNames)][:3]+"-"+dayNames[i%len(dayNames)][:3])
		}
	}
	return strings.Join(parts, ",")
}

func clock(minutes int16) string {
	if minutes%60 == 0 {
		return strconv.Itoa(int(minutes / 60))
	}
	return fmt.Sprintf("%d:%02d", minutes/60, minutes%60)
}

func (h Hours) words() []string {
	var words []string
	for _, s := range h {
		words = append(words, s.String())
	}
	return words
}

// String is the spans with commas between them.
func (h Hours) String() string { return strings.Join(h.words(), ", ") }
