package queue

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
)

// A Name is the file name of a message in the queue. It carries all that a
// queue run must know before it opens the file, so that a run over 100,000
// messages reads one directory, and a change of state is one rename:
//
//	06e3yq5v2s9tk.s4183.r2.a1.n1764000000.f8.c9ae3f0d15b7c2e04.k51a7e0c2.p-60l.l1763990000.xd28f6a2c
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
	// Quarantined: held for what it is; sendmail lists such messages apart.
	Quarantined bool
	// OnWire: handed to a session, all of it perhaps, and the result not yet
	// written down. On a message that no process holds it means that one died
	// in between: its open recipients are Uncertain.
	OnWire bool
	// Unsure: a recipient's last result was Uncertain.
	Unsure bool
	// Warned: its sender was told of the delay.
	Warned bool
	// Edited: the envelope was changed after receipt, in the result file.
	Edited bool
	// Sum is the XXH64 of the whole file.
	Sum uint64
	// Key is the same for all messages of one sender and account: what the
	// route of one is, is most likely that of the others.
	Key uint32
	// Class decides its order and its time-outs.
	Class Class
	// Last is when it was last tried, whatever came of that; zero for never. A
	// fault of the route is no attempt.
	Last time.Time
	// NotBefore is when its sender wants it to leave at the earliest.
	NotBefore time.Time
	// History is how many octets of its result file are known to be there; a
	// shorter one was damaged.
	History int64

	// unknown are flags that a later version wrote, and rest its parts, unread.
	unknown, rest string
	// at is the directory in which it stands; nil for the spool's own queue.
	at *place
}

// The flags, in the order in which they are written.
const (
	flagEightBit    = '8'
	flagBinary      = 'b'
	flagWarned      = 'd'
	flagEdited      = 'e'
	flagHeld        = 'h'
	flagLongLine    = 'l'
	flagQuarantined = 'q'
	flagOnWire      = 'w'
	flagUnsure      = 'u'
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
		{flagWarned, &n.Warned},
		{flagEdited, &n.Edited},
		{flagHeld, &n.Held},
		{flagLongLine, &n.Content.LongLine},
		{flagQuarantined, &n.Quarantined},
		{flagUnsure, &n.Unsure},
		{flagOnWire, &n.OnWire},
	}
}

// String is the file name.
func (n Name) String() string {
	b := make([]byte, 0, 160)
	b = append(b, n.ID...)
	b = strconv.AppendInt(append(b, ".s"...), n.Size, 10)
	b = strconv.AppendInt(append(b, ".r"...), int64(n.Recipients), 10)
	b = strconv.AppendInt(append(b, ".a"...), int64(n.Attempts), 10)
	b = strconv.AppendInt(append(b, ".n"...), seconds(n.Next), 10)
	b = append(b, ".f"...)
	for _, f := range n.flags() {
		if *f.on {
			b = append(b, f.letter)
		}
	}
	b = append(b, n.unknown...)
	b = appendHex(append(b, ".c"...), n.Sum, 16)
	if n.Key != 0 {
		b = appendHex(append(b, ".k"...), uint64(n.Key), 8)
	}
	if n.Class != (Class{}) {
		b = n.Class.append(append(b, ".p"...))
	}
	for _, part := range [...]struct {
		tag   string
		value int64
	}{{".l", seconds(n.Last)}, {".t", seconds(n.NotBefore)}, {".h", n.History}} {
		if part.value != 0 {
			b = strconv.AppendInt(append(b, part.tag...), part.value, 10)
		}
	}
	b = append(b, n.rest...)
	return string(appendHex(append(b, ".x"...), nameSum(string(b)), nameSumDigits))
}

// nameSumDigits is the length of part x, which ends a name: the sum of all
// before it. Without one, a flag that was damaged would have a message sent
// that is held, or sent again as if it had never been.
const nameSumDigits = 8

func nameSum(text string) uint64 { return xxhash.Sum64String(text) & (1<<(4*nameSumDigits) - 1) }

func appendHex(b []byte, v uint64, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[v>>shift&15])
	}
	return b
}

// seconds is a time as a name has it: 0 for none.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func atSecond(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0)
}

// The most that a number in a name may be.
const (
	mostOctets = 1 << 50
	mostCount  = 1 << 30
	mostTime   = 1 << 40 // seconds
)

