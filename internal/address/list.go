package address

import (
	"strings"

	"mailcrane/internal/visible"
)

// A Mailbox is one address of a list.
type Mailbox struct {
	// Address is the address without name, comments, folding and route; "" is
	// <>. It has no domain where the text had none.
	Address string
	// Start and End are where the address stands in the text, without its
	// angle brackets, so that it can be changed and all else kept.
	Start, End int
	// Word says that white space alone divides it from the name before or
	// after it, as in "root joe".
	Word bool
}

// A SyntaxError is a part of a list that is no address.
type SyntaxError struct {
	// Text is that part, shortened, fit to be shown.
	Text string
	// Why says what is wrong with it.
	Why string
}

func (e *SyntaxError) Error() string { return e.Text + "... " + e.Why }

// Shown is text fit to be printed on a terminal: at most 200 octets, and
// control characters as question marks.
func Shown(text string) string { return visible.Line(strings.TrimSpace(text), 200) }

// ParseList reads an address list: commas (or semicolons) divide; names,
// comments, routes and groups are understood and set aside; the members of a
// group count, an empty group is nothing. What is no address is reported and
// the rest of the list is still read: every part of the text is an address, a
// report, or a name. Space and time are linear in the text, which the caller
// bounds.
func ParseList(text string) ([]Mailbox, []*SyntaxError) {
	p := parser{text: text}
	for p.pos < len(text) {
		p.element()
	}
	return p.list, p.bad
}

// Parse reads one address, as -f gives it; "" and <> are the null
// reverse-path, returned as "".
func Parse(text string) (string, error) {
	if strings.TrimSpace(text) == "" {
		return "", nil
	}
	list, bad := ParseList(text)
	switch {
	case len(bad) > 0:
		return "", bad[0]
	case len(list) != 1:
		return "", &SyntaxError{Shown(text), "this is not one address"}
	}
	return list[0].Address, nil
}
