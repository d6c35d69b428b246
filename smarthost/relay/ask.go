package relay

import (
	"errors"
	"strings"
	"time"
)

// next reads one reply before listen; a 421 is an error.
func (d *dialogue) next(verb string, limit time.Duration) (reply, error) {
	if err := d.wire.patience(limit); err != nil {
		return reply{}, err
	}
	r, err := readReply(d.r)
	if err != nil {
		return reply{}, d.reason(d.wire.why(err), verb, limit)
	}
	if now := d.out.flights(); now > d.counted {
		d.trips++
		d.counted = now
	}
	shown := d.conceal(r)
	if r.code == 334 {
		// With what SCRAM's challenges say, a password can be guessed at home.
		d.traceReply(nil, reply{code: r.code, lines: []string{"*"}})
	} else {
		d.traceReply(nil, shown)
	}
	switch r.code {
	case 421:
		return shown, &closing{reply: shown}
	case 334:
		// A challenge, which is answered and never shown: SCRAM's repeats a part
		// of what we sent, and must stay whole.
		return r, nil
	}
	return shown, nil
}

// ask sends one command alone and returns its reply, before listen.
func (d *dialogue) ask(text string, limit time.Duration) (reply, error) {
	d.tell(nil, ">>> ", text)
	verb, _, _ := strings.Cut(text, " ")
	return d.askQuietly(text, verb, limit)
}

// askQuietly is ask without a trace of the command.
func (d *dialogue) askQuietly(text, verb string, limit time.Duration) (reply, error) {
	_, err := d.out.Write([]byte(text + "\r\n"))
	if err == nil {
		err = d.out.flush()
	}
	if err != nil {
		return d.lastWord(err)
	}
	return d.next(verb, limit)
}

// lastWord is salvage before listen.
func (d *dialogue) lastWord(err error) (reply, error) {
	err = d.wire.why(err)
	heard, last := d.next("", salvageTime)
	if _, ended := errors.AsType[*closing](last); ended {
		return heard, last
	}
	return reply{}, err
}
