package queue

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"mailcrane/internal/address"
)

// units are those of a time in plain words.
var units = [...]struct {
	long time.Duration
	name string
}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}}

// spell is a time in plain words, in its largest unit: "2 hours" for two and a
// half.
func spell(d time.Duration) string {
	for _, unit := range units {
		if d >= unit.long {
			return count(int64(d/unit.long), unit.name)
		}
	}
	return "no time"
}

// spellOut is a time in plain words to the second: "2 hours 30 minutes".
func spellOut(d time.Duration) string {
	var parts []string
	for _, unit := range units {
		if n := int64(d / unit.long); n > 0 {
			parts = append(parts, count(n, unit.name))
			d %= unit.long
		}
	}
	if len(parts) == 0 {
		return spell(d)
	}
	return strings.Join(parts, " ")
}

func count(n int64, name string) string {
	if n == 1 {
		return "1 " + name
	}
	return fmt.Sprintf("%d %ss", n, name)
}

// The words of NOTIFY (RFC 3461 section 4.1).
const (
	OnSuccess = "SUCCESS"
	OnFailure = "FAILURE"
	OnDelay   = "DELAY"
)

// Wants says whether a recipient's NOTIFY asks for reports of that kind.
// Without one, failures and delays are reported, as sendmail does.
func Wants(notify, event string) bool {
	if notify == "" {
		return event != OnSuccess
	}
	for word := range strings.SplitSeq(notify, ",") {
		if word == event {
			return true
		}
	}
	return false
}

// reportOn is a report on the message for the recipients in records.
func (r *Runner) reportOn(kind ReportKind, route Route, m *Message, to string, records []Record) *Report {
	e := m.Envelope
	report := &Report{
		Kind: kind, To: to, From: e.From, Hostname: r.Hostname, At: r.Now(), Account: string(route),
		ID: m.Name.ID, Received: e.Received, EnvID: e.EnvID, UTF8: e.UTF8,
		Original: m.Open(), HeaderOnly: kind != FailureReport || headerOnly(m, records),
	}
	for _, rec := range records {
		report.Recipients = append(report.Recipients, ReportedRecipient{
			Address: rec.Address, ORcpt: e.To[rec.To].ORcpt, Host: rec.Host, Reply: rec.Reply(), Last: rec.At,
		})
	}
	return report
}

// maxWhole is the largest message that is returned whole: what a mailbox
// provider takes at the least.
const maxWhole = 20 << 20

// headerOnly says that a bounce returns the header alone: the sender asked for
// that, the message is one of many (sendmail's negative Precedence), or the
// bounce would not pass where the message did not.
func headerOnly(m *Message, failed []Record) bool {
	return m.Envelope.Ret == "HDRS" || m.Name.Class.Precedence < 0 || m.Name.Size > maxWhole ||
		m.Name.Content.Binary || m.Name.Content.LongLine || slices.ContainsFunc(failed, unfit)
}

// unfit says that the message was refused for its size (RFC 3463: x.3.4,
// x.2.3; RFC 5321: 552), or since it cannot be converted for that server
// (x.6.3), as a report that holds all of it would be.
func unfit(r Record) bool {
	return r.Enhanced == "" && r.Code == 552 || strings.HasSuffix(r.Enhanced, ".3.4") || strings.HasSuffix(r.Enhanced, ".2.3") ||
		strings.HasSuffix(r.Enhanced, ".6.3")
}

// put queues a report, and returns the record that says so.
func (r *Runner) put(report *Report, route Route, event string) (Record, error) {
	id, err := r.Spool.Put(context.Background(), report.Envelope(), report.Message())
	return Record{
		At: r.Now(), To: -1, Event: event, Route: route,
		Text: "a report went to " + report.To + " as " + string(id),
	}, err
}

// bounce queues a report for the recipients that failed and want one, and one
// for the postmaster who wants to see all failures. It returns the records
// that say so.
func (r *Runner) bounce(route Route, m *Message, failed []Record) ([]Record, error) {
	notes, to := []Record(nil), ""
	wanted := slices.DeleteFunc(slices.Clone(failed), func(rec Record) bool {
		return !Wants(m.Envelope.To[rec.To].Notify, OnFailure)
	})
	if len(wanted) == 0 {
		notes = append(notes, Record{
			At: r.Now(), To: -1, Event: "unreported", Route: route, Text: "the sender asked for no report (NOTIFY)",
		})
	} else {
		to = r.Router.ReturnTo(m.Envelope)
		note, err := r.put(r.reportOn(FailureReport, route, m, to, wanted), route, "bounced")
		if err != nil {
			return nil, err
		}
		notes = append(notes, note)
	}
	master, account := r.mailbox(r.Tuning.PostmasterCopy, route)
	if master == "" || m.Name.Class.Precedence < 0 || address.Key(master) == address.Key(to) {
		return notes, nil
	}
	report := r.reportOn(PostmasterCopy, route, m, master, failed)
	report.Account = account
	note, err := r.put(report, route, "bounced")
	if err != nil {
		// The sender knows; a second bounce would do more harm.
		r.Log.Error("cannot queue the copy for the postmaster", "id", m.Name.ID, "err", err)
		return notes, nil
	}
	return append(notes, note), nil
}

// mailbox is an address that the administrator has set, and the account that
// carries mail there: a name without a domain is the person's own mailbox, as
// in mail that is handed in. It is "" where nobody is set or found.
func (r *Runner) mailbox(name string, route Route) (to, account string) {
	account = string(route)
	if name != "" && address.Domain(name) == "" {
		name, account = r.Router.ReturnTo(&Envelope{From: name}), ""
	}
	if address.Valid(name) != nil {
		return "", ""
	}
	return name, account
}
