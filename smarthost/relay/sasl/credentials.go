// Package sasl picks and carries out the SASL mechanisms by which an account
// logs in to its smarthost.
package sasl

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	gosasl "github.com/emersion/go-sasl"

	"mailcrane/internal/sysexits"
)

// Credentials is who logs in, with what, and how.
type Credentials struct {
	User string // "" with EXTERNAL is whom the certificate names
	// Secret is the password, or with Token an OAuth 2 access token.
	Secret string
	Token  bool
	// Mechanism is "auto", or a mechanism's name in any case.
	Mechanism string
	// Host and Port are the server's, which OAUTHBEARER tells it.
	Host string
	Port int
	// Certificate says that we show a client certificate: where the server
	// takes it as a log-in (EXTERNAL), "auto" needs no secret.
	Certificate bool
}

// String keeps the secret out of logs and errors.
func (c Credentials) String() string { return fmt.Sprintf("%s (secret not shown)", c.User) }

// GoString keeps the secret out of %#v too.
func (c Credentials) GoString() string { return c.String() }

// A Link is the connection that a log-in goes over.
type Link struct {
	// TLS is its state, of a verified server; nil without TLS.
	TLS *tls.ConnectionState
	// Loopback says that the peer is this machine: there is no way on which
	// somebody could listen.
	Loopback bool
}

// Allows says whether a mechanism may be used on the link: one that shows the
// secret only where nobody else can see it.
func (l Link) Allows(mechanism string) bool {
	return l.TLS != nil || l.Loopback || slices.Contains(inClear[:], mechanism)
}

// The orders of preference. SCRAM never shows the password to the server, and
// with PLUS not to a false one in between either. PLAIN and LOGIN come before
// CRAM-MD5 because they run under a TLS that was verified, while CRAM-MD5
// makes the server keep the password in the clear; where others can listen
// only the mechanisms of inClear are left.
var (
	forPasswords = [...]string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", gosasl.Plain, gosasl.Login, "CRAM-MD5"}
	forTokens    = [...]string{gosasl.OAuthBearer, "XOAUTH2"}
	inClear      = [...]string{"SCRAM-SHA-256", "CRAM-MD5"}
)

// Choose picks a mechanism out of those that the server offers, upper case.
// An error has a sysexits hint and no secret in it.
func (c Credentials) Choose(offered []string, link Link) (gosasl.Client, string, error) {
	name, err := c.pick(offered, link)
	if err != nil {
		return nil, "", err
	}
	client, err := c.client(name, offered, link.TLS)
	return client, name, err
}

func (c Credentials) pick(offered []string, link Link) (string, error) {
	if c.Mechanism != "" && !strings.EqualFold(c.Mechanism, "auto") {
		return c.named(strings.ToUpper(c.Mechanism), offered, link)
	}
	known := false
	for _, name := range c.preferred() {
		known = known || slices.Contains(offered, name)
		if slices.Contains(offered, name) && link.Allows(name) {
			return name, nil
		}
	}
	why, hint := "the server offers no way to log in that we know", "ask the provider for another server; this one offers "
	if known {
		why, hint = "without TLS the password is not sent, and the server offers no log-in that hides it", "write smtps:// or smtp:// in smarthost; the server offers "
	}
	if c.Token && !known {
		why = "the server does not take OAuth 2 tokens"
		hint = "use a password (an app password, perhaps); the server offers "
	}
	return "", sysexits.Errorf(sysexits.Config, hint+strings.ToLower(strings.Join(offered, ", ")), "%s", why)
}

// named is the mechanism that the configuration names. SCRAM is taken with
// channel binding where the server has it.
func (c Credentials) named(name string, offered []string, link Link) (string, error) {
	if name == "SCRAM-SHA-256" && link.TLS != nil && slices.Contains(offered, name+"-PLUS") {
		name += "-PLUS"
	}
	if !slices.Contains(offered, name) {
		return "", sysexits.Errorf(sysexits.Config, `set auth = "auto", or one of `+strings.ToLower(strings.Join(offered, ", ")),
			"the server does not offer the log-in set in auth, %s", strings.ToLower(name))
	}
	if !link.Allows(name) {
		return "", sysexits.Errorf(sysexits.Config, "write smtps:// or smtp:// in smarthost",
			"%s shows the password to everyone on the way, and there is no TLS: nothing was sent", strings.ToLower(name))
	}
	return name, nil
}

func (c Credentials) preferred() []string {
	names := forPasswords[:]
	if c.Token {
		names = forTokens[:]
	}
	if c.Certificate {
		names = append([]string{gosasl.External}, names...)
	}
	return names
}

func (c Credentials) client(name string, offered []string, state *tls.ConnectionState) (gosasl.Client, error) {
	switch name {
	case gosasl.Plain:
		return gosasl.NewPlainClient("", c.User, c.Secret), nil
	case gosasl.Login:
		return &login{Client: gosasl.NewLoginClient(c.User, c.Secret), user: c.User}, nil
	case gosasl.External:
		// With a user set, that is who we ask to be: servers set up after Exim's
		// manual want to be told. Without one, the server takes the identity
		// from the certificate (RFC 4422 appendix A.1).
		return gosasl.NewExternalClient(c.User), nil
	case gosasl.OAuthBearer:
		inner := gosasl.NewOAuthBearerClient(&gosasl.OAuthBearerOptions{Username: c.User, Token: c.Secret, Host: c.Host, Port: c.Port})
		return &bearer{Client: inner, dummy: []byte{1}}, nil
	case "XOAUTH2":
		return &bearer{Client: &xoauth2{user: c.User, token: c.Secret}, dummy: []byte{}}, nil
	case "CRAM-MD5":
		return &cramMD5{user: c.User, secret: c.Secret}, nil
	case "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS":
		return newScram(c, name, offered, state)
	}
	return nil, sysexits.Errorf(sysexits.Config, `set auth = "auto"`, "the log-in set in auth, %s, is not one that we know", strings.ToLower(name))
}
