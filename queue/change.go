package queue

import (
	"bufio"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"mailcrane/internal/address"
	"mailcrane/internal/sysexits"
)

// A Change is what a person wants otherwise in the envelope of a message. The
// message itself, its header fields too, stays as it came: it may be signed.
type Change struct {
	// Redirect gives recipients another address; Add and Drop are addresses.
	Redirect []Redirection
	Add      []string
	Drop     []string
	// From is the new reverse-path, "" the null one; nil leaves it.
	From *string
	// Account is the account that must carry it, "" for the router's choice;
	// nil leaves it.
	Account *string
	// NotBefore is when it may leave at the earliest, the zero time for at
	// once; nil leaves it.
	NotBefore *time.Time
}

// Empty says that nothing changes.
func (c Change) Empty() bool {
	return len(c.Redirect)+len(c.Add)+len(c.Drop) == 0 && c.From == nil && c.Account == nil && c.NotBefore == nil
}

// A Redirection sends what was for Old to New.
type Redirection struct{ Old, New string }

// maxChanges bounds one edit: the number of its lines stands in the last one,
// in a field of three digits.
const maxChanges = 900

// Edit changes the envelope of the message of that ID, all of it or nothing,
// and returns the message as it stood and as it stands. What is not to be
// changed, such as a recipient that has the message already, is an error with
// EX_DATAERR.
//
// An edit is one append to the result file, synced; after a crash the message
// has all of it or nothing. The flag that says "look there" is set before, so
// that nobody reads the old envelope once the new one is true.
func (s *Spool) Edit(ctx context.Context, id ID, change Change) (before, after Entry, err error) {
	m, err := s.claimToChange(ctx, id)
	if err != nil {
		return before, after, err
	}
	defer m.Release()
	before = m.entry()
	records, err := m.records(change)
	if err != nil {
		return before, after, err
	}
	syncDir := func() error { return s.syncDir(s.placeOf(m.Name).dir) }
	if !m.Name.Edited {
		err = errors.Join(m.rename(func(n *Name) { n.Edited = true }), syncDir())
	}
	if err == nil {
		err = m.note(records...)
	}
	if err == nil {
		m.Envelope.amend(records)
		m.Results = standing(len(m.Envelope.To), m.history)
		err = m.rename(func(n *Name) { m.edited(n, change) })
	}
	if err == nil {
		err = syncDir()
	}
	return before, m.entry(), err
}

// entry is the message as a person sees it. What comes later does not show.
func (m *Message) entry() Entry {
	e := *m.Envelope
	e.To = slices.Clone(e.To)
	return Entry{Name: m.Name, Envelope: &e, Results: slices.Clone(m.Results)}
}

// edited is the state after an edit: due at once, but for a time that the
// sender has set, and the time that is left to take it back.
func (m *Message) edited(n *Name, change Change) {
	m.follow(n)
	n.Unsure = slices.ContainsFunc(m.Results, Result.unsure)
	if n.Attempts > 0 || change.NotBefore != nil && change.NotBefore.IsZero() {
		n.Next = time.Time{}
	}
}

// records is the lines that write a change down, or why it cannot be made.
func (m *Message) records(change Change) ([]Record, error) {
	d := amendment{message: m, now: m.spool.now(), envelope: *m.Envelope, results: slices.Clone(m.Results)}
	d.envelope.To = slices.Clone(m.Envelope.To)
	for _, step := range [...]func(Change) error{d.redirect, d.drop, d.add, d.others} {
		if err := step(change); err != nil {
			return nil, err
		}
	}
	switch {
	case len(d.records) == 0:
		return nil, d.refuse("say what to change: mailcrane queue edit --help", "nothing of %s would change", m.Name.ID)
	case len(d.records) > maxChanges:
		return nil, d.refuse("make it in several steps", "an edit changes %d things at most", maxChanges)
	case len(pending(d.results)) == 0 && len(m.Pending()) > 0:
		return nil, d.refuse("to take it out of the queue: mailcrane queue remove "+string(m.Name.ID), "nobody would be left to send %s to", m.Name.ID)
	}
	if d.envelope.UTF8 && !d.needsUTF8() {
		d.note(Record{To: -1, Event: EventASCII})
	}
	d.note(Record{To: -1, Event: EventEdited, Code: len(d.records)})
	return d.records, nil
}

// An amendment is an edit that is being put together. Each record is tried on a
// copy of the envelope, so that the next is judged by what the first has made.
type amendment struct {
	message  *Message
	now      time.Time
	envelope Envelope
	results  []Result
	records  []Record
}

func (d *amendment) note(r Record) {
	r.At = d.now
	d.records = append(d.records, r)
	before := d.results
	d.results = d.envelope.amend([]Record{r})
	copy(d.results, before)
	update(d.results, []Record{r})
}

func (d *amendment) refuse(hint, format string, args ...any) error {
	return sysexits.Errorf(sysexits.DataErr, hint, format, args...)
}

