// Package draft is the envelope of a waiting message as a text that a person
// changes in an editor.
package draft

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"mailcrane/internal/address"
	"mailcrane/internal/visible"
	"mailcrane/internal/when"
	"mailcrane/queue"
)

const help = `# Change what you like, save it, and leave the editor; unchanged, it changes nothing.
#
# from      the sender, to whom reports of failure go; <> for none
# account   the account that carries it; nothing: chosen by the sender
# time      when it may leave: now, or "tomorrow 8:00", "2026-11-23 08:00", "+2h30m"
# to 1      a recipient: change the address, or delete the line to drop it
# to        without a number: one more recipient
`

// Text is the envelope, with a comment that says how to change it.
func Text(e queue.Entry, now time.Time) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# The envelope of message %s, which is what servers go by. The message itself,\n", e.Name.ID)
	b.WriteString("# with its header, stays as it is.\n#\n" + help + "\n")
	fmt.Fprintf(&b, "from    %s\naccount %s\ntime    %s\n", sender(e.Envelope.From), e.Envelope.Account, timeText(e, now))
	for i, to := range e.Envelope.To {
		if e.Results[i].Done() {
			fmt.Fprintf(&b, "# %s: %s\n", visible.Line(to.Address, 0), e.Results[i].State)
			continue
		}
		fmt.Fprintf(&b, "to %-4d %s\n", i+1, to.Address)
	}
	return b.Bytes()
}

func sender(from string) string {
	if from == "" {
		return "<>"
	}
	return from
}

// nowWord is the time of a message that has none.
const nowWord = "now"

func timeText(e queue.Entry, now time.Time) string {
	if !e.Envelope.NotBefore.After(now) {
		return nowWord
	}
	return e.Envelope.NotBefore.In(now.Location()).Format(time.RFC3339)
}

// An Error is what is wrong with one line, counted from 1; 0 is the whole.
type Error struct {
	Line int
	Why  string
}

// Bounds of the text, which comes from an editor that may have opened anything.
const (
	maxText  = 32 << 20
	maxWrong = 20
)

// Parse reads the text back and says what it changes of e, or all that is
// wrong with it, the first twenty at most. Nothing changed is an empty Change.
func Parse(text []byte, e queue.Entry, now time.Time) (queue.Change, []Error) {
	if len(text) > maxText {
		return queue.Change{}, []Error{{0, "the text is too long to be an envelope"}}
	}
	p := parser{entry: e, now: now, kept: make(map[int]bool), had: make(map[string]int)}
	line := 0
	for raw := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) {
		line++
		words := strings.TrimSpace(raw)
		if words == "" || words[0] == '#' {
			continue
		}
		if why := p.line(line, words); why != "" {
			p.wrong = append(p.wrong, Error{line, why})
		}
		if len(p.wrong) == maxWrong {
			return queue.Change{}, p.wrong
		}
	}
	p.finish()
	if len(p.wrong) > 0 {
		return queue.Change{}, p.wrong
	}
	return p.change, nil
}

type parser struct {
	entry  queue.Entry
	now    time.Time
	change queue.Change
	// kept are the places of the recipients that still have their line, had the
	// keywords that came, with their line.
	kept  map[int]bool
	had   map[string]int
	wrong []Error
}

// line takes one line in and says what is wrong with it, or "".
func (p *parser) line(number int, text string) string {
	keyword, value, _ := strings.Cut(text, " ")
	if i := strings.IndexByte(keyword, '\t'); i >= 0 {
		keyword, value = text[:i], text[i+1:]
	}
	value = strings.TrimSpace(value)
	if keyword == "to" {
		return p.recipient(value)
	}
	if before := p.had[keyword]; before > 0 {
		return fmt.Sprintf("%s stands in line %d already", keyword, before)
	}
	p.had[keyword] = number
	switch keyword {
	case "from":
		return p.from(value)
	case "account":
		if value != p.entry.Envelope.Account {
			p.change.Account = &value
		}
		return ""
	case "time":
		return p.time(value)
	}
	return fmt.Sprintf("%q is none of from, account, time, to", visible.Line(keyword, 40))
}

func (p *parser) from(value string) string {
	if value == "" {
		return "the sender is missing; write <> for none"
	}
	value = address.Unbracketed(value)
	if value != "" {
		if err := address.Valid(value); err != nil {
			return bad(value, err)
		}
	}
	if value != p.entry.Envelope.From {
		p.change.From = &value
	}
	return ""
}

func (p *parser) time(value string) string {
	if value == timeText(p.entry, p.now) {
		return ""
	}
	if strings.EqualFold(value, nowWord) {
		p.change.NotBefore = new(time.Time)
		return ""
	}
	if value == "" {
		return "the time is missing; write now for at once"
	}
	at, err := when.Parse(value, p.now)
	if err != nil {
		return err.Error()
	}
	p.change.NotBefore = &at
	return ""
}

func (p *parser) recipient(value string) string {
	number, rest, _ := strings.Cut(value, " ")
	place, err := strconv.Atoi(number)
	if err != nil {
		to := address.Unbracketed(value)
		if err := address.Valid(to); err != nil {
			return bad(to, err)
		}
		p.change.Add = append(p.change.Add, to)
		return ""
	}
	place--
	switch {
	case place < 0 || place >= len(p.entry.Envelope.To):
		return "there is no recipient " + number + "; to add one, write no number"
	case p.entry.Results[place].Done():
		return fmt.Sprintf("nothing can be changed for recipient %s: %s", number, p.entry.Results[place].State)
	case p.kept[place]:
		return "recipient " + number + " is there twice; to add one, write no number"
	}
	p.kept[place] = true
	old, to := p.entry.Envelope.To[place].Address, address.Unbracketed(strings.TrimSpace(rest))
	if to == old {
		return ""
	}
	if err := address.Valid(to); err != nil {
		return bad(to, err)
	}
	p.change.Redirect = append(p.change.Redirect, queue.Redirection{Old: old, New: to})
	return ""
}

// finish sees to what is missing.
func (p *parser) finish() {
	for _, keyword := range [...]string{"from", "time"} {
		if p.had[keyword] == 0 {
			p.wrong = append(p.wrong, Error{0, "the line " + keyword + " is missing"})
		}
	}
	if p.had["account"] == 0 && p.entry.Envelope.Account != "" {
		p.change.Account = new(string)
	}
	for place, to := range p.entry.Envelope.To {
		if !p.kept[place] && !p.entry.Results[place].Done() {
			p.change.Drop = append(p.change.Drop, to.Address)
		}
	}
	if len(p.kept) == 0 && len(p.change.Add) == 0 && len(p.change.Drop) > 0 {
		p.wrong = append(p.wrong, Error{0, "no recipient is left; to take it out of the queue: mailcrane queue remove " + string(p.entry.Name.ID)})
	}
}

func bad(text string, err error) string {
	return fmt.Sprintf("%q is no address: %v", visible.Line(text, 80), err)
}
