package queue

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// spell is a time in plain words, in its largest unit.
func spell(d time.Duration) string {
	unit := func(n int64, name string) string {
		if n == 1 {
			return "1 " + name
		}
		return fmt.Sprintf("%d %ss", n, name)
	}
	switch {
	case d >= 24*time.Hour:
		return unit(int64(d/(24*time.Hour)), "day")
	case d >= time.Hour:
		return unit(int64(d/time.Hour), "hour")
	}
	return unit(int64(d/time.Minute), "minute")
}

// nobodyToTell is the record of a message with the null reverse-path that
// could not be delivered. It gets no report, which would make a loop (RFC 5321
// section 4.5.5).
func nobodyToTell(now time.Time, route Route) Record {
	return Record{
		At: now, To: -1, Event: "held", Route: route,
		Text: "it could not be delivered, and it has no sender to tell: read it, then remove it",
	}
}

// bounce queues a report for the recipients that failed and want one, and
// returns the record that says so.
func (r *Runner) bounce(route Route, m *Message, records []Record) (Record, error) {
	note := Record{At: r.Now(), To: -1, Event: "bounced", Route: route}
	var failed []Record
	for _, rec := range records {
		if rec.failed() && wantsFailure(m.Envelope.To[rec.To]) {
			failed = append(failed, rec)
		}
	}
	if len(failed) == 0 {
		note.Event, note.Text = "unreported", "the sender asked for no report (NOTIFY)"
		return note, nil
	}
	report := Report{
		To: r.Router.ReturnTo(m.Envelope), Hostname: r.Hostname, At: r.Now(), Account: string(route),
		ID: m.Name.ID, Received: m.Envelope.Received, EnvID: m.Envelope.EnvID, UTF8: m.Envelope.UTF8,
		Original: m.Open(),
		// The report itself must pass every server.
		HeaderOnly: m.Envelope.Ret == "HDRS" || m.Name.Content.Binary || m.Name.Content.LongLine ||
			slices.ContainsFunc(failed, tooLarge),
	}
	for _, rec := range failed {
		report.Failed = append(report.Failed, FailedRecipient{rec.Address, m.Envelope.To[rec.To].ORcpt, rec.Host, rec.Reply()})
	}
	id, err := r.Spool.Put(context.Background(), report.Envelope(), report.Message())
	note.Text = "a report went to " + report.To + " as " + string(id)
	return note, err
}

// tooLarge says that the message was refused for its size (RFC 3463: x.3.4,
// x.2.3; RFC 5321: 552), as a report that holds all of it would be.
func tooLarge(r Record) bool {
	return r.Enhanced == "" && r.Code == 552 || strings.HasSuffix(r.Enhanced, ".3.4") || strings.HasSuffix(r.Enhanced, ".2.3")
}

// wantsFailure follows RFC 3461 section 4.1: without NOTIFY, failures are
// reported.
func wantsFailure(to Recipient) bool {
	return to.Notify == "" || strings.Contains(to.Notify, "FAILURE")
}
