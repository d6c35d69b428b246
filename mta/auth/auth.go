// Package auth is the server's side of logging in (RFC 4954): which mechanisms
// a client is offered, and who it is, by a file of users or by Dovecot.
package auth

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"mailcrane/internal/config"
	"mailcrane/mta/safefile"
)

// Facts are what is known of a client that wants to log in.
type Facts struct {
	// TLS is the state of TLS, nil without.
	TLS *tls.ConnectionState
	// Verified: the certificate that the client has shown there was verified.
	Verified bool
	// Remote is the client, the zero AddrPort one of a Unix socket; Local is
	// where it connected to.
	Remote, Local netip.AddrPort
	// Relay is the client as logs have it; "" is Remote's address.
	Relay string
	// Confidential: no password goes over an open line, whatever the configuration
	// says: the letter c of the access map's Srv_Features.
	Confidential bool

	// offeredPlus: channel binding was among the mechanisms that it was told of.
	offeredPlus bool
}

// secured says that nobody on the way can listen.
func (f *Facts) secured() bool { return f.TLS != nil || !f.Remote.IsValid() }

func (f *Facts) relay() string {
	switch {
	case f.Relay != "":
		return f.Relay
	case f.Remote.IsValid():
		return "[" + f.Remote.Addr().Unmap().String() + "]"
	}
	return "local"
}

// A store knows users.
type store interface {
	// possible are the mechanisms that the store can carry out, the strongest
	// first.
	possible(f *Facts) []mechanism
	// begin starts a log-in by one of them. found is called when it has
	// succeeded, before the last Next returns.
	begin(ctx context.Context, name string, f *Facts, found func(user string)) (sasl.Server, error)
}

// An Auth is the log-in of a server. Its methods are safe for use by several
// goroutines.
type Auth struct {
	store   store
	wanted  []string // upper case; none: all
	letters string
	guesses *Guesses
	log     *slog.Logger
}

// New is the log-in as the configuration has it; nil where nobody can log in.
// guesses are those of the server, whatever configuration it goes by. before is
// the log-in until now, or nil: where it is by the same Dovecot, what that has
// said is known. An error is one of sysexits: the file of users cannot be used.
// ctx bounds the first word with Dovecot.
func New(ctx context.Context, c *config.Config, rules safefile.Rules, log *slog.Logger, now func() time.Time, guesses *Guesses, before *Auth) (*Auth, error) {
	users := &c.MTA.Users
	a := &Auth{wanted: strings.Fields(users.Mechanisms), letters: users.Options, guesses: guesses, log: log}
	switch {
	case users.Dovecot != "":
		if a.store = before.dovecot(users.Dovecot); a.store == nil {
			a.store = newDovecot(ctx, users.Dovecot, log, now)
		}
	case users.File != "":
		file, err := newFile(users.File, users.Realm, rules, log, now)
		if err != nil {
			return nil, err
		}
		a.store = file
	default:
		return nil, nil //nolint:nilnil // there is no log-in
	}
	return a, nil
}

// dovecot is the store, where it is the Dovecot of that socket; else nil.
func (a *Auth) dovecot(socket string) store {
	if a != nil {
		if d, ok := a.store.(*dovecot); ok && d.socket == socket {
			return d
		}
	}
	return nil
}

// Mechanisms are those that a client is offered; none means that AUTH is not
// there for it.
func (a *Auth) Mechanisms(f Facts) []string {
	if a == nil {
		return nil
	}
	letters := a.letters
	if f.Confidential {
		letters += "p"
	}
	var names []string
	for _, m := range a.store.possible(&f) {
		if (len(a.wanted) == 0 || slices.Contains(a.wanted, m.name)) && m.allowed(letters, f.secured()) {
			names = append(names, m.name)
		}
	}
	return names
}

// Server begins a log-in by a mechanism that the client was offered. done is
// called when it has ended: with who has logged in, or, with an error that a log
// may have, who the client claims to be. ctx ends with the connection. Each error, here
// and of the server, is an *smtp.SMTPError.
func (a *Auth) Server(ctx context.Context, mechanism string, f Facts, done func(user string, err error)) (sasl.Server, error) {
	mechanism = strings.ToUpper(mechanism)
	offered := a.Mechanisms(f)
	if !slices.Contains(offered, mechanism) {
		return nil, a.unavailable(mechanism, &f)
	}
	f.offeredPlus = slices.Contains(offered, scramPlus)
	s := &server{ctx: ctx, auth: a, facts: &f, mechanism: mechanism, done: done}
	inner, err := a.store.begin(ctx, mechanism, &f, func(user string) { s.user = user })
	if err != nil {
		a.log.Error("log-in cannot be tried", "mechanism", mechanism, "relay", f.relay(), "reason", err)
		return nil, temporary()
	}
	s.inner = inner
	return s, nil
}

// unavailable refuses a mechanism, and says where it is one that only wants
// TLS first (RFC 4954 section 6).
func (a *Auth) unavailable(mechanism string, f *Facts) error {
	if a != nil && !f.secured() {
		under := *f
		under.TLS = &tls.ConnectionState{}
		if slices.Contains(a.Mechanisms(under), mechanism) {
			return &smtp.SMTPError{
				Code: 538, EnhancedCode: smtp.EnhancedCode{5, 7, 11},
				Message: "Encryption required for requested authentication mechanism; use STARTTLS first",
			}
		}
	}
	return &smtp.SMTPError{Code: 504, EnhancedCode: smtp.EnhancedCode{5, 5, 4}, Message: "Authentication mechanism not offered"}
}
