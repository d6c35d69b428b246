// Package config reads mailcrane.toml: typed settings, their defaults, and
// errors that name file, line and the nearest known key.
//
// The sendmail shim links it, so it imports nothing that costs start-up time.
//
// Its files:
//
//	config, queue, submit, sessions                   what can be set
//	account, people, dial, metered, network           the same: accounts, and who is told
//	policy, hours, ranges                             the rules of the policy
//	mta, privacy, blame, dnsbl                        server mode, and what it tells
//	nexthop, localmailer, resolver                    where a server's mail goes, and whom it asks
//	load, toml                                        the file, from its text to what is set
//	setting                                           what the command line sets
//	option, options                                   the table of options
//	value, values, words, oauth, system, directories  what an option takes in
//	nearest, show                                     what was meant; what is set, as text
package config

import (
	"time"
)

// A Mode says when a submitted message is delivered; the values are
// sendmail's letters for DeliveryMode.
type Mode byte

// The delivery modes.
const (
	Interactive Mode = 'i' // by the submitting program itself, which waits
	Background  Mode = 'b' // by a process of its own, at once
	QueueOnly   Mode = 'q' // by a queue run
	DeferredRun Mode = 'd' // by a queue run, and no name is looked up before
)

// Config is what is set, defaults filled in.
type Config struct {
	// Path is the file it was read from; "" where none was found and all is
	// default.
	Path         string
	DeliveryMode Mode
	// Privacy keeps local user, host name, address and time zone out of what
	// leaves this machine. On by default.
	Privacy bool
	// Hostname is the name used where Privacy is off; "" asks the system.
	Hostname string
	// LogLevel is sendmail's: how much the agent logs.
	LogLevel int
	// Spools is where the queue is: one directory, or several.
	Spools Directories
	// Accounts are sorted by name.
	Accounts []*Account
	// DefaultAccount carries mail whose sender no account claims; nil where
	// there are several accounts and none is named.
	DefaultAccount *Account
	Network        Network
	// Rules are the policy, in the order in which they stand in the file.
	Rules   []Rule
	Timeout Timeout
	Queue   Queue
	Submit  Submit
	// ListenMSP are the submission listeners: "host:port" on loopback, or
	// "unix:PATH".
	ListenMSP []string
	// System is the machine's own agent; Admin is the address that mail to
	// users of this machine goes to, "" for the default account's own, and
	// Aliases a file in the form of /etc/aliases that is asked before, or "".
	System         System
	Admin, Aliases string
	// Notice is what the desktop is told of.
	Notice Notice
	// MTA is server mode.
	MTA MTA

	defaultName string // of DefaultAccount, as it is set
	modeGiven   bool   // DeliveryMode stands on the command line
	source      *file  // nil where there is none
}

// defaults is a Config in which nothing is set.
func defaults() *Config {
	return &Config{
		DeliveryMode: DeferredRun, Privacy: true, LogLevel: 9,
		Timeout: DefaultTimeout(), Queue: DefaultQueue(), Submit: DefaultSubmit(),
		MTA: MTA{
			Policy: defaultServerPolicy(), Limits: DefaultServerLimits(),
			Routing: defaultRouting(), Deliver: DefaultDeliver(), Exchange: defaultExchange(), Resolver: defaultResolver(),
			Users: Users{Options: "py"}, TLS: ServerTLS{ACME: ACME{Challenge: "http-01"}},
		},
	}
}

