// Package msp takes mail in from the programs of this machine: it is sendmail's
// command line, from argv and standard input to one durable Put.
//
// It is linked into the shim that is started once a message, so it does
// nothing at start-up and imports nothing that does.
package msp

import "time"

// A Mode is what -b asks for; the values are sendmail's letters.
type Mode byte

// The modes.
const (
	Submit      Mode = 'm' // read a message and send it
	SMTP        Mode = 's' // SMTP on standard input and output
	Daemon      Mode = 'd' // daemon in the background
	Foreground  Mode = 'D' // daemon in the foreground
	Loopback    Mode = 'l' // daemon on loopback only (Postfix)
	ListQueue   Mode = 'p'
	CountQueue  Mode = 'P'
	Rebuild     Mode = 'i' // the alias database
	Verify      Mode = 'v' // addresses; nothing is sent
	AddressTest Mode = 't'
	HostStatus  Mode = 'h'
	PurgeStatus Mode = 'H'
	Arpanet     Mode = 'a' // as Submit, the sender taken from the header
	CheckConfig Mode = 'C'
)

const (
	allModes    = "msdDlpPivthHaC"
	submitModes = "msavtC" // in which the flags of a submission mean something
	queueModes  = "mdDlpP" // that go together with -q

	maxTag     = 32  // characters of -L
	maxEnvID   = 100 // characters of ENVID (RFC 3461 section 4.4)
	maxHops    = 25
	maxHeaders = 256 << 10
)

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

// An Invocation is a command line, understood.
type Invocation struct {
	// Program is the base name of argv[0].
	Program string
	Mode    Mode
	// Operands are the words after the flags, each an address list.
	Operands []string

	// ConfigFile is the value of -C.
	ConfigFile string
	// Sender is the value of -f or -r; HasSender tells '' from none.
	Sender    string
	HasSender bool
	FullName  string
	// FromHeader is -t: the recipients stand in the header.
	FromHeader bool
	// IgnoreDots is -i: a lone dot is not the end.
	IgnoreDots bool
	// Gateway is -G: nothing in the message is qualified.
	Gateway bool
	// KeepFromLine is -s: a leading mbox "From " line is not dropped.
	KeepFromLine bool
	// UTF8 is -U: the message needs SMTPUTF8.
	UTF8 bool
	// Verbose is -v.
	Verbose bool
	// Notify, Ret and EnvID are the DSN values of -N, -R and -V, as in
	// queue.Envelope.
	Notify, Ret, EnvID string
	// Hops is the value of -h, else -1.
	Hops int
	// Tag is the value of -L, made harmless.
	Tag string
	// Protocol and Peer are from -p and -M: how and from where the message
	// came to the caller.
	Protocol, Peer string
	// TrafficLog is the value of -X.
	TrafficLog string
	// Debug is the value of -d, "" without; DebugFile that of -D.
	Debug, DebugFile string
	HasDebug         bool
	Queue            QueueRun

	// DeliveryMode is the letter of -od, else 0: the configuration's.
	DeliveryMode byte
	ErrorMode    ErrorMode
	NoRecipient  NoRecipient
	// QueueDirectory is the value of -oQ, "" for the configuration's.
	QueueDirectory string
	// MaxHeaders bounds the header section and MaxMessage the message, in
	// octets; 0 is no bound for the message.
	MaxHeaders, MaxMessage int64
	MaxHops                int
	// MaxRecipients bounds the recipients of a message; 0 is no bound.
	MaxRecipients int
	// AuthWarnings is PrivacyOptions=authwarnings.
	AuthWarnings bool
	// Settings are all options given by -o and -O, in order, for the one who
	// delivers.
	Settings []Setting

	// Warnings are lines to print; none of them stops anything.
	Warnings []string

	submission []byte // the flags given that mean something only to a submission
}

// A Setting is one option as given by -O or -o, by its long name.
type Setting struct{ Name, Value string }

// A QueueRun is what -q and -Q ask for.
type QueueRun struct {
	// Given says that -q was there, and was not 0.
	Given bool
	// Foreground is -qf: do not return before the run has ended.
	Foreground bool
	// Interval is the time between runs, 0 for one run.
	Interval time.Duration
	// Persistent is -qp: Interval is the pause after a run.
	Persistent bool
	// Selectors choose the messages; see Selectors.Match.
	Selectors Selectors
	// Group is -qG, accepted: there is one queue group.
	Group string
	// Quarantined is -qQ, Lost is -qL: these entries in place of the others.
	Quarantined, Lost bool
	// SetQuarantine is -Q: quarantine what is chosen for Reason, or release it
	// where Reason is empty.
	SetQuarantine bool
	Reason        string
}
