package relay

import (
	"strconv"
	"strings"
	"sync"
)

// A teller shows what is said on a connection to those who listen: the trace of
// all sessions, and the story of the message that a line is about. Lines before
// the first message go to the prelude.
type teller struct {
	telling sync.Mutex
	trace   func(line string) // may be nil
	prelude prelude
}

// tell shows a line; story may be nil.
func (t *teller) tell(story func(line string), way, text string) {
	t.telling.Lock()
	defer t.telling.Unlock()
	if t.trace == nil && story == nil && t.prelude.closed {
		return
	}
	line := way + text
	if t.trace != nil {
		t.trace(line)
	}
	if story != nil {
		story(line)
	} else {
		t.prelude.add(line)
	}
}

func (t *teller) traceReply(story func(line string), r reply) {
	for i, line := range r.lines {
		mark := "-"
		if i == len(r.lines)-1 {
			mark = " "
		}
		t.tell(story, "<<< ", strconv.Itoa(r.code)+mark+clean(line))
	}
}

// tellStory has story told what was said before the first message.
func (t *teller) tellStory(story func(line string)) {
	t.telling.Lock()
	defer t.telling.Unlock()
	t.prelude.closed = true
	if story == nil {
		return
	}
	for _, line := range t.prelude.lines {
		story(line)
	}
}

// hidden is what a trace or an error must not show, while AUTH goes on.
type hidden struct {
	hide []string
	// hideParts are all stretches of fragment octets that must not show.
	hideParts map[string]bool
}

// reveal hides nothing any more.
func (h *hidden) reveal() { h.hide, h.hideParts = nil, nil }

// fragment is how much of an encoded secret may be shown at most, less one: so
// few octets of base64 give away five of it.
const fragment = 8

// conceal is a reply without what must stay secret: some servers repeat a
// command that they do not understand.
func (h *hidden) conceal(r reply) reply {
	if len(h.hide) == 0 {
		return r
	}
	shown := reply{code: r.code}
	for _, line := range r.lines {
		shown.lines = append(shown.lines, h.without(line))
	}
	return shown
}

func (h *hidden) without(line string) string {
	for _, secret := range h.hide {
		line = strings.ReplaceAll(line, secret, "*")
	}
	if len(h.hideParts) == 0 {
		return line
	}
	shown, until := make([]byte, 0, len(line)), 0
	for i := range len(line) {
		if i+fragment <= len(line) && h.hideParts[line[i:i+fragment]] {
			until = i + fragment
		}
		switch {
		case i >= until:
			shown = append(shown, line[i])
		case len(shown) == 0 || shown[len(shown)-1] != '*':
			shown = append(shown, '*')
		}
	}
	return string(shown)
}
