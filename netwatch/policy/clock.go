package policy

import (
	"slices"
	"time"

	"mailcrane/internal/config"
)

// Until is when the clock alone changes what the rules say of an account, zero
// for not within a week.
func Until(rules []config.Rule, account string, m *Moment) time.Time {
	all := edges(rules, m.Now)
	if len(all) == 0 {
		return time.Time{}
	}
	before := Decide(rules, account, m)
	for _, t := range all {
		then := *m
		then.Now = t
		if !Decide(rules, account, &then).Same(before) {
			return t
		}
	}
	return time.Time{}
}

// edges are the times of the week to come at which hours of the rules may begin
// or end: by the clock, and where the clock is changed for the summer.
func edges(rules []config.Rule, now time.Time) []time.Time {
	const days = 8 // that of today, and one past midnight after a week
	var minutes []int
	for _, r := range rules {
		for _, s := range r.Hours {
			minutes = append(minutes, int(s.From), int(s.To))
		}
	}
	if minutes == nil {
		return nil
	}
	minutes = append(minutes, 0) // of whole days
	var out []time.Time
	y, month, d := now.Date()
	for day := range days {
		for _, minute := range minutes {
			out = append(out, time.Date(y, month, d+day, 0, minute, 0, 0, now.Location()))
		}
	}
	if _, end := now.ZoneBounds(); !end.IsZero() && end.Before(now.AddDate(0, 0, days)) {
		// What the clock shows twice in that night is an edge both times.
		_, before := now.Zone()
		_, after := end.Zone()
		for _, t := range out {
			out = append(out, t.Add(time.Duration(after-before)*time.Second))
		}
		out = append(out, end)
	}
	out = slices.DeleteFunc(out, func(t time.Time) bool { return !t.After(now) })
	slices.SortFunc(out, time.Time.Compare)
	return slices.CompactFunc(out, time.Time.Equal)
}
