// Package aliases reads what says where the mail of local names goes: files of
// aliases, lists of :include:, and .forward.
package aliases

// A Kind says what an Item is.
type Kind uint8

// The kinds.
const (
	Address Kind = iota // an address, or a local name
	Mailbox             // \user: that mailbox, without aliases or .forward
	File                // /path, to be appended to
	Program             // |command
	Include             // :include:/path
)

// An Item is one destination of a list.
type Item struct {
	Kind Kind
	// Text is the address, the user, the path, or the command line, without the mark
	// of its kind.
	Text string
	// Where is the file and the line.
	Where string
}

// A User is one of this machine.
type User struct {
	Name, Home, Shell string
	UID, GID          uint32
}
