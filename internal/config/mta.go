package config

import (
	"fmt"
	"strconv"
	"strings"

	"mailcrane/internal/sysexits"
)

// MTA is server mode: what `mailcrane mta` goes by.
type MTA struct {
	// Hostname is the server's own name, sendmail's $j; "" is Config.Hostname,
	// else the system's.
	Hostname string
	// Local are the domains whose mail ends here, sendmail's class w; LocalFile
	// is a file with more of them, a line each, or "".
	Local     []string
	LocalFile string
	// Relay are the domains, networks and addresses that may be relayed for,
	// sendmail's class R; RelayFile is a file with more of them, or "".
	Relay     []string
	RelayFile string
	// RunAs is USER or USER:GROUP that the process becomes when it is bound to
	// its ports; "" stays who it is.
	RunAs string
	// HelpFile is a file with the text of HELP, in sendmail's form; "" is our own.
	HelpFile string
	// XClient are the addresses and networks that may speak for others (XCLIENT);
	// UnixProxy for all who connect to a Unix socket.
	XClient []string
	// Listeners are in the order in which they stand in the file.
	Listeners []Listener

	// NameServers are asked instead of those of resolv.conf(5); none: those.
	NameServers []string
	Resolver    Resolver

	Map        Maps
	Routing    Routing
	Masquerade Masquerade
	Deliver    Deliver
	Exchange   Exchange
	DNSBLs     []DNSBL
	Policy     ServerPolicy
	TLS        ServerTLS
	Users      Users
	Limits     ServerLimits
	Watch      Watching
	Turn       Turn
	Safe       Safe
}

// A Listener is a table [[mta.listen]]: sendmail's DaemonPortOptions.
type Listener struct {
	// Address is host:port, or unix:PATH.
	Address string
	// Name is what logs and headers call it; "" is MTA, on port 587 and 465 MSA.
	Name string
	// Auth and TLS are what is offered.
	Auth ServerAuth
	TLS  ListenTLS
	// Submission: it takes mail from its users and mends it, as RFC 6409 has it;
	// Either is so on port 587 and 465.
	Submission Condition
	// ODMR offers ATRN (RFC 2645) to those who have logged in; Either does so on
	// its port, 366.
	ODMR Condition
	// NoETRN offers none (M=E), RequireFQDN refuses unqualified addresses (M=f),
	// Unqualified takes them (M=u).
	NoETRN, RequireFQDN, Unqualified bool
	// Optional: the server starts where the address is not there (M=O).
	Optional bool
	// Proxy are the addresses and networks from which a line of the PROXY
	// protocol is expected.
	Proxy []string

	at int // where its table begins in the file
}

// UnixProxy in Listener.Proxy stands for all who connect to a Unix socket.
const UnixProxy = "unix"

// PortName is what the listener is called: its name, or sendmail's by its port.
func (l *Listener) PortName() string {
	switch {
	case l.Name != "":
		return l.Name
	case l.Submits():
		return "MSA"
	}
	return "MTA"
}

// Submits says that the listener is for mail of its own users (RFC 6409).
func (l *Listener) Submits() bool {
	_, port, _ := hostPort(l.Address)
	return l.Submission == Yes || l.Submission == Either && (port == "587" || port == "465")
}

// Turns says whether the listener offers ATRN.
func (l *Listener) Turns() bool {
	_, port, _ := hostPort(l.Address)
	return l.ODMR == Yes || l.ODMR == Either && port == "366"
}

// ServerAuth is what a listener does about logging in.
type ServerAuth uint8

// The ways. The zero is AuthOffered.
const (
	AuthOffered  ServerAuth = iota
	AuthRequired            // M=a
	AuthNone                // M=A
)

// ListenTLS is what a listener does about TLS.
type ListenTLS uint8

// The ways. The zero offers STARTTLS where there is a certificate.
const (
	ListenStartTLS ListenTLS = iota
	ListenImplicit           // M=s
	ListenClear              // M=S
)

