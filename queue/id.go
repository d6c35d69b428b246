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
	random := rand.Uint64() & (1<<idRandom - 1)
	// All 65 bits do not fit in one number: the last digit goes alone.
	bits := uint64(now.UnixNano()/int64(idUnit))<<(idRandom-5) | random>>5
	var digits [idLength]byte
	digits[idLength-1] = idDigits[random&31]
	for i := idLength - 2; i >= 0; i-- {
		digits[i] = idDigits[bits&31]
		bits >>= 5
	}
	return ID(digits[:])
}

// ParseID checks that text has the form of an ID.
func ParseID(text string) (ID, error) {
	if _, ok := idKey(text); !ok {
		return "", fmt.Errorf("%q is not the id of a message: an id has %d letters and digits, as mailcrane queue shows them", text, idLength)
	}
	return ID(text), nil
}

// Received is the time that is written in the ID.
func (id ID) Received() time.Time {
	return time.Unix(0, int64(id.key()>>(idRandom-1))*int64(idUnit))
}

// key is the ID as a number that sorts as it does; the last of its random bits
// is left out.
func (id ID) key() uint64 {
	key, _ := idKey(string(id))
	return key
}

func idKey(text string) (uint64, bool) {
	if len(text) != idLength {
		return 0, false
	}
	var key uint64
	for i := range len(text) {
		digit := digitValue(text[i])
		switch {
		case digit < 0:
			return 0, false
		case i == len(text)-1:
			key = key<<4 | uint64(digit)>>1
		default:
			key = key<<5 | uint64(digit)
		}
	}
	return key, true
}

// digitValues is one more than the value of each digit, and 0 for what is none.
var digitValues = [256]uint8{
	'0': 1, '1': 2, '2': 3, '3': 4, '4': 5, '5': 6, '6': 7, '7': 8, '8': 9, '9': 10,
	'a': 11, 'b': 12, 'c': 13, 'd': 14, 'e': 15, 'f': 16, 'g': 17, 'h': 18, 'j': 19, 'k': 20, 'm': 21,
	'n': 22, 'p': 23, 'q': 24, 'r': 25, 's': 26, 't': 27, 'v': 28, 'w': 29, 'x': 30, 'y': 31, 'z': 32,
}

func digitValue(c byte) int { return int(digitValues[c]) - 1 }
