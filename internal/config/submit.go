package config

import "strings"

// Submit is what can be set of taking a message in.
type Submit struct {
	// IgnoreDots: a line with a dot alone does not end standard input.
	IgnoreDots bool
	// KeepFromLine keeps a leading mbox line "From ".
	KeepFromLine bool
	// Verbose delivers at once and shows the session.
	Verbose     bool
	ErrorMode   ErrorMode
	NoRecipient NoRecipient
	Privacy     PrivacyFlags
	// MaxHeaders bounds the header section and MaxMessage the message, in
	// octets; 0 is no bound for the message.
	MaxHeaders, MaxMessage int64
	// MaxHops bounds the Received fields, MaxRecipients the recipients of a
	// message; 0 is no bound for the recipients.
	MaxHops, MaxRecipients int
	// MinFreeBlocks is how much must stay free on the spool's disk, in KiB as df
	// counts it.
	MinFreeBlocks int64
}

// MostHeaders is the largest bound of a header section, in octets.
const MostHeaders = 256 << 10

// DefaultSubmit is sendmail's, but for a larger header section.
func DefaultSubmit() Submit {
	return Submit{ErrorMode: ErrorPrint, MaxHeaders: MostHeaders, MaxHops: 25}
}

// An ErrorMode says who hears of a permanent failure that is found while the
// command still runs; the values are sendmail's letters.
type ErrorMode byte

// The error modes.
const (
	ErrorPrint ErrorMode = 'p' // print it, keep the message in dead.letter
	ErrorMail  ErrorMode = 'm' // mail a bounce to the sender
	ErrorWrite ErrorMode = 'w' // write to the terminal, else as ErrorMail
	ErrorExit0 ErrorMode = 'e' // mail a bounce, exit 0 whatever happens
	ErrorQuiet ErrorMode = 'q' // the exit code only
)

// A NoRecipient says what is done to a header that names no recipient
// (sendmail's NoRecipientAction).
type NoRecipient uint8

// The actions.
const (
	LeaveHeader NoRecipient = iota
	AddTo
	AddApparentlyTo
	AddBcc
	AddUndisclosed
)

// PrivacyFlags are sendmail's PrivacyOptions, of which those that mean
// something where only this machine's programs hand mail in are kept.
type PrivacyFlags uint8

// The flags.
const (
	// AuthWarnings has X-Authentication-Warning added for -f and its kin.
	AuthWarnings PrivacyFlags = 1 << iota
	// NoBodyReturn has reports carry the header of a message only.
	NoBodyReturn
	// NoReceipts asks for no success reports, and offers none.
	NoReceipts
)

// Has says that flag is among them.
func (p PrivacyFlags) Has(flag PrivacyFlags) bool { return p&flag != 0 }

// privacyFlags reads a list of sendmail's words; the rest of them speak of an
// SMTP server that strangers reach, and say nothing here.
func privacyFlags(text string) (p PrivacyFlags) {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		switch strings.ToLower(word) {
		case "authwarnings", "goaway":
			p |= AuthWarnings
		case "nobodyreturn":
			p |= NoBodyReturn
		case "noreceipts":
			p |= NoReceipts
		}
	}
	return p
}

func (p PrivacyFlags) words() []string {
	var words []string
	if p.Has(AuthWarnings) {
		words = append(words, "authwarnings")
	}
	if p.Has(NoBodyReturn) {
		words = append(words, "nobodyreturn")
	}
	if p.Has(NoReceipts) {
		words = append(words, "noreceipts")
	}
	return words
}