// Maps are where sendmail's maps are; "" is none. Access is a text file. The
// others are one too, or sqlite:FILE, postgres:FILE or ldap:FILE, where FILE says
// how such a database is asked; a list of aliases is asked in order.
type Maps struct {
	Access                                                 string
	Mailertable, Virtusertable, Domaintable, Genericstable string
	Aliases                                                []string
}

// ServerLimits bound what clients may ask for.
type ServerLimits struct {
	// Connections at once, over all listeners; 0 is as many as the process may
	// have files open for.
	Connections int
	// BadRcptThrottle is the refused recipients of a message after which each
	// further one takes a second, BadRcptShutdown those after which the
	// connection ends; 0 is never.
	BadRcptThrottle, BadRcptShutdown int
	// NOOPs are the idle commands after which a client is slowed down.
	NOOPs int
	// Greeting is the text of 220, with sendmail's $j, $v, $Z and $b.
	Greeting string
	// AllowBogusHELO takes a HELO without a name, SoftBounce makes refusals of
	// mail 4yz.
	AllowBogusHELO, SoftBounce bool
}

// DefaultServerLimits are sendmail's, but for the name in the greeting, and that
// clients are bounded: a thousand that do nothing take 60 MB.
func DefaultServerLimits() ServerLimits {
	return ServerLimits{Connections: 1000, NOOPs: 20, Greeting: "$j mailcrane; $b"}
}

// Safe is which unsafe files are read all the same.
type Safe struct {
	// Blame are the words of DontBlameSendmail.
	Blame Blame
	// TrustedUser is a name or a number of a user whose files are as good as
	// root's; "" is nobody.
	TrustedUser string
}

// The words of what is offered to clients.
var (
	serverAuthWords = [...]string{"offered", "required", "none"}
	listenTLSWords  = [...]string{"starttls", "implicit", "none"}
)

func parseServerAuth(text string) (ServerAuth, error) {
	i, err := word(text, "way to log in", serverAuthWords[:], "")
	return ServerAuth(i), err //nolint:gosec // three words
}

func (a ServerAuth) String() string { return serverAuthWords[min(int(a), len(serverAuthWords)-1)] }

func parseListenTLS(text string) (ListenTLS, error) {
	i, err := word(text, "way of TLS", listenTLSWords[:], "")
	return ListenTLS(i), err //nolint:gosec // three words
}

func (l ListenTLS) String() string { return listenTLSWords[min(int(l), len(listenTLSWords)-1)] }

// settle checks what of server mode goes together.
func (m *MTA) settle(raw *file) error {
	for i := range m.Listeners {
		l := &m.Listeners[i]
		if l.Address == "" {
			return sysexits.Errorf(sysexits.Config, `for example: address = "0.0.0.0:25"`, "%s: [[mta.listen]] has no address", raw.where(l.at))
		}
	}
	for i := range m.DNSBLs {
		if m.DNSBLs[i].List == "" {
			return sysexits.Errorf(sysexits.Config, `for example: list = "dnsbl.example"`, "%s: [[mta.dnsbl]] has no list", raw.where(m.DNSBLs[i].at))
		}
	}
	return nil
}

// parseServerListen reads host:port, where an empty host is all addresses, or
// unix:PATH.
func parseServerListen(text string) (string, error) {
	if strings.HasPrefix(text, "unix:") {
		return parseListen(text)
	}
	_, port, ok := hostPort(text)
	n, err := strconv.Atoi(port)
	if !ok || err != nil || n < 0 || n > 65535 {
		return "", fmt.Errorf("%s is no listener: write 0.0.0.0:25, [::]:25, :587 or unix:/path", quotedText(text))
	}
	return text, nil
}

// parsePortName reads the name of a listener, which stands in logs and headers.
func parsePortName(text string) (string, error) {
	if !plainName(text) {
		return "", fmt.Errorf("%s is no name of a listener: use letters, digits, dot, dash and underscore", quotedText(text))
	}
	return text, nil
}

// parseProxy reads an address, a network, or UnixProxy.
func parseProxy(text string) (string, error) {
	if text == UnixProxy {
		return text, nil
	}
	if _, err := parseRange(text); err != nil {
		return "", err
	}
	return text, nil
}
