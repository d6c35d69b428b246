package queue

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Name is the file name of a message in the queue. It carries all that a
// queue run must know before it opens the file, so that a run over 100,000
// messages reads one directory, and a change of state is one rename:
//
//	06e3yq5v2s9tk.s4183.r2.a1.n1764000000.f8.c9ae3f0d15b7c2e04
//
// docs/spool.md describes each part.
type Name struct {
	ID ID
	// Size is the message's octets with every line end counted as CRLF.
	Size int64
	// Recipients is their number at receipt.
	Recipients int
	// Attempts is how often a server has answered for this message.
	Attempts int
	// Next is when it is due; the zero time means at once.
	Next    time.Time
	Content Content
	// Held: not tried until a person releases it.
	Held bool
	// OnWire: handed to a session, all of it perhaps, and the result not yet
	// written down. On a message that no process holds it means that one died
	// in between: its open recipients are Uncertain.
	OnWire bool
	// Unsure: a recipient's last result was Uncertain.
	Unsure bool
	// Sum is the XXH64 of the whole file.
	Sum uint64
	// rest keeps parts that a later version wrote, unread.
	rest string
}

// The flags, in the order in which they are written.
const (
	flagEightBit = '8'
	flagBinary   = 'b'
	flagHeld     = 'h'
	flagLongLine = 'l'
	flagOnWire   = 'w'
	flagUnsure   = 'u'
)

func (n *Name) flags() []struct {
	letter byte
	on     *bool
} {
	return []struct {
		letter byte
		on     *bool
	}{
		{flagEightBit, &n.Content.EightBit},
		{flagBinary, &n.Content.Binary},
		{flagHeld, &n.Held},
		{flagLongLine, &n.Content.LongLine},
		{flagUnsure, &n.Unsure},
		{flagOnWire, &n.OnWire},
	}
}

// String is the file name.
func (n Name) String() string {
	b := make([]byte, 0, 128)
	b = append(b, n.ID...)
	b = strconv.AppendInt(append(b, ".s"...), n.Size, 10)
	b = strconv.AppendInt(append(b, ".r"...), int64(n.Recipients), 10)
	b = strconv.AppendInt(append(b, ".a"...), int64(n.Attempts), 10)
	next := int64(0)
	if !n.Next.IsZero() {
		next = n.Next.Unix()
	}
	b = strconv.AppendInt(append(b, ".n"...), next, 10)
	b = append(b, ".f"...)
	for _, f := range n.flags() {
		if *f.on {
			b = append(b, f.letter)
		}
	}
	b = append(b, ".c"...)
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[n.Sum>>shift&15])
	}
	return string(append(b, n.rest...))
}

// ParseName reads a file name. A name that is not ours is an error; parts
// that a later version added are kept as they are.
func ParseName(text string) (Name, error) {
	bad := func(why string) (Name, error) {
		return Name{}, fmt.Errorf("file name %q: %s", text, why)
	}
	if len(text) > 255 {
		return bad("too long")
	}
	id, rest, _ := strings.Cut(text, ".")
	var n Name
	var err error
	if n.ID, err = ParseID(id); err != nil {
		return bad("does not begin with the id of a message")
	}
	var size, recipients, attempts, next int64
	for _, part := range []struct {
		tag   string
		value *int64
		most  int64
	}{
		{"s", &size, 1 << 50}, {"r", &recipients, 1 << 30}, {"a", &attempts, 1 << 30}, {"n", &next, 1 << 40},
	} {
		var field string
		field, rest, _ = strings.Cut(rest, ".")
		digits, ok := strings.CutPrefix(field, part.tag)
		*part.value, err = strconv.ParseInt(digits, 10, 64)
		if !ok || err != nil || *part.value < 0 || *part.value > part.most || digits != strconv.FormatInt(*part.value, 10) {
			return bad("part " + part.tag + " is not a number in its place")
		}
	}
	n.Size, n.Recipients, n.Attempts = size, int(recipients), int(attempts)
	if next > 0 {
		n.Next = time.Unix(next, 0)
	}
	var field string
	field, rest, _ = strings.Cut(rest, ".")
	if err := n.parseFlags(field); err != nil {
		return bad(err.Error())
	}
	field, rest, more := strings.Cut(rest, ".")
	sum, err := strconv.ParseUint(strings.TrimPrefix(field, "c"), 16, 64)
	if err != nil || len(field) != 17 || field[0] != 'c' {
		return bad("part c is not a check sum in its place")
	}
	n.Sum = sum
	if more {
		n.rest = "." + rest
	}
	return n, nil
}

func (n *Name) parseFlags(field string) error {
	letters, ok := strings.CutPrefix(field, "f")
	if !ok {
		return fmt.Errorf("part f is not in its place")
	}
	for i := range len(letters) {
		known := false
		for _, f := range n.flags() {
			if f.letter == letters[i] {
				*f.on, known = true, true
			}
		}
		if !known {
			return fmt.Errorf("flag %q is unknown", letters[i])
		}
	}
	return nil
}

// Due says whether the message is to be tried at now.
func (n Name) Due(now time.Time) bool {
	return !n.Held && !n.Next.After(now)
}
