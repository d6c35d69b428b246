package queue

import (
	"context"
	"slices"
	"strings"

	"mailcrane/internal/address"
	"mailcrane/queue/dsn"
)

// ReportEnvelope is that of a report: from the null reverse-path, so that
// nothing can come back for it (RFC 5321 section 4.5.5). about is the message
// that it is about, "" if that was never queued; account is "" to let the
// router choose.
func ReportEnvelope(r *dsn.Report, about ID, account string) *Envelope {
	by := "mailcrane, for a message that could not be queued"
	if about != "" {
		by = "mailcrane, because " + string(about) + " " + [...]string{
			dsn.Failure: "failed", dsn.Delay: "is late", dsn.Receipt: "arrived", dsn.PostmasterCopy: "failed, for the postmaster",
		}[r.Kind]
	}
	return &Envelope{
		To:   []Recipient{{Address: r.To, Notify: "NEVER"}},
		UTF8: r.International(), Account: account, Submitter: by, Received: r.At,
	}
}

// reportOn is a report on the message for the recipients in records.
func (r *Runner) reportOn(kind dsn.Kind, m *Message, to string, records []Record) *dsn.Report {
	e := m.Envelope
	report := &dsn.Report{
		// A report to somebody elsewhere must not claim to come from there: its
		// server would take that for a forgery (RFC 7489).
		Kind: kind, To: to, From: e.From, Domain: address.Domain(r.Router.ReturnTo(e)), Hostname: r.Hostname, At: r.Now(),
		Received: e.Received, EnvID: e.EnvID, UTF8: e.UTF8,
		Original: m.Open(), HeaderOnly: kind != dsn.Failure || headerOnly(m, records),
	}
	if r.Preface != nil {
		report.Preface = r.Preface()
	}
	for _, rec := range records {
		report.Recipients = append(report.Recipients, dsn.Recipient{
			Address: rec.Address, ORcpt: e.To[rec.To].ORcpt, Host: rec.Host, Reply: dsn.Reply(rec.Reply()), Last: rec.At,
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

// put queues a report on a message, and returns the record that says so.
func (r *Runner) put(report *dsn.Report, e *Envelope, about ID, route Route, event string) (Record, error) {
	id, err := r.Spool.Put(context.Background(), e, report.Message())
	switch {
	case err != nil:
	case event == EventBounced && report.Kind == dsn.Failure:
		r.tell(Event{Kind: Bounced, Route: route, ID: about})
	case event == EventWarned:
		r.tell(Event{Kind: Warned, Route: route, ID: about})
	}
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
		return !dsn.Wants(m.Envelope.To[rec.To].Notify, dsn.OnFailure)
	})
	if len(wanted) == 0 {
		notes = append(notes, Record{
			At: r.Now(), To: -1, Event: EventUnreported, Route: route, Text: "the sender asked for no report (NOTIFY)",
		})
	} else {
		to = r.Router.ReturnTo(m.Envelope)
		report := r.reportOn(dsn.Failure, m, to, wanted)
		note, err := r.put(report, ReportEnvelope(report, m.Name.ID, r.reporter(route)), m.Name.ID, route, EventBounced)
		if err != nil {
			return nil, err
		}
		notes = append(notes, note)
	}
	master, account := r.mailbox(r.Tuning.PostmasterCopy, route)
	if master == "" || m.Name.Class.Precedence < 0 || address.Key(master) == address.Key(to) {
		return notes, nil
	}
	report := r.reportOn(dsn.PostmasterCopy, m, master, failed)
	note, err := r.put(report, ReportEnvelope(report, m.Name.ID, account), m.Name.ID, route, EventBounced)
	if err != nil {
		// The sender knows; a second bounce would do more harm.
		r.Log.Error("cannot queue the copy for the postmaster", "id", m.Name.ID, "err", err)
		return notes, nil
	}
	return append(notes, note), nil
}

// reporter is the account that carries reports on messages of a route: its own,
// but for a server, whose reports go where their recipients are.
func (r *Runner) reporter(route Route) string {
	if r.ByRecipient {
		return ""
	}
	return string(route)
}

// mailbox is an address that the administrator has set, and the account that
// carries mail there: a name without a domain is the person's own mailbox, as
// in mail that is handed in. It is "" where nobody is set or found.
func (r *Runner) mailbox(name string, route Route) (to, account string) {
	account = r.reporter(route)
	if name != "" && address.Domain(name) == "" {
		name, account = r.Router.ReturnTo(&Envelope{From: name}), ""
	}
	if address.Valid(name) != nil {
		return "", ""
	}
	return name, account
}
