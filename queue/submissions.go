package queue

import (
	"strings"
	"time"
)

// rememberSubmission writes down by what a message that leaves was known again.
// It comes before the message is removed, so that there is no moment in which
// neither that line nor the message says that it was taken in.
func (s *Spool) rememberSubmission(m *Message) {
	if m.Envelope.Submission == "" {
		return
	}
	s.appendDone(Finished{
		ID: m.Name.ID, From: m.Envelope.From, Size: m.Name.Size, Attempts: m.Name.Attempts,
		Records: []Record{{At: s.now(), To: -1, Event: eventSubmission, Text: m.Envelope.Owner + " " + m.Envelope.Submission}},
	})
}

// Submissions calls f with the owner and the submission of each message that was
// taken in since then, and waits or has left lately. What cannot be read is
// passed over.
func (s *Spool) Submissions(since time.Time, f func(owner, submission string, id ID)) error {
	// First those that wait: one that leaves meanwhile is then among the others.
	err := s.Names(func(n Name) bool {
		if n.ID.Received().Before(since) {
			return true
		}
		if e, ok := s.Shown(n); ok && e.Envelope != nil && e.Envelope.Submission != "" {
			f(e.Envelope.Owner, e.Envelope.Submission, n.ID)
		}
		return true
	})
	if err != nil {
		return err
	}
	return s.doneLines(func(line string) {
		if !strings.Contains(line, "\t"+eventSubmission+"\t") {
			return
		}
		const before = 4 // fields, as in addDone
		fields := strings.SplitN(line, "\t", before+1)
		if len(fields) != before+1 {
			return
		}
		id, err := ParseID(fields[0])
		record, ok := parseRecord(fields[before])
		owner, submission, two := strings.Cut(record.Text, " ")
		if err == nil && ok && two && record.Event == eventSubmission && !id.Received().Before(since) {
			f(owner, submission, id)
		}
	})
}
