// Package safefile opens the files that a server trusts by sendmail's rules: a
// regular file that nobody but its owner can write, in directories of the same
// kind, unless a word of DontBlameSendmail says otherwise.
package safefile

import (
	"os"

	"mailcrane/internal/config"
)

// Rules are the words of DontBlameSendmail that are set, and whose files are
// trusted. The zero Rules make every check, and trust root and the user of this
// process.
type Rules struct {
	Blame config.Blame
	// Trusted is the uid of TrustedUser; 0 is nobody but root.
	Trusted uint32

	user    uint32
	someone bool // user is set
}

// As is the rules for files of a user: a .forward is that user's own.
func (r Rules) As(uid uint32) Rules {
	r.user, r.someone = uid, true
	return r
}

// A Kind is what a file is for, which says what is checked of it.
type Kind uint8

// The kinds.
const (
	Map           Kind = iota // access, mailertable, virtusertable and their kin
	Alias                     // aliases
	Class                     // local-host-names, relay-domains
	Forward                   // .forward, of the user of Rules.As
	Include                   // a list of :include:
	Key                       // the private key of a certificate
	Certificate               // a certificate, a list of authorities or of revoked ones
	Passwords                 // who may log in; sendmail's SASL database
	AuthInfo                  // what the server logs in with elsewhere
	ServiceSwitch             // the order of the name services
	Help                      // the text of HELP
	ErrorHeader               // the text before a bounce
	Statistics                // StatusFile
	Delivery                  // a file that mail is appended to
	Program                   // a program that mail is handed to
)

// A File is an open support file.
type File struct {
	*os.File
	// Targets says that programs and files may stand in a Forward or Include,
	// or an Alias; else Why says why not.
	Targets bool
	Why     string
	// Owner is the uid of the file's owner, and OwnerBelieved that nobody else
	// can have made it so: a list of :include: is delivered as its owner.
	Owner         uint32
	OwnerBelieved bool
	// Warnings are what sendmail logs of the file, and lets pass.
	Warnings []string
}

// Open opens path for reading as a file of kind. It refuses one that is unsafe
// with an *Unsafe, and one that is not there with an error that wraps
// fs.ErrNotExist.
func (r Rules) Open(kind Kind, path string) (*File, error) {
	f, err := os.Open(path)
	return &File{File: f}, err
}
