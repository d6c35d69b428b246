package config

import "time"

// Routing is where a server's mail goes by its address: sendmail's features, by
// their names. A value that names a next hop is [MAILER:]HOST.
type Routing struct {
	// SmartHost takes all that is not local, MailHub what is for local names but
	// LocalUsers, LocalRelay names without a domain, NullClient everything; "" is
	// none.
	SmartHost, MailHub, LocalRelay, NullClient string
	// LocalUsers is class L: names that MailHub and LocalRelay do not take.
	LocalUsers []string
	// LUserRelay takes local names that are nobody's: local:USER, HOST, MAILER:HOST
	// or error:…; "" refuses them. PreserveLUserHost leaves the recipient's domain.
	LUserRelay        string
	PreserveLUserHost bool
	// PreserveDetail hands user+detail on whole, and looks up no user+*.
	PreserveDetail bool
	// VirtHost are the domains of the virtusertable besides class w, VirtHostFile
	// a file with more of them; VirtuserEntireDomain takes what is below them too.
	VirtHost             []string
	VirtHostFile         string
	VirtuserEntireDomain bool
	// Generics is class G, whose senders the genericstable rewrites besides those
	// without a domain, GenericsFile a file with more of them;
	// GenericsEntireDomain takes what is below them too.
	Generics             []string
	GenericsFile         string
	GenericsEntireDomain bool
	// MaxAliasRecursion is how deep aliases may refer to each other; MeToo has a
	// sender who is on a list get a copy.
	MaxAliasRecursion int
	MeToo             bool
}

// Masquerade is under which domain senders leave.
type Masquerade struct {
	// As is the domain; "" is none.
	As string
	// Domains are the others that are hidden by it, besides our own names;
	// Exceptions are not, nor are the users Exposed.
	Domains, Exceptions, Exposed []string
	// EntireDomain takes what is below Domains too; Limited leaves our own names
	// out, LocalNo what stays on this machine. Envelope is for the reverse-path
	// too, All for recipients too.
	EntireDomain, Limited, LocalNo, Envelope, All bool
}

// Deliver is local delivery.
type Deliver struct {
	// Mailer is maildir:PATH, mbox:PATH, procmail[:PATH], lmtp:ADDRESS or
	// program:ARGV.
	Mailer string
	// ForwardPath is where .forward files are looked for, a list with colons and
	// sendmail's macros; "" is nowhere.
	ForwardPath string
	// DefaultUser is USER or USER:GROUP for programs and files of aliases; "" is
	// sendmail's choice: mailnull, sendmail, daemon, or 1:1.
	DefaultUser string
	// SafeFileEnvironment is the directory that files are below; "" is all.
	SafeFileEnvironment string
	// ProgramTime bounds a program, ProgramOutput how much of what it says is kept.
	ProgramTime   time.Duration
	ProgramOutput int64
}

// Exchange is delivery to mail exchangers.
type Exchange struct {
	// FallbackMX is tried after all exchangers, FallbackSmartHost where a host is
	// unknown or not known just now; "" is none.
	FallbackMX, FallbackSmartHost string
	// TryNullMXList connects to the host itself where we are its best exchanger.
	TryNullMXList bool
	// TLSFallbackToClear tries once more without TLS where a handshake fails.
	TLSFallbackToClear bool
	// Port is 25; ConnectOnlyTo is an address that is connected to whatever the
	// host, "" is none.
	Port          int
	ConnectOnlyTo string
	// Sessions is the most at once with one destination; 0 is 20.
	Sessions int
	// Expensive are hosts and domains that are called by queue runs only, with
	// Queue.HoldExpensive: sendmail's mailer flag e, for doors.
	Expensive []string
	// CacheSize sessions stay open for CacheTime after their last message, for
	// more to the same destination.
	CacheSize int
	CacheTime time.Duration
}

func defaultRouting() Routing { return Routing{MaxAliasRecursion: 10, MeToo: true} }

// DefaultDeliver is delivery where nothing is set.
func DefaultDeliver() Deliver {
	return Deliver{
		Mailer: "maildir:~/Maildir", ForwardPath: "$z/.forward.$w:$z/.forward",
		ProgramTime: 30 * time.Minute, ProgramOutput: 4 << 10,
	}
}

func defaultExchange() Exchange {
	return Exchange{Port: 25, CacheSize: 16, CacheTime: 5 * time.Second}
}
