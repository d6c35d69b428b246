// Package access is sendmail's access map, from its text: who may connect, send,
// and be sent to, with what TLS.
package access

import (
	"net/netip"
	"time"
)

// A Map is an access map. A nil Map has no entries. Its methods are safe for use
// by several goroutines, and each error is temporary: the map cannot be read.
type Map struct{}

// A Verb is what an entry says.
type Verb uint8

// The verbs; Nothing is that there is no entry.
const (
	Nothing Verb = iota
	OK
	Relay
	Reject
	Discard
	Skip
	Quarantine
	Error
	Subject
	Friend
	Hater
)

// An Entry is a line of the map that was found.
type Entry struct {
	Verb Verb
	// Code, Status and Text are the reply of an Error, or Text the reason of a
	// Quarantine.
	Code   int
	Status [3]int
	Text   string
	// Where is the file and the line.
	Where string
}

// Connect is the entry for a client, by its name and then by its address.
func (m *Map) Connect(name string, addr netip.Addr) (Entry, error) { return Entry{}, nil }

// From is the entry for a sender.
func (m *Map) From(sender string) (Entry, error) { return Entry{}, nil }

// ToRelay is the entry that may let mail to recipient be relayed.
func (m *Map) ToRelay(recipient string) (Entry, error) { return Entry{}, nil }

// ToRefuse is the entry that may refuse a recipient, local or not.
func (m *Map) ToRefuse(recipient string, local bool) (Entry, error) { return Entry{}, nil }

// Spam is the entry Spam: for a recipient: Friend, Hater or Nothing.
func (m *Map) Spam(recipient string) (Entry, error) { return Entry{}, nil }

// GreetPause is the pause for a client, where the map says one.
func (m *Map) GreetPause(name string, addr netip.Addr) (pause time.Duration, found bool, err error) {
	return 0, false, nil
}

// Rate and Connections are the limits for a client, where the map says one; 0 is
// no limit.
func (m *Map) Rate(addr netip.Addr) (most int, found bool, err error) { return 0, false, nil }

// Connections: see Rate.
func (m *Map) Connections(addr netip.Addr) (most int, found bool, err error) { return 0, false, nil }

// Features are the letters of Srv_Features for a client.
func (m *Map) Features(name string, addr netip.Addr) (Letters, error) { return Letters{}, nil }

// Letters are those of Srv_Features: by its lower-case form, true for the lower
// case letter, false for the upper; a letter that is not there has its default.
type Letters struct {
	set  uint32
	on   uint32
	Temp bool
}

// Is says whether the feature of the lower-case letter is on, where standard is
// what holds without an entry.
func (l Letters) Is(letter byte, standard bool) bool {
	bit := uint32(1) << (letter - 'a')
	if l.set&bit == 0 {
		return standard
	}
	return l.on&bit != 0
}
