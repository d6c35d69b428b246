// Package oauth gets the tokens of an account whose provider takes no passwords:
// a person logs in once, in a browser or by a code that is typed elsewhere, and
// what the issuer gives for that, the refresh token, is kept in a secret.Place.
// From it the access tokens are made that log in to the smarthost.
//
//	issuer, discovery   who gives tokens, and where
//	wire                the requests that go there
//	browser, page       the log-in in a browser (RFC 8252, RFC 7636)
//	device              the log-in by a code (RFC 8628)
//	login, logout       what a person starts
//	mint, grant, lock   access tokens, and the refresh token they are made from
//	refusal             what the issuer says, in words
//	standing            since when, and until when
//
// Every error is a *sysexits.Error, as in package secret: EX_TEMPFAIL may pass by
// itself, with any other a person has to act.
package oauth

import (
	"context"
	"net"
	"net/http"
	"os"
	"time"
)

// A World is the parts of the world that are used here; the zero World is the
// real one.
type World struct {
	// Transport carries the requests; nil is one that dials with Dial and obeys
	// the proxy of the environment.
	Transport http.RoundTripper
	// Dial opens connections; nil is net.Dialer's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Getenv is asked for HOME and what package secret asks for; nil is os.Getenv.
	Getenv func(string) string
	// Notes keeps since when and until when a log-in holds, and no secret; nil
	// forgets it.
	Notes Notes
	// Warn is told what a person should see to soon, as a sentence and pairs of
	// key and value. It may be nil.
	Warn func(msg string, args ...any)
}

// Notes keeps small texts by name; queue.Spool does.
type Notes interface {
	Known(name string) (string, error)
	KeepKnown(name, text string) error
}

func (w World) filled() World {
	if w.Now == nil {
		w.Now = time.Now
	}
	if w.Getenv == nil {
		w.Getenv = os.Getenv
	}
	if w.Warn == nil {
		w.Warn = func(string, ...any) {}
	}
	if w.Transport == nil {
		w.Transport = transport(w.Dial)
	}
	return w
}