// ParseName reads a file name. A name that is not ours is an error; parts
// and flags that a later version added are kept as they are.
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
	end := strings.LastIndexByte(rest, '.')
	var sum uint64
	switch {
	case end < 0 || !parseHex(rest[end+1:], 'x', nameSumDigits, &sum):
		return bad("does not end with its own check sum")
	case sum != nameSum(text[:len(text)-len(rest)+end]):
		return bad("was changed by other means than mailcrane: it does not agree with its own check sum")
	}
	rest = rest[:end]
	var size, recipients, attempts, next int64
	for _, part := range [...]struct {
		tag   byte
		value *int64
		most  int64
	}{
		{'s', &size, mostOctets}, {'r', &recipients, mostCount}, {'a', &attempts, mostCount}, {'n', &next, mostTime},
	} {
		var field string
		field, rest, _ = strings.Cut(rest, ".")
		if !parseNumber(field, part.tag, part.most, part.value) {
			return bad("part " + string(part.tag) + " is not a number in its place")
		}
	}
	n.Size, n.Recipients, n.Attempts, n.Next = size, int(recipients), int(attempts), atSecond(next)
	var field string
	field, rest, _ = strings.Cut(rest, ".")
	if err := n.parseFlags(field); err != nil {
		return bad(err.Error())
	}
	field, rest, more := strings.Cut(rest, ".")
	if !parseHex(field, 'c', 16, &n.Sum) {
		return bad("part c is not a check sum in its place")
	}
	if more {
		n.parseMore(rest)
	}
	return n, nil
}

// parseMore reads the parts that are only there where they say something, in
// their order. From the first that is not known, all is kept as it is.
func (n *Name) parseMore(rest string) {
	var key uint64
	var last, notBefore int64
	for _, known := range [...]func(field string) bool{
		func(f string) bool { return parseHex(f, 'k', 8, &key) && key != 0 },
		func(f string) bool { return n.Class.parse(f) },
		func(f string) bool { return parseNumber(f, 'l', mostTime, &last) && last != 0 },
		func(f string) bool { return parseNumber(f, 't', mostTime, &notBefore) && notBefore != 0 },
		func(f string) bool { return parseNumber(f, 'h', mostOctets, &n.History) && n.History != 0 },
	} {
		field, after, more := strings.Cut(rest, ".")
		if !known(field) {
			continue
		}
		if rest = after; !more {
			n.Key, n.Last, n.NotBefore = uint32(key), atSecond(last), atSecond(notBefore)
			return
		}
	}
	n.Key, n.Last, n.NotBefore = uint32(key), atSecond(last), atSecond(notBefore)
	n.rest = "." + rest
}

func parseNumber(field string, tag byte, most int64, to *int64) bool {
	if field == "" || field[0] != tag {
		return false
	}
	v, err := strconv.ParseInt(field[1:], 10, 64)
	if err != nil || v < 0 || v > most || field[1:] != strconv.FormatInt(v, 10) {
		return false
	}
	*to = v
	return true
}

func parseHex(field string, tag byte, digits int, to *uint64) bool {
	if len(field) != 1+digits || field[0] != tag {
		return false
	}
	var v uint64
	for i := 1; i < len(field); i++ {
		c := field[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		default:
			return false
		}
		v = v<<4 | uint64(c)
	}
	*to = v
	return true
}

// parseFlags takes the flags in their order, and behind them those of a later
// version: in another order the name would not be written as it was read.
func (n *Name) parseFlags(field string) error {
	letters, ok := strings.CutPrefix(field, "f")
	if !ok {
		return errors.New("part f is not in its place")
	}
	for _, f := range n.flags() {
		if letters != "" && letters[0] == f.letter {
			*f.on, letters = true, letters[1:]
		}
	}
	for i := range len(letters) {
		if c := letters[i]; !(c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z') {
			return fmt.Errorf("flag %q is none", c)
		}
		for _, f := range n.flags() {
			if f.letter == letters[i] {
				return fmt.Errorf("flag %q is not in its place", f.letter)
			}
		}
	}
	n.unknown = letters
	return nil
}

// Waits says that the message is not tried until a person has acted: it is
// held, quarantined, or in a state that only a later version knows.
func (n Name) Waits() bool { return n.Held || n.Quarantined || n.unknown != "" }

// Due says whether the message is to be tried at now.
func (n Name) Due(now time.Time) bool {
	return !n.Waits() && !n.DueAt().After(now)
}

// DueAt is when it is to be tried, if it is not held; zero for at once.
func (n Name) DueAt() time.Time {
	if n.NotBefore.After(n.Next) {
		return n.NotBefore
	}
	return n.Next
}

// InGrace says that its sender may still take the message back: it is kept
// back for that alone.
func (n Name) InGrace(now time.Time, grace time.Duration) bool {
	end := n.ID.Received().Add(grace + time.Second)
	return grace > 0 && n.Attempts == 0 && n.Next.After(now) && !n.Next.After(end)
}
