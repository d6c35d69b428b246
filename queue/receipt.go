package queue

import "mailcrane/queue/dsn"

// receipts queues a report for the recipients that have the message and want
// to have that said (NOTIFY=SUCCESS), where no server further on will say it
// (RFC 3461 section 5.2.2). ok is false where there are none.
func (a *attempt) receipts() (note Record, ok bool, err error) {
	r, m := a.runner, a.message
	var records []Record
	var successes []dsn.Success
	for i, place := range a.pending {
		to := m.Envelope.To[place]
		if o := a.outcome(i, nil); o.state == Delivered && o.receipt != 0 && dsn.Wants(to.Notify, dsn.OnSuccess) {
			records = append(records, record(r.Now(), a.route, place, to.Address, o))
			successes = append(successes, o.receipt)
		}
	}
	if len(records) == 0 || m.Envelope.From == "" {
		return Record{}, false, nil
	}
	report := r.reportOn(dsn.Receipt, m, r.Router.ReturnTo(m.Envelope), records)
	for i := range report.Recipients {
		report.Recipients[i].Success = successes[i]
	}
	note, err = r.put(report, ReportEnvelope(report, m.Name.ID, r.reporter(a.route)), m.Name.ID, a.route, EventConfirmed)
	return note, true, err
}
