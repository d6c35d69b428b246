package queue

import "strconv"

// A Class is what a message's own header says of its haste: the number of its
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
