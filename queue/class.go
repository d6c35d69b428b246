package queue

import "strconv"

// A Class is what a message says of its haste: the number of its
// Precedence, for its place in the order, and the class of its time-outs.
type Class struct {
	// Precedence is sendmail's number: 100 for special-delivery, 0 for
	// first-class and for none, -30 list, -60 bulk, -100 junk.
	Precedence int
	Timing     Timing
}

// A Timing says which of the four time-outs queuereturn and queuewarn hold
// for a message.
type Timing uint8

// The timings.
const (
	Normal Timing = iota
	Urgent
	NonUrgent
	Notice // a delivery status notification (RFC 3464); sendmail's "dsn"
)

// timingLetters are those of a name, by Timing.
const timingLetters = "nuld"

// mostPrecedence bounds the number in a name, either way.
const mostPrecedence = 1 << 20

// stepOfPriority is how far one step of MT-PRIORITY (RFC 6710 section 5.1) is in
// sendmail's numbers: its nine steps stay between special delivery and junk.
const stepOfPriority = 10

// classOf is the class of a message that its envelope gives, or else its header.
func classOf(e *Envelope, header *classifier) Class {
	class := header.class()
	if e.Priority == nil || class.Timing == Notice {
		return class
	}
	class = Class{Precedence: *e.Priority * stepOfPriority}
	switch {
	case class.Precedence > 0:
		class.Timing = Urgent
	case class.Precedence < 0:
		class.Timing = NonUrgent
	}
	return class
}

// Priority is that of MT-PRIORITY which a message of the class has; false for a
// class that is none of its own, or has no such step.
func (c Class) Priority() (int, bool) {
	p := c.Precedence / stepOfPriority
	return p, c.Precedence != 0 && c.Timing != Notice && c.Precedence%stepOfPriority == 0 && p >= -9 && p <= 9
}

func (c Class) append(b []byte) []byte {
	return append(strconv.AppendInt(b, int64(c.Precedence), 10), timingLetters[c.Timing])
}

// parse reads part p of a name.
func (c *Class) parse(field string) bool {
	if len(field) < 3 || field[0] != 'p' {
		return false
	}
	number, letter := field[1:len(field)-1], field[len(field)-1]
	v, err := strconv.Atoi(number)
	if err != nil || v < -mostPrecedence || v > mostPrecedence || number != strconv.Itoa(v) {
		return false
	}
	for i := range len(timingLetters) {
		if timingLetters[i] == letter && (v != 0 || i != 0) {
			*c = Class{v, Timing(i)}
			return true
		}
	}
	return false
}
