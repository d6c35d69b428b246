package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
)

// hidden is what a Value shows of itself.
const hidden = "[secret]"

// A Value is a secret that does not show itself: however it is printed,
// logged or marshalled, only "[secret]" comes out.
type Value struct {
	// A function, because package fmt does not ask the methods of an
	// unexported field of another struct, and prints the octets of a slice
	// and, under some verbs, of what a pointer points to.
	reveal func() []byte
}

// seal makes a Value of octets, which must not be changed after.
func seal(octets []byte) Value { return Value{func() []byte { return octets }} }

// Reveal is the secret itself, for the SASL exchange and nothing else. It
// must not be changed.
func (v Value) Reveal() []byte {
	if v.reveal == nil {
		return nil
	}
	return v.reveal()
}

func (v Value) String() string { return hidden }

// GoString is what %#v shows.
func (v Value) GoString() string { return hidden }

// Format answers every verb, %x and %d too.
func (v Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalText is what encoders and log handlers show.
func (v Value) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// digest tells secrets apart without keeping them.
func (v Value) digest(salt []byte) [sha256.Size]byte {
	mac := hmac.New(sha256.New, salt)
	mac.Write(v.Reveal())
	return [sha256.Size]byte(mac.Sum(nil))
}

// Conceal makes a Value of a secret that did not come from a Source.
func Conceal(text string) Value { return seal([]byte(text)) }
