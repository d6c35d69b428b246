// Package msp takes mail in from the programs of this machine: it is sendmail's
// command line, from argv and standard input to one durable Put.
//
// It is linked into the shim that is started once a message, so it does
// nothing at start-up and imports nothing that does.
package msp

import (
	"time"

	"mailcrane/internal/config"
)

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

	maxTag   = 32  // characters of -L
	maxEnvID = 100 // characters of ENVID (RFC 3461 section 4.4)
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
	// Gateway is -G: nothing in the message is qualified.
	Gateway bool
	// UTF8 is -U: the message needs SMTPUTF8.
	UTF8 bool
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

	// Settings are the options given by -O and -o, and by the flags that are
	// short for one (-e, -i, -s, -v), in order: they go over the file's.
	Settings []config.Setting
	// Verbose, DeliveryMode (0: the configuration's) and QueueDirectory (""
	// likewise) are those of Settings that count before the file is read.
	Verbose        bool
	DeliveryMode   config.Mode
	QueueDirectory string

	// Warnings are lines to print; none of them stops anything.
	Warnings []string

	submission []byte        // the flags given that mean something only to a submission
	own        config.Config // what Settings say by themselves
}

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
