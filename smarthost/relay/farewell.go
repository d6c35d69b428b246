package relay

import (
	"errors"
	"fmt"
	"os"
)

// closing: the server ends the session, by a 421 (RFC 5321 section 3.8) or in
// words of its own.
type closing struct {
	reply reply
	// guessed: it was no 421, and would not have ended the session had the server
	// gone on.
	guessed bool
	// silent: it said so, but neither closed the connection nor answered what had
	// been sent before: who knows what it does with that.
	silent bool
}

func (e *closing) Error() string {
	return fmt.Sprintf("the server ends the session: %v", e.reply)
}

// codeEnough is how Exim ends a session in which too many commands were not
// about mail, among which it counts each RSET after a refused transaction but the
// first: it refuses the eleventh, and closes.
const codeEnough = 554

// part notes a 421. Nothing more is sent, but replies are still read: what was
// in flight behind it a server may have taken all the same. Exim goes on where
// an ACL says 421; Postfix closes the connection.
func (d *dialogue) part(want expected, r reply) {
	want.parted(r)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.farewell == nil || d.farewell.guessed {
		d.farewell = &closing{reply: r}
		close(d.leaving)
	}
}

// suspect notes a reply that ends the session if nothing comes after it.
func (d *dialogue) suspect(want expected, r reply) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.farewell != nil && !d.farewell.guessed:
	case want.verb == "RSET" && r.code == codeEnough:
		d.farewell = &closing{reply: r, guessed: true}
	default:
		d.farewell = nil
	}
}

// afterFarewell is why the dialogue is over, where the server had said that it
// would be. The caller holds mu.
func (d *dialogue) afterFarewell(why error) error {
	var late *noAnswer
	switch silent := errors.As(why, &late) || errors.Is(why, os.ErrDeadlineExceeded); {
	case d.farewell == nil, d.wire.isCut(), silent && d.farewell.guessed:
		return why
	case silent:
		return &closing{reply: d.farewell.reply, silent: true}
	}
	return d.farewell
}

// goodbye is what the server ended the session with; nil where it did not.
func (d *dialogue) goodbye() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.farewell == nil || d.farewell.guessed {
		return nil
	}
	return d.farewell
}

// finish ends the session for a transaction that was begun and cannot be ended
// for that error, if there is one. When it returns nothing more is filled in.
func (d *dialogue) finish(err error) {
	_, ended := errors.AsType[*closing](err)
	switch {
	case err == nil:
	case ended:
		<-d.failed // what others have in flight is still answered
	default:
		d.give(err)
	}
}
