package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/internal/visible"
	"mailcrane/mta/site"
	"mailcrane/queue"
)

// cannotUseSpool is the one sentence for a spool that cannot be read.
func cannotUseSpool(c *config.Config, err error) error {
	if sysexits.Code(err) != sysexits.Software {
		return err
	}
	hint := "look at its owner and mode with: ls -ld " + strings.Join(c.Spools, " ")
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		hint = "free some space: df -h " + strings.Join(c.Spools, " ")
	}
	return sysexits.Errorf(sysexits.CantCreat, hint,
		"the queue in %s cannot be used: %w", c.Spools, err)
}

// sayFaults tells why each route is down, and how to mend it.
func (a *app) sayFaults(faults map[queue.Route]*queue.RouteFault) {
	hint := ""
	for _, route := range slices.Sorted(maps.Keys(faults)) {
		f := faults[route]
		note(a.stderr, "%s now: %s", cannotGo(route), f.Sentence())
		if f.Hint != "" && f.Hint != hint {
			note(a.stderr, "%s", f.Hint)
		}
		hint = f.Hint
	}
}

// cannotGo says that a route is down.
func cannotGo(route queue.Route) string {
	if host := site.HostOf(route); host != "" {
		return "mail for " + host + " cannot go"
	}
	return "account " + string(route) + " cannot send"
}

// wayOf is a route in words: an account, or a server's door.
func wayOf(route queue.Route) string {
	if host := site.HostOf(route); host != "" {
		return "the way to " + host
	}
	return "account " + string(route)
}

// note tells something that is no result.
func note(stderr io.Writer, format string, args ...any) {
	sayLine(stderr, "mailcrane: ", fmt.Sprintf(format, args...))
}

// sayUnroutable tells which messages have no account to go by, or cannot be
// read.
func (a *app) sayUnroutable(c *config.Config, r *queue.Runner, want func(queue.Entry) bool) error {
	names, err := r.Spool.Sorted()
	if err != nil {
		return cannotUseSpool(c, err)
	}
	said := make(map[string]bool)
	for _, name := range names {
		entry, ok := r.Spool.Shown(name)
		if !ok || name.Waits() || !want(entry) {
			continue
		}
		if entry.Trouble != "" {
			note(a.stderr, "%s waits: %s", name.ID, entry.Trouble)
			continue
		}
		if _, err := r.Router.Route(entry.Envelope); err != nil && !said[err.Error()] {
			said[err.Error()] = true
			note(a.stderr, "%s waits: %v", name.ID, err)
			if hint := sysexits.Hint(err); hint != "" {
				note(a.stderr, "%s", hint)
			}
		}
	}
	return nil
}

// printable is text from outside, fit for a terminal.
func printable(text string) string { return visible.Line(text, 0) }

// count is a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// octets is a size for a person.
func octets(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// ago is how long ago, or ahead, a time is, in its largest unit.
func ago(now, at time.Time) string {
	d := now.Sub(at)
	if d < 0 {
		return "in " + span(-d)
	}
	return span(d) + " ago"
}

// span is a time in its largest unit, the nearest whole number of them.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	in := func(unit time.Duration) int { return int(d.Round(unit) / unit) }
	switch {
	case in(time.Second) < 60:
		return fmt.Sprintf("%d s", in(time.Second))
	case in(time.Minute) < 60:
		return fmt.Sprintf("%d min", in(time.Minute))
	case in(time.Hour) < 48:
		return fmt.Sprintf("%d h", in(time.Hour))
	}
	return fmt.Sprintf("%d days", in(day))
}
