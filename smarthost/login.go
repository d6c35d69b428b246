package smarthost

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strconv"
	"strings"

	gosasl "github.com/emersion/go-sasl"

	"mailcrane/internal/config"
	"mailcrane/queue"
	"mailcrane/smarthost/relay"
	"mailcrane/smarthost/relay/sasl"
	"mailcrane/smarthost/secret"
)

// A login is the AUTH of one connection. relay calls Choose once the server's
// certificate is verified and its EHLO is read: only then is the secret got,
// so that nobody is asked to unlock a keyring for a server that is not there.
type login struct {
	ctx     context.Context
	account *config.Account
	keeper  *secret.Keeper

	mechanism string       // what was chosen, or ""
	value     secret.Value // what was given to the mechanism
	fresh     bool         // it did not come from memory
	err       error        // why there was none
	code      int          // of the server's last reply to AUTH, 0 before it
	refused   bool         // the server said that user or secret is wrong
}

var _ relay.Authenticator = (*login)(nil)

// Choose picks the mechanism first, without the secret, and gets the secret
// only for one that needs it.
func (l *login) Choose(offered []string, state *tls.ConnectionState) (gosasl.Client, string, error) {
	c := l.credentials(offered)
	_, name, err := c.Choose(offered, state)
	if err != nil && c.Mechanism == "auto" {
		// A server that takes tokens alone: then the secret is one.
		c.Token = true
		if _, name, tokenErr := c.Choose(offered, state); tokenErr == nil {
			return l.withSecret(c, name, offered, state)
		}
	}
	if err != nil {
		return nil, "", err
	}
	if name == gosasl.External {
		// With a user set, that is who we ask to be: servers set up after
		// Exim's manual want to be told. Without one, the server takes the
		// identity from the certificate (RFC 4422 appendix A.1).
		l.mechanism = name
		return gosasl.NewExternalClient(l.account.User), name, nil
	}
	return l.withSecret(c, name, offered, state)
}

func (l *login) withSecret(c sasl.Credentials, name string, offered []string, state *tls.ConnectionState) (gosasl.Client, string, error) {
	v, fresh, err := l.keeper.Get(l.ctx)
	if err != nil {
		l.err = err
		return nil, "", err
	}
	c.Mechanism, c.Secret = name, string(v.Reveal())
	l.mechanism, l.value, l.fresh = name, v, fresh
	return c.Choose(offered, state)
}

// credentials is all but the secret. A client certificate comes before a
// password where the server takes it as a log-in.
func (l *login) credentials(offered []string) sasl.Credentials {
	a := l.account
	port, _ := strconv.Atoi(a.Smarthost.Port) // checked by config
	c := sasl.Credentials{User: a.User, Mechanism: a.Auth, Host: a.Smarthost.Host, Port: port}
	if c.Mechanism == "auto" && a.TLS.Cert != "" && slices.Contains(offered, gosasl.External) {
		c.Mechanism = "external"
	}
	return c
}

// observe passes the trace on, and keeps the code of the server's last reply
// once a secret has been given out.
func (l *login) observe(trace func(string)) func(string) {
	return func(line string) {
		if text, ok := strings.CutPrefix(line, "<<< "); ok && l.mechanism != "" && len(text) >= 3 {
			l.code, _ = strconv.Atoi(text[:3])
		}
		if trace != nil {
			trace(line)
		}
	}
}

// settle draws the conclusions for the secret from how the connection went.
func (l *login) settle(fault *queue.RouteFault) *queue.RouteFault {
	if fault == nil {
		return nil
	}
	if l.err != nil {
		return secretFault(l.account, l.err)
	}
	// RFC 4954 section 6: 535 is a wrong user or secret. Providers say it with
	// 534, 538, 550 and 554 too. 500 to 504 are about the command.
	l.refused = fault.Step == queue.StepAuth && l.code/100 == 5 && l.code > 504
	switch {
	case l.refused && l.mechanism == gosasl.External:
		fault.Hint = fmt.Sprintf("check tls.cert and user in [account.%s], or set auth to another mechanism", l.account.Name)
	case l.refused:
		l.keeper.Refuse(l.value)
		fault.Hint = secret.Mend(l.account)
	}
	return fault
}