// Timeout holds sendmail's Timeout.* values for a relay session
// (RFC 5321 section 4.5.3.2), with the shorter defaults of a laptop.
type Timeout struct {
	Connect, Initial, Helo, StartTLS, Auth time.Duration
	Mail, Rcpt, DataInit, DataBlock        time.Duration
	DataFinal, Rset, Quit                  time.Duration
	// LHLO is for the greeting of a local LMTP server and its reply to LHLO.
	LHLO time.Duration
	// Command is how long a client of ours may take to its next command.
	Command time.Duration
	// IConnect replaces Connect for a session whose messages were never tried
	// before; 0 does not.
	IConnect time.Duration
	// AConnect bounds all connects of one session's opening; 0 is no bound.
	AConnect time.Duration
	// Ident is for a whole question about a client's user; 0 asks none.
	Ident time.Duration
	// FileOpen is for a .forward or a file of :include: to be opened; 0 is no limit.
	FileOpen time.Duration
	// Retrans is how long server mode waits for a name server, and Retry how often
	// it asks each; 0 is as resolv.conf(5) says. Those of First are for the first
	// try of a message, those of Normal for all else; 0 is as Retrans and Retry.
	Retrans, RetransFirst, RetransNormal time.Duration
	Retry, RetryFirst, RetryNormal       int
}

// DefaultTimeout is never below the minimum of RFC 5321, but for connect,
// initial and starttls, whose end costs a message nothing here: a route fault
// is tried again as soon as the network changes.
func DefaultTimeout() Timeout {
	return Timeout{
		Connect: 30 * time.Second, Initial: 2 * time.Minute, Helo: 5 * time.Minute,
		StartTLS: time.Minute, Auth: 2 * time.Minute,
		Mail: 5 * time.Minute, Rcpt: 5 * time.Minute, DataInit: 2 * time.Minute,
		DataBlock: 3 * time.Minute, DataFinal: 10 * time.Minute,
		Rset: 5 * time.Minute, Quit: 10 * time.Second, Command: 5 * time.Minute, FileOpen: time.Minute,
		LHLO: 2 * time.Minute,
	}
}

// A TLSMode says how a connection to a smarthost is protected.
type TLSMode uint8

// The TLS modes.
const (
	Implicit TLSMode = iota // smtps: TLS at once
	StartTLS                // smtp: STARTTLS, required
	Insecure                // smtp+insecure: none
)

// A Smarthost is where an account's mail goes.
type Smarthost struct {
	Host string // name or address, no brackets
	Port string
	TLS  TLSMode
}

// A Secret says where a password or token comes from.
type Secret struct {
	Kind  string // "keyring", "command", "file", "credential"
	Value string // command line, path, or name; "" for the keyring
}

// An Account is one way to send.
type Account struct {
	Name string
	// From are the senders it carries: addresses and patterns with "*".
	From      []string
	Smarthost Smarthost
	User      string
	// Auth is "auto", "none", or a SASL mechanism in lower case.
	Auth   string
	Secret Secret
	OAuth  OAuth
	TLS    TLS
	// MaxSize is the most octets of a message that leaves by itself while the
	// way out is metered, 0 for no bound; Metered says whether it is.
	MaxSize Octets
	Metered Metering
	// Sessions is how many may be open at once with the smarthost.
	Sessions Sessions
	// Expensive: the server is called for queue runs only, with
	// Queue.HoldExpensive. OnDemand: only where somebody says what to send.
	Expensive, OnDemand bool
	// Fetch is how mail that waits for us is fetched: FetchNone, FetchATRN or
	// FetchETRN; FetchDomains are whose. FetchSmarthost is the server that has it,
	// the smarthost where no host is set.
	Fetch          string
	FetchDomains   []string
	FetchSmarthost Smarthost
}

// TLS says what else than the system's CAs an account's server is checked
// against, and what we show it.
type TLS struct {
	CA   string   // a PEM file that replaces the system's CAs; "" for those
	Pin  []string // SHA-256 fingerprints, any of which replaces the CA check
	Cert string   // PEM file with our client certificate, or ""
	Key  string   // PEM file with its key, or ""
	// KeyExchange is "auto", PostQuantum or Classical.
	KeyExchange string
}

// The key exchanges that are asked for by name.
const (
	PostQuantum = "post-quantum"
	Classical   = "classical"
)
