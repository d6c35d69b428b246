package config

import (
	"fmt"
	"strings"
	"time"
)

// ServerPolicy is what is asked of clients, senders and recipients: sendmail's
// features, by their names.
type ServerPolicy struct {
	// DelayChecks has clients and senders judged at RCPT.
	DelayChecks DelayChecks

	// RequireRDNS refuses clients whose address has no name, or a name that does
	// not lead back; BlockBadHelo a name in HELO that cannot be, which needs
	// DelayChecks; BadMX senders whose mail exchangers are nowhere.
	RequireRDNS, BlockBadHelo, BadMX bool
	// UseClientPtr has the access map asked for the name of the PTR record, though
	// it does not lead back.
	UseClientPtr bool
	// AcceptUnqualified takes senders without a domain, AcceptUnresolvable those
	// whose domain is not there.
	AcceptUnqualified, AcceptUnresolvable bool

	// RelayHostsOnly takes the names of class R for hosts, without what is below
	// them; RelayEntireDomain relays for all of the server's own domain.
	RelayHostsOnly, RelayEntireDomain bool
	// RelayBasedOnMX relays to domains that name this server as an exchanger.
	RelayBasedOnMX bool
	// RelayMailFrom and RelayLocalFrom relay by the sender that a client claims.
	RelayMailFrom  MailFrom
	RelayLocalFrom bool
	// LooseRelayCheck does not look behind % and ! in a local part;
	// PromiscuousRelay relays for everybody.
	LooseRelayCheck, PromiscuousRelay bool
	// BlocklistRecipients has the access map refuse recipients; RelayToFullAddress
	// has To: with a full address permit relaying.
	BlocklistRecipients, RelayToFullAddress bool
	// LookUpDotDomain and AccessSkip are how the access map is read: keys .domain,
	// and the value SKIP.
	LookUpDotDomain, AccessSkip bool
	// TrustedMechanisms are the ways to log in that permit relaying, sendmail's
	// TRUST_AUTH_MECH, upper case.
	TrustedMechanisms []string

	// GreetPause is how long the greeting waits for a client that talks early, in
	// milliseconds; 0 is not at all.
	GreetPause int64
	// Rate and Connections are about the limits of the access map.
	Rate, Connections Control
	// RateWindow is the time in which a client's connections are counted.
	RateWindow time.Duration
	// RateThrottle is the most connections in a second that are served at once;
	// the others wait. 0 is no limit.
	RateThrottle int

	Greylist Greylisting
}

// Control is FEATURE(ratecontrol) or FEATURE(conncontrol), and its arguments.
type Control struct {
	// On has the limits of the access map obeyed.
	On bool
	// NoDelay does so at connect, whatever DelayChecks says; Terminate ends the
	// connection of who is over the limit.
	NoDelay, Terminate bool
}

// Greylisting is what is put off once.
type Greylisting struct {
	On bool
	// Delay is the least time until the second try, and Window the longest; Keep
	// is how long who has tried again is known without a word.
	Delay, Window, Keep time.Duration
	// File is where all that is kept; "" is in the spool.
	File string
}

func defaultServerPolicy() ServerPolicy {
	return ServerPolicy{
		TrustedMechanisms: []string{"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "EXTERNAL"},
		RateWindow:        time.Minute,
		Greylist:          Greylisting{Delay: 5 * time.Minute, Window: 2 * 24 * time.Hour, Keep: 35 * 24 * time.Hour},
	}
}

// DelayChecks is FEATURE(delay_checks) and its argument.
type DelayChecks uint8

// The ways.
const (
	ChecksAtOnce  DelayChecks = iota
	ChecksDelayed             // at RCPT, so that a refusal names the recipient
	ChecksFriend              // the same, and not for recipients with Spam: FRIEND
	ChecksHater               // the same, and only for recipients with Spam: HATER
)

// MailFrom is FEATURE(relay_mail_from) and its argument.
type MailFrom uint8

// The ways.
const (
	MailFromNever   MailFrom = iota
	MailFromAddress          // From: with a full address and RELAY permits relaying
	MailFromDomain           // From: with a domain too
)

var (
	delayChecksWords = [...]string{"no", "yes", "friend", "hater"}
	mailFromWords    = [...]string{"no", "address", "domain"}
)

func parseDelayChecks(text string) (DelayChecks, error) {
	i, err := word(text, "way to delay checks", delayChecksWords[:], "")
	return DelayChecks(i), err //nolint:gosec // four words
}

func (d DelayChecks) String() string { return delayChecksWords[min(int(d), len(delayChecksWords)-1)] }

func parseMailFrom(text string) (MailFrom, error) {
	i, err := word(text, "way to relay by the sender", mailFromWords[:], "")
	return MailFrom(i), err //nolint:gosec // three words
}

func (m MailFrom) String() string { return mailFromWords[min(int(m), len(mailFromWords)-1)] }

// parseMechanism reads the name of a SASL mechanism (RFC 4422 section 3.1).
func parseMechanism(text string) (string, error) {
	text = strings.ToUpper(text)
	if text == "" || len(text) > 20 || strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		return "", fmt.Errorf("%s is no way to log in: write its name, as PLAIN or SCRAM-SHA-256", quotedText(text))
	}
	return text, nil
}

// ServerMode is the delivery mode of server mode: the one that is set, and
// background where none is, as in sendmail. That of a laptop, deferred, asks no
// names, and so would leave out what a server on the Internet goes by.
func (c *Config) ServerMode() Mode {
	if c.modeGiven || c.Origin(Named("DeliveryMode"), "") != "" {
		return c.DeliveryMode
	}
	return Background
}

// ServerFreeBlocks is MinFreeBlocks of server mode: what is set, and sendmail's
// where nothing is, since those who hand mail in there do not own the disk.
func (c *Config) ServerFreeBlocks() int64 {
	const standard = 100
	if c.Submit.MinFreeBlocks > 0 || c.Origin(Named("MinFreeBlocks"), "") != "" {
		return c.Submit.MinFreeBlocks
	}
	return standard
}

// WhereListens is the file and the line at which a listener's table begins.
func (c *Config) WhereListens(l *Listener) string {
	if c.source == nil {
		return ""
	}
	return c.source.where(l.at)
}
