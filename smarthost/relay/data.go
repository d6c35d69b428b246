package relay

import (
	"context"
	"fmt"
)

// data sends the message by DATA.
func (t *transaction) data(ctx context.Context, b *body) error {
	s, limit := t.session, t.session.target.Timeouts
	want := t.expected("DATA", limit.DataInit, func(r reply) { t.start = r })
	want.more = true
	err := s.dialogue.command("DATA", want)
	if err == nil {
		err = s.dialogue.drain(0)
	}
	switch begin, err := t.begin(err); {
	case err != nil || !begin:
		return err
	case t.hopeless() && t.anybody():
		// A server that refused MAIL and then took the rest has some other
		// transaction open: nothing may be put into that.
		return &unexpected{"DATA", t.start}
	}
	err = s.dialogue.expect(t.expected("the end of the message", limit.DataFinal, func(r reply) { t.end = r }))
	if err != nil {
		return err
	}
	if t.hopeless() {
		// RFC 2920 section 3.1: the server waits for an end all the same.
		return t.finish(".\r\n")
	}
	b.encoder.dots = true
	if err := t.stream(b); err != nil {
		return err
	}
	if err := t.commit(ctx); err != nil {
		return err
	}
	return t.finish(".\r\n")
}

// begin reads the answer to DATA, and says whether the message is to follow.
func (t *transaction) begin(err error) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil:
		return false, err
	case t.parted:
		return false, nil // a 421, of which run tells
	case t.start.code == 354:
		return true, nil
	case t.start.code/100 == 4 || t.start.code/100 == 5:
		t.refused = t.start
		return false, nil
	}
	return false, &unexpected{"DATA", t.start}
}

// finish writes the end of the message. What follows it, the next envelope, may
// share its flight (RFC 2920 section 3.1).
func (t *transaction) finish(end string) error {
	d := t.session.dialogue
	t.final, t.place = !t.hopeless(), d.out.place()+int64(len(end))
	if err := d.write([]byte(end)); err != nil || t.manner.group {
		return err
	}
	return d.drain(0)
}

// stream sends the message up to the final dot.
func (t *transaction) stream(b *body) error {
	total := int64(0)
	for {
		portion, last, err := b.next(t.session.portion)
		if err != nil {
			// DATA once begun can only be ended by closing the connection.
			t.local = err
			return &localError{"the stored message could not be read to its end, so the connection was given up", err}
		}
		if err := t.portion(portion, false, &total); err != nil {
			return err
		}
		if last {
			t.session.dialogue.tell(t.message.delivery.Transcript, ">>> ", fmt.Sprintf("[%d octets]", total))
			return nil
		}
	}
}
