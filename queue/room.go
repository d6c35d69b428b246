package queue

import "slices"

// The room for one recipient's line in a result file, beside its address, and
// the most for those of one attempt. Beyond that a list is so long that hardly
// all of it can be answered with the longest texts.
const (
	roomForRecord = 768
	mostRoom      = 4 << 20
)

// reserve sets room aside for what the answers will say, before they can come:
// if the disk filled up meanwhile, it could not be written down who has the
// message already, and all would get it again. A single recipient needs no
// room: once it has the message, the file goes, and until then the name says
// enough.
func (m *Message) reserve(pending []int) error {
	if len(pending) < 2 {
		return nil
	}
	f, err := m.spool.disk.Append(m.spool.resultFile(m.Name))
	if err != nil {
		return err
	}
	defer f.Close()
	var octets int64
	for _, place := range pending {
		octets += roomForRecord + int64(len(m.Envelope.To[place].Address))
	}
	return f.Reserve(min(octets, mostRoom))
}

// mayHaveIt says that the message has reached the recipient, or may have.
func (r Record) mayHaveIt() bool {
	return r.Event == Delivered.String() || r.Event == Uncertain.String()
}

// untold is what the records come to when the report on those that failed
// could not be queued: they stay open, for a server that refuses a recipient
// for good will say so again.
func untold(records []Record) []Record {
	return slices.DeleteFunc(slices.Clone(records), Record.failed)
}
