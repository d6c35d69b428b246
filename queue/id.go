package queue

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// An ID is 13 digits of 5 bits each: 52 bits of time in units of 1024 ns
// since 1970, which last until 2116, then 13 random bits. Two messages can
// only meet in one ID while both still stand under tmp/, where the exclusive
// creation of the file tells them apart.
const (
	idLength = 13
	idRandom = 13 // bits
	idUnit   = 1024 * time.Nanosecond
	// idDigits is Crockford's base 32 in lower case: no letter that is taken
	// for another, sorted as ASCII, the same on a file system without case.
	idDigits = "0123456789abcdefghjkmnpqrstvwxyz"
)

func newID(now time.Time) ID {
	bits := uint64(now.UnixNano()/int64(idUnit))<<idRandom | rand.Uint64()&(1<<idRandom-1)
	var digits [idLength]byte
	for i := idLength - 1; i >= 0; i-- {
		digits[i] = idDigits[bits&31]
		bits >>= 5
	}
	return ID(digits[:])
}

// ParseID checks that text has the form of an ID.
func ParseID(text string) (ID, error) {
	_, ok := idBits(text)
	if !ok {
		return "", fmt.Errorf("%q is not the id of a message: an id has %d letters and digits, as mailcrane queue shows them", text, idLength)
	}
	return ID(text), nil
}

// Received is the time that is written in the ID.
func (id ID) Received() time.Time {
	bits, _ := idBits(string(id))
	return time.Unix(0, int64(bits>>idRandom)*int64(idUnit))
}

func idBits(text string) (uint64, bool) {
	if len(text) != idLength {
		return 0, false
	}
	var bits uint64
	for i := range len(text) {
		digit := digitValue(text[i])
		if digit < 0 {
			return 0, false
		}
		bits = bits<<5 | uint64(digit)
	}
	return bits, true
}

// digitValues is one more than the value of each digit, and 0 for what is none.
var digitValues = [256]uint8{
	'0': 1, '1': 2, '2': 3, '3': 4, '4': 5, '5': 6, '6': 7, '7': 8, '8': 9, '9': 10,
	'a': 11, 'b': 12, 'c': 13, 'd': 14, 'e': 15, 'f': 16, 'g': 17, 'h': 18, 'j': 19, 'k': 20, 'm': 21,
	'n': 22, 'p': 23, 'q': 24, 'r': 25, 's': 26, 't': 27, 'v': 28, 'w': 29, 'x': 30, 'y': 31, 'z': 32,
}

func digitValue(c byte) int { return int(digitValues[c]) - 1 }
