// Package discover finds, from an address, the server that takes its owner's
// mail: in a built-in table of large providers, by SRV records (RFC 6186,
// RFC 8314), by Mozilla's autoconfig at the domain, by the domain's MX, in
// Mozilla's ISPDB, and last by trying usual names.
//
// What cannot be asked is never taken for "not there": each step says which of
// the two it was. No step is believed without the server that it names showing
// a certificate for that name when it is spoken to.
package discover

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"mailcrane/internal/address"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

// A Resolver looks names up; *net.Resolver is one.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
}

// A Finder asks, in order. Its fields are the world it asks.
type Finder struct {
	Resolver Resolver
	// HTTP fetches autoconfig documents; it must check certificates. Redirects
	// are judged by the Finder, whatever CheckRedirect the client has.
	HTTP *http.Client
	// Probe opens a session with the server without a log-in: nil means that it
	// greeted and showed a certificate for its name. A *net.DNSError and what
	// else is in the error's chain says why not.
	Probe func(ctx context.Context, server config.Smarthost) error
	// Tell is told of each step when it is over; nil is nobody.
	Tell func(Step)
}

// The time that a step may take, so that a name server or a portal that stays
// mute costs seconds and not minutes.
const (
	lookupTime = 5 * time.Second
	fetchTime  = 6 * time.Second
	probeTime  = 6 * time.Second
)

// An Outcome is what came of a step.
type Outcome uint8

// The outcomes.
const (
	Absent  Outcome = iota // asked, and it is not there
	Found                  // settings
	Unknown                // it could not be asked: that says nothing
)

// A Step is one question, and what came of it.
type Step struct {
	// What is asked for, and Whom: "your name server", a host name, or "" for
	// what is known here.
	What, Whom string
	Outcome    Outcome
	// Detail is the settings that were found, or why there are none: words for a
	// person, which may hold text from outside.
	Detail string
	// Err is why it could not be asked.
	Err error
}

// A Login says what a provider lets programs log in with.
type Login uint8

// The log-ins.
const (
	Password    Login = iota // the account's own, or nothing is known of it
	AppPassword              // one made for the program, on a page of the provider
	OAuth                    // a browser; Settings.Issuer is whose
)

// Settings are a server and how to log in there.
type Settings struct {
	Server config.Smarthost
	User   string
	// OtherUser is the name to try where User is refused, or "" where the source
	// says which it is (RFC 6186 section 4: the address, then its local part).
	OtherUser string
	Login     Login
	// Page is where the provider tells of its log-in or makes app passwords, or "".
	Page string
	// Issuer is the one of Config.OAuth whose tokens the server takes too, or "".
	Issuer string
	// Provider is its name for a person, or "".
	Provider string
	// Source is the step that found it, in words.
	Source string
	// Confirm says why a person has to agree before the password goes there, or
	// "" (RFC 6186 section 6: the server is in another domain).
	Confirm string
}

// A Result is what a search found.
type Result struct {
	// Settings is nil where nothing was found.
	Settings *Settings
	// Closed is why no program can send for this address, or "".
	Closed string
	// Offline says that no name could be looked up at all, so that the rest was
	// not asked.
	Offline bool
	Steps   []Step
}

// Unasked are the steps that could not be asked.
func (r *Result) Unasked() []Step {
	var all []Step
	for _, s := range r.Steps {
		if s.Outcome == Unknown {
			all = append(all, s)
		}
	}
	return all
}

// A search is one run of a Finder.
type search struct {
	*Finder
	address, local string
	domain         string // in ASCII, lower case
	result         Result
	// none: the domain says itself that it offers no submission, so nothing is
	// guessed.
	none bool
	mx   []string // hosts, the first first
}

// Find searches for the settings of an address. The error is for an address
// that is none, or the end of ctx; that nothing was found is in the Result.
func (f *Finder) Find(ctx context.Context, whose string) (*Result, error) {
	if err := address.Valid(whose); err != nil {
		return nil, sysexits.Errorf(sysexits.Usage, "write it as me@example.org", "%q is no address: %w", address.Shown(whose), err)
	}
	local, domain := address.Split(whose)
	ascii, err := idna.New(idna.MapForLookup(), idna.Transitional(false)).ToASCII(domain)
	if err != nil || !hostName(ascii) {
		return nil, sysexits.Errorf(sysexits.Usage, "write it as me@example.org", "%q is no domain that can be looked up", address.Shown(domain))
	}
	s := &search{Finder: f, address: whose, local: local, domain: strings.ToLower(ascii)}
	for _, step := range []func(context.Context) *Settings{
		s.table, s.records, s.ownAutoconfig, s.exchangers, s.ispdb, s.exchangersDomain, s.usualNames,
	} {
		found := step(ctx)
		if ctx.Err() != nil {
			return &s.result, sysexits.Errorf(sysexits.TempFail, "", "the search for settings was broken off: %w", context.Cause(ctx))
		}
		s.result.Settings = found
		s.result.Offline = s.offline()
		if found != nil || s.result.Closed != "" || s.result.Offline {
			break
		}
	}
	return &s.result, nil
}

// offline says that name servers have answered nothing in three steps or more:
// the further ones would only wait.
func (s *search) offline() bool {
	asked := 0
	for _, step := range s.result.Steps {
		if step.Whom == "" {
			continue
		}
		if _, dns := errors.AsType[*net.DNSError](step.Err); !dns {
			return false
		}
		asked++
	}
	return asked > 2
}

// tell keeps a step and tells of it.
func (s *search) tell(step Step) {
	s.result.Steps = append(s.result.Steps, step)
	if s.Tell != nil {
		s.Tell(step)
	}
}

// found tells of a step that found settings.
func (s *search) found(what, whom string, settings *Settings) *Settings {
	settings.Source = what
	detail := settings.Server.String()
	if settings.Provider != "" {
		detail = settings.Provider + ", " + detail
	}
	s.tell(Step{What: what, Whom: whom, Outcome: Found, Detail: detail})
	return settings
}

func (s *search) absent(what, whom, why string) {
	s.tell(Step{What: what, Whom: whom, Outcome: Absent, Detail: why})
}

func (s *search) unknown(what, whom string, err error) {
	s.tell(Step{What: what, Whom: whom, Outcome: Unknown, Detail: reason(err), Err: err})
}

// users is the user for a source that does not say which form it has.
func (s *search) users(settings *Settings) *Settings {
	settings.User, settings.OtherUser = s.address, s.local
	return settings
}

// hostName says that name is one of letters, digits and dashes, as a server has:
// what a document or a record names is dialled.
func hostName(name string) bool {
	if len(name) == 0 || len(name) > 253 || net.ParseIP(name) != nil {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if len(label) == 0 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			c := label[i]
			if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}
