package relay

import (
	"context"
	"fmt"
	"io"
)

// chunksAhead is how many chunks may be unanswered: enough to keep a
// satellite link busy, few enough to notice a refusal early.
const chunksAhead = 3

// body begins to read a message, into the session's buffers.
func (s *Session) body(src io.Reader) *body {
	if s.portion == nil {
		s.piece = make([]byte, min(readPiece, s.portionSize/4))
		s.portion = make([]byte, 0, s.portionSize)
	}
	return &body{src: src, buf: s.piece}
}

// together says that the message goes out in one flight with its envelope, and
// so before anything is known of its recipients. One for a later time does not:
// where the server refuses the time nobody has an outcome, as long as the message
// was not committed.
func (t *transaction) together() bool {
	return t.manner.chunks && t.manner.group && t.message.size <= oneFlight &&
		t.message.delivery.HoldUntil.IsZero() && !t.session.window.isShy()
}

// chunks sends the message by BDAT (RFC 3030), once it is known that the server
// takes a recipient.
func (t *transaction) chunks(ctx context.Context, b *body) error {
	s := t.session
	ahead := chunksAhead
	if !t.manner.group {
		ahead = 0
	}
	if err := s.dialogue.drain(0); err != nil || t.hopeless() {
		return err
	}
	total := int64(0)
	for last := false; !last && !t.refusedData(); {
		portion, end, err := b.next(s.portion)
		if err != nil {
			// Between chunks a transaction can be left by RSET.
			t.local = err
			return nil
		}
		last = end
		if last {
			if err := t.commit(ctx); err != nil {
				return err
			}
		}
		if err := t.chunk(portion, last, &total); err != nil {
			return err
		}
		switch {
		case last && t.manner.group:
		case last:
			return s.dialogue.drain(0)
		default:
			if err := s.dialogue.drain(ahead); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *transaction) refusedData() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refused.answered()
}

// chunk sends one BDAT with its octets.
func (t *transaction) chunk(portion []byte, last bool, total *int64) error {
	command, verb := fmt.Sprintf("BDAT %d", len(portion)), "BDAT"
	limit := t.session.target.Timeouts.DataBlock
	if last {
		command, verb, limit = command+" LAST", "the end of the message", t.session.target.Timeouts.DataFinal
	}
	d := t.session.dialogue
	d.tell(t.message.delivery.Transcript, ">>> ", fmt.Sprintf("%s [and as many octets]", command))
	if err := d.expect(t.expected(verb, limit, func(r reply) { t.chunkAnswered(r, last) })); err != nil {
		return err
	}
	line := []byte(command + "\r\n")
	t.final, t.place = last && len(portion) == 0, d.out.place()+int64(len(line))
	if err := d.write(line); err != nil {
		return err
	}
	return t.portion(portion, last, total)
}

func (t *transaction) chunkAnswered(r reply, last bool) {
	if !r.ok() && !t.refused.answered() {
		t.refused = r
	}
	if last {
		t.end = r
	}
}
