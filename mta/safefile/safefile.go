// Package safefile opens the files that a server trusts by sendmail's rules: a
// regular file that nobody but its owner can write, in directories of the same
// kind, unless a word of DontBlameSendmail says otherwise. What was checked is
// what is opened: each directory and the file are looked at by the descriptor
// that is used, and a link is followed step by step.
package safefile

import (
	"fmt"
	"os"
	"os/user"
	"strconv"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
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

// New is the rules of a configuration. It fails where the system does not know
// the TrustedUser.
func New(c config.Safe) (Rules, error) {
	r := Rules{Blame: c.Blame}
	if c.TrustedUser == "" {
		return r, nil
	}
	uid := c.TrustedUser
	if _, err := strconv.ParseUint(uid, 10, 32); err != nil {
		found, unknown := user.Lookup(c.TrustedUser)
		if unknown != nil {
			return Rules{}, sysexits.Errorf(sysexits.Config, "set mta.trusted_user to a user of this machine, or take it out",
				"mta.trusted_user: %w", unknown)
		}
		uid = found.Uid
	}
	n, err := strconv.ParseUint(uid, 10, 32)
	if err != nil {
		return Rules{}, sysexits.Errorf(sysexits.Config, "", "mta.trusted_user: %s has no number on this system", c.TrustedUser)
	}
	r.Trusted = uint32(n)
	return r, nil
}

// As is the rules for files of a user: a .forward is that user's own.
func (r Rules) As(uid uint32) Rules {
	r.user, r.someone = uid, true
	return r
}

// own is the user whose files are trusted besides root's.
func (r Rules) own(process uint32) uint32 {
	if r.someone {
		return r.user
	}
	return process
}

// Notes are what the log says once of words that have no effect here.
func (r Rules) Notes() []string {
	if r.Blame.Has(config.InsufficientEntropy) {
		return []string{"DontBlameSendmail=InsufficientEntropy has no effect: the system's own random numbers are used, which are always seeded"}
	}
	return nil
}

// A File is an open support file.
type File struct {
	*os.File
	// Targets says that programs and files may stand in a Forward, an Include or
	// an Alias; else Why says why not.
	Targets bool
	Why     string
	// Owner is the uid of the file's owner, and OwnerBelieved that nobody else
	// can have made it so: a list of :include: is delivered as its owner.
	Owner         uint32
	OwnerBelieved bool
	// Warnings are what sendmail logs of the file, and lets pass.
	Warnings []string
}

// An Unsafe is a refusal: the file is there, and others can change or read it.
type Unsafe struct {
	Kind Kind
	// File is what was to be opened, Path what is wrong with it or above it.
	File, Path string
	// Reason is sendmail's: World writable directory, Group writable file, …
	Reason string
	// Detail says what Path is, and Mend what to type; "" is nothing.
	Detail, Mend string
	// Missing: there is no file; the directory it would be in is unsafe.
	Missing bool
	// Quiet: DontBlameSendmail wants no line in the log for this.
	Quiet bool
}

func (u *Unsafe) Error() string {
	text := fmt.Sprintf("unsafe %s %s: %s", u.Kind, quote(u.File), u.Reason)
	if u.Path != u.File {
		text += " " + quote(u.Path)
	}
	if u.Detail != "" {
		text += " (" + u.Detail + ")"
	}
	if u.Mend != "" {
		text += "; " + u.Mend
	}
	return text
}

// refusal is u as a person is told it.
func (u *Unsafe) refusal() error { return &sysexits.Error{Code: sysexits.NoPerm, Err: u} }
