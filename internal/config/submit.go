package config

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
