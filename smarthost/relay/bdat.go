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

// chunks sends the message by BDAT (RFC 3030).
func (t *transaction) chunks(ctx context.Context, b *body) error {
	s := t.session
	together := s.dialogue.window > 1 && t.message.size <= oneFlight
	ahead := chunksAhead
	if s.dialogue.window == 1 {
		ahead = 0
	}
	if !together {
		if err := s.dialogue.drain(0); err != nil || t.hopeless() {
			return err
		}
	}
	total := int64(0)
	for last := false; !last && !t.refused.answered(); {
		portion, end, err := b.next(s.portion)
		if err != nil {
			// Between chunks a transaction can be left by RSET.
			t.local = err
			break
		}
		last = end
		if err := t.chunk(ctx, portion, last, &total); err != nil {
			return err
		}
		if err := s.dialogue.drain(ahead); err != nil {
			return err
		}
	}
	return s.dialogue.drain(0)
}

// chunk sends one BDAT with its octets.
func (t *transaction) chunk(ctx context.Context, portion []byte, last bool, total *int64) error {
	command, verb := fmt.Sprintf("BDAT %d", len(portion)), "BDAT"
	limit := t.session.target.Timeouts.DataBlock
	if last {
		command, verb, limit = command+" LAST", "the end of the message", t.session.target.Timeouts.DataFinal
		if err := t.commit(ctx); err != nil {
			return err
		}
	}
	d := t.session.dialogue
	d.tell(">>> ", fmt.Sprintf("%s [and as many octets]", command))
	t.final = last && len(portion) == 0
	if err := d.write([]byte(command + "\r\n")); err != nil {
		return err
	}
	d.expect(expected{verb: verb, limit: limit, take: func(r reply) { t.chunkAnswered(r, last) }})
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
