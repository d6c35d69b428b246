// Package access is sendmail's access map, from its text: who may connect, send,
// and be sent to, with what TLS.
package access

import (
	"log/slog"
	"net/netip"
	"time"

	"mailcrane/mta/safefile"
)

// Options are the arguments of FEATURE(access_db), and those that go with it.
type Options struct {
	// Skip has the value SKIP end a search; without, it is an error text.
	Skip bool
	// LookupDotDomain has .b.c tried for a.b.c, before b.c.
	LookupDotDomain bool
	// RelayToFullAddress has To:user@domain let mail be relayed.
	RelayToFullAddress bool
}

// A Map is an access map. A nil Map has no entries. Its methods are safe for use
// by several goroutines, and each error is temporary: the map cannot be read.
type Map struct{}

// Parse is the map in text, which does not change; name stands before the
// numbers of lines.
func Parse(name, text string, o Options) (*Map, error) { return &Map{}, nil }

// Open is the map in a file, which is read again when it has changed. An error
// says what is wrong with the file, and the Map is good all the same: it answers
// with errors until the file is mended.
func Open(path string, rules safefile.Rules, o Options, log *slog.Logger, now func() time.Time) (*Map, error) {
	return &Map{}, nil
}

// Reload looks at the file at once.
func (m *Map) Reload() error { return nil }

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
	Temporary // Compat: TEMP:
)

// An Entry is a line of the map that was found.
type Entry struct {
	Verb Verb
	// Code, Status and Text are the reply of an Error, or Text the reason of a
	// Quarantine.
	Code   int
	Status [3]int
	Text   string
	// Key is what stands in the map, lower case, without its tag.
	Key string
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

// Compat is the entry Compat: for a sender and a recipient.
func (m *Map) Compat(sender, recipient string) (Entry, error) { return Entry{}, nil }

// CertIssuer and CertSubject are the entries for a distinguished name.
func (m *Map) CertIssuer(dn string) (Entry, error) { return Entry{}, nil }

// CertSubject: see CertIssuer.
func (m *Map) CertSubject(dn string) (Entry, error) { return Entry{}, nil }

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

// ClientFeatures are the letters of Clt_Features for a server.
func (m *Map) ClientFeatures(name string, addr netip.Addr) (Letters, error) { return Letters{}, nil }

// TryTLS says whether STARTTLS is used with a server.
func (m *Map) TryTLS(name string, addr netip.Addr) (bool, error) { return true, nil }

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
