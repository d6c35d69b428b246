package queue

import (
	"strings"
	"time"

	"mailcrane/internal/address"
	"mailcrane/queue/dsn"
)

// warn tells the sender that the message is late, after being tried for so
// long, and when it will be given up (zero: not known), and returns the record
// of it. Nobody is told, and the record says so, of a message without a sender
// or from a mailing list, of one with a negative Precedence, and where no
// recipient that is left wants it (NOTIFY).
func (r *Runner) warn(route Route, m *Message, after time.Duration, until time.Time) (Record, error) {
	note := Record{At: r.Now(), To: -1, Event: EventUnreported, Route: route}
	var late []Record
	for _, place := range m.Pending() {
		if to := m.Envelope.To[place]; dsn.Wants(to.Notify, dsn.OnDelay) {
			rec := m.Results[place].Last
			rec.To, rec.Address = place, to.Address
			late = append(late, rec)
		}
	}
	switch local, _ := address.Split(strings.ToLower(m.Envelope.From)); {
	case m.Envelope.From == "":
		note.Text = "it is late, and has no sender to tell"
	case m.Name.Class.Precedence < 0:
		note.Text = "it is late; of bulk mail nobody is told"
	case strings.HasPrefix(local, "owner-"), strings.HasSuffix(local, "-request"):
		note.Text = "it is late; a mailing list is not told"
	case len(late) == 0:
		note.Text = "it is late; the sender asked for no report of that (NOTIFY)"
	default:
		report := r.reportOn(dsn.Delay, m, r.Router.ReturnTo(m.Envelope), late)
		report.After, report.Until = after, until
		return r.put(report, ReportEnvelope(report, m.Name.ID, r.reporter(route)), m.Name.ID, route, EventWarned)
	}
	return note, nil
}