// place is that of the recipient with that address who is still to get it.
func (d *amendment) place(of string) (int, error) {
	of = address.Unbracketed(of)
	done := -1
	for i, to := range d.envelope.To {
		switch {
		case address.Key(to.Address) != address.Key(of):
		case d.results[i].Done():
			done = i
		default:
			return i, nil
		}
	}
	if done < 0 {
		return 0, d.refuse("see who is there with: mailcrane queue show "+string(d.message.Name.ID), "%s is no recipient of %s", of, d.message.Name.ID)
	}
	return 0, d.finished(done)
}

// finished says why nothing can be changed for a recipient.
func (d *amendment) finished(place int) error {
	to := d.envelope.To[place].Address
	switch d.results[place].State {
	case Delivered:
		return d.refuse("what was sent cannot be changed", "%s has the message already", to)
	case Failed:
		return d.refuse("to send it to another address: mailcrane queue edit "+string(d.message.Name.ID)+" --add ADDRESS", "the message was refused for %s, and that was reported", to)
	}
	return d.refuse("to send it there after all: mailcrane queue edit "+string(d.message.Name.ID)+" --add "+to, "%s was dropped", to)
}

// fresh checks an address that is to become a recipient.
func (d *amendment) fresh(text string) (string, error) {
	to, err := d.valid(text)
	if err != nil {
		return "", err
	}
	for i, other := range d.envelope.To {
		switch {
		case address.Key(other.Address) != address.Key(to) || d.results[i].State == Dropped:
		case d.results[i].State == Delivered:
			return "", d.refuse("", "%s has the message already", to)
		case !d.results[i].Done():
			return "", d.refuse("", "%s is a recipient of it already", to)
		}
	}
	return to, nil
}

// valid is the address without angle brackets, if it can stand in MAIL and
// RCPT and in a line of the result file.
func (d *amendment) valid(text string) (string, error) {
	a := address.Unbracketed(text)
	err := address.Valid(a)
	if err == nil {
		err = checkPath("address", a)
	}
	if err == nil && oneLine(a) != a {
		err = errors.New("it holds a control character, or is too long")
	}
	if err != nil {
		return "", d.refuse("write it as ann@example.net", "%q cannot be sent to or from: %w", text, err)
	}
	return a, nil
}

func (d *amendment) redirect(change Change) error {
	for _, r := range change.Redirect {
		place, err := d.place(r.Old)
		if err != nil {
			return err
		}
		old := d.envelope.To[place].Address
		if old == address.Unbracketed(r.New) {
			continue
		}
		to, err := d.valid(r.New)
		if err == nil && address.Key(to) != address.Key(old) {
			to, err = d.fresh(r.New)
		}
		if err != nil {
			return err
		}
		d.note(Record{To: place, Address: to, Event: EventRedirected, Text: "was " + old})
	}
	return nil
}

func (d *amendment) drop(change Change) error {
	for _, text := range change.Drop {
		place, err := d.place(text)
		if err != nil {
			return err
		}
		d.note(Record{To: place, Address: d.envelope.To[place].Address, Event: stateNames[Dropped]})
	}
	return nil
}

func (d *amendment) add(change Change) error {
	for _, text := range change.Add {
		to, err := d.fresh(text)
		if err != nil {
			return err
		}
		if len(d.envelope.To) >= MaxRecipients {
			return d.refuse("", "a message has %d recipients at most", MaxRecipients)
		}
		d.note(Record{To: len(d.envelope.To), Address: to, Event: EventAdded})
	}
	return nil
}

// others is what concerns the whole message.
func (d *amendment) others(change Change) error {
	e := &d.envelope
	if change.From != nil {
		from := address.Unbracketed(*change.From)
		if from != "" {
			var err error
			if from, err = d.valid(from); err != nil {
				return err
			}
		}
		if from != e.From {
			d.note(Record{To: -1, Address: from, Event: EventSender, Text: "was <" + e.From + ">"})
		}
	}
	if change.Account != nil && *change.Account != e.Account {
		if err := checkValue("account", *change.Account); err != nil {
			return d.refuse("", "%w", err)
		}
		d.note(Record{To: -1, Route: Route(*change.Account), Event: EventAccount})
	}
	if change.NotBefore == nil {
		return nil
	}
	switch at := change.NotBefore; {
	case at.IsZero():
		d.note(Record{To: -1, Event: EventTimed})
	case !at.IsZero() && !at.Equal(e.NotBefore):
		d.note(Record{To: -1, Event: EventTimed, Text: at.UTC().Format(time.RFC3339)})
	}
	return nil
}

// needsUTF8 says whether the envelope as amended, or the header, needs
// SMTPUTF8. That a header field does shows by an octet above 127.
func (d *amendment) needsUTF8() bool {
	if address.NeedsUTF8(d.envelope.From) {
		return true
	}
	for i, to := range d.envelope.To {
		if !d.results[i].Done() && address.NeedsUTF8(to.Address) {
			return true
		}
	}
	return d.message.Name.Content.EightBit && headerEightBit(d.message.Open())
}

// headerEightBit reads to the end of the header section.
func headerEightBit(message io.Reader) bool {
	lines := bufio.NewReaderSize(message, 64<<10)
	for {
		line, err := lines.ReadSlice('\n')
		if hasEightBit(line) {
			return true
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return false
		}
		if text := strings.TrimRight(string(line), "\r\n"); text == "" {
			return false
		}
	}
}
