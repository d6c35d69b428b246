package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// What has left the queue is written to fileDone, so that "where is my
// message" has an answer afterwards too. Once that is large it becomes
// fileDoneBefore. Neither is synced: nothing rests on them.
const (
	fileDone       = "done"
	fileDoneBefore = "done.1"
	// doneOctets is about how long the story of one message is there.
	doneOctets = 256
	// maxDone bounds what is read of one of the files.
	maxDone = 64 << 20
	// mostDoneRecipients bounds the recipients of one message that are named.
	mostDoneRecipients = 100
)

// A Finished is a message that has left the queue.
type Finished struct {
	ID ID
	// From is the reverse-path without angle brackets.
	From string
	Size int64
	// Attempts is how often a server has answered for it.
	Attempts int
	// Records is when no answer came for a recipient, which may then have the
	// message twice; what became of each recipient (an event more than a result
	// file has: "removed", by a person); then what was said about the whole
	// message, with -1 in To.
	Records []Record
}

// remember writes down that m has left the queue. final are the records that
// its result file does not have. It is one small write, and a disk that does
// not take it is no reason to stop.
func (s *Spool) remember(m *Message, final []Record) {
	s.appendDone(s.finished(m, final))
}

func (s *Spool) appendDone(done Finished) {
	if s.Remember <= 0 {
		return
	}
	f, err := s.disk.Append(s.path(fileDone, ""))
	if err != nil {
		return
	}
	defer f.Close()
	if _, err := f.Write(done.append(nil)); err != nil {
		return
	}
	s.turnDone(f)
}

// turnDone begins a new file when f, which has half of what is remembered, is
// long enough. The lock keeps two processes from both doing that, by which the
// second would lose what the first has put aside.
func (s *Spool) turnDone(f File) {
	var one [1]byte
	most := int64(s.Remember) * doneOctets / 2
	if n, _ := f.ReadAt(one[:], most); n == 0 {
		return
	}
	path := s.path(fileDone, "")
	if ok, err := f.Lock(false); err == nil && ok && f.IsAt(path) {
		_ = s.disk.Rename(path, s.path(fileDoneBefore, ""))
	}
}

// finished is what is remembered of a message.
func (s *Spool) finished(m *Message, final []Record) Finished {
	done := Finished{ID: m.Name.ID, From: m.Envelope.From, Size: m.Name.Size, Attempts: m.Name.Attempts}
	if len(final) > 0 {
		done.Attempts++
	}
	done.Records = m.unanswered()
	results := slices.Clone(m.Results)
	update(results, final)
	for i, r := range results {
		if i == mostDoneRecipients {
			done.Records = append(done.Records, Record{
				At: s.now(), To: -1, Event: EventMore, Text: fmt.Sprintf("and %d recipients more", len(results)-i),
			})
			break
		}
		last := r.Last
		if !r.Done() {
			last.At, last.Event = s.now(), EventRemoved
			if m.Name.OnWire {
				last.Text = whyRecovered
			}
		}
		last.To, last.Address = i, m.Envelope.To[i].Address
		done.Records = append(done.Records, last)
	}
	for _, r := range slices.Concat(m.history, final) {
		if r.To < 0 {
			done.Records = append(done.Records, r)
		}
	}
	return done
}

// unanswered is the records of attempts to which no answer came, the last of
// them, without the words.
func (m *Message) unanswered() []Record {
	var all []Record
	for _, r := range m.history {
		if r.To < 0 || r.To >= len(m.Envelope.To) || r.Event != Uncertain.String() {
			continue
		}
		if r.Address == "" {
			r.Address = m.Envelope.To[r.To].Address
		}
		r.Text = ""
		all = append(all, r)
	}
	return all[max(len(all)-mostDoneRecipients, 0):]
}

// append writes a line for each record: id, sender, size and attempts, then
// the line of a result file.
func (d Finished) append(b []byte) []byte {
	for _, r := range d.Records {
		b = append(append(append(append(b, d.ID...), '\t'), oneLine(d.From)...), '\t')
		b = append(strconv.AppendInt(b, d.Size, 10), '\t')
		b = append(strconv.AppendInt(b, int64(d.Attempts), 10), '\t')
		b = r.append(b)
	}
	return b
}

// Done is the messages that have left the queue lately, in the order in which
// they did. What cannot be read is passed over.
func (s *Spool) Done() ([]Finished, error) {
	var done []Finished
	err := s.doneLines(func(line string) { done = addDone(done, line) })
	return done, err
}

// doneLines calls f with each line of what is remembered.
func (s *Spool) doneLines(f func(line string)) error {
	for _, file := range [...]string{fileDoneBefore, fileDone} {
		text, err := s.readAll(s.path(file, ""), maxDone)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for line := range strings.Lines(text) {
			f(strings.TrimSuffix(line, "\n"))
		}
	}
	return nil
}

// addDone takes a line in: another record of the last message, or the first
// of the next.
func addDone(done []Finished, line string) []Finished {
	const before = 4 // fields
	fields := strings.SplitN(line, "\t", before+1)
	if len(fields) != before+1 {
		return done
	}
	id, err := ParseID(fields[0])
	size, err2 := strconv.ParseInt(fields[2], 10, 64)
	attempts, err3 := strconv.Atoi(fields[3])
	record, ok := parseRecord(fields[before])
	if err != nil || err2 != nil || err3 != nil || !ok || size < 0 || attempts < 0 || record.Event == eventSubmission {
		return done
	}
	if len(done) == 0 || done[len(done)-1].ID != id {
		done = append(done, Finished{ID: id, From: fields[1], Size: size, Attempts: attempts})
	}
	last := &done[len(done)-1]
	last.Records = append(last.Records, record)
	return done
}

// forgetDone removes what was remembered, where nothing is to be.
func (s *Spool) forgetDone() {
	if s.Remember > 0 {
		return
	}
	s.disk.Remove(s.path(fileDone, ""))
	s.disk.Remove(s.path(fileDoneBefore, ""))
}
