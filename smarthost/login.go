package smarthost

import (
	"context"
	"errors"
	"fmt"
	"strconv"

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

	ready     bool         // value is got already, and was given to none
	mechanism string       // what was chosen, or ""
	value     secret.Value // what was given to the mechanism
	fresh     bool         // it did not come from memory
	err       error        // why there was none
	refused   bool         // the server said that user or secret is wrong
}

var _ relay.Authenticator = (*login)(nil)

// Choose picks the mechanism first, without the secret, and gets the secret
// only for one that needs it.
func (l *login) Choose(offered []string, link sasl.Link) (gosasl.Client, string, error) {
	c := l.credentials()
	client, name, err := c.Choose(offered, link)
	if err != nil && c.Mechanism == "auto" {
		// A server that takes tokens alone: then the secret is one.
		c.Token = true
		if _, name, tokenErr := c.Choose(offered, link); tokenErr == nil {
			return l.withSecret(c, name, offered, link)
		}
	}
	if err != nil {
		return nil, "", err
	}
	if name == gosasl.External {
		l.mechanism = name
		return client, name, nil
	}
	return l.withSecret(c, name, offered, link)
}

func (l *login) withSecret(c sasl.Credentials, name string, offered []string, link sasl.Link) (gosasl.Client, string, error) {
	if !l.ready {
		if err := l.prepare(); err != nil {
			l.err = err
			return nil, "", err
		}
	}
	c.Mechanism, c.Secret = name, string(l.value.Reveal())
	l.mechanism, l.ready = name, false
	return c.Choose(offered, link)
}

// prepare gets the secret. It is asked for once for each connection, so that a
// token that was made for this one is known to be new when it is refused.
func (l *login) prepare() (err error) {
	l.value, l.fresh, err = l.keeper.Get(l.ctx)
	l.ready = err == nil
	return err
}

// credentials is all but the secret.
func (l *login) credentials() sasl.Credentials {
	a := l.account
	port, _ := strconv.Atoi(a.Smarthost.Port) // checked by config
	return sasl.Credentials{User: a.User, Mechanism: a.Auth, Host: a.Smarthost.Host, Port: port, Certificate: a.TLS.Cert != "", Token: a.OAuth.Used()}
}

// settle draws the conclusions for the secret from how the connection went.
func (l *login) settle(fault *queue.RouteFault) *queue.RouteFault {
	if fault == nil {
		return nil
	}
	if l.err != nil {
		return secretFault(l.account, l.err)
	}
	_, l.refused = errors.AsType[*relay.Refused](fault.Err)
	switch {
	case l.refused && l.mechanism == gosasl.External:
		fault.Hint = certificateHint(l.account)
	case l.refused:
		l.keeper.Refuse(l.value)
	}
	return fault
}

// settleOnTheWay is settle for a log-in that was refused together with the first
// messages. Where the refused secret was remembered there may be a newer one, so
// that another session is worth opening at once.
func (l *login) settleOnTheWay(fault *queue.RouteFault) *queue.RouteFault {
	fault = l.settle(fault)
	if l.refused && !l.fresh {
		fault.NeedsPerson, fault.Lost = false, true
	}
	return fault
}

// loginHint is what to do where the server refuses the log-in, or wants one.
func loginHint(a *config.Account) string {
	switch a.Auth {
	case "none":
		return fmt.Sprintf(`set user and secret, and auth = "auto", in [account.%s]`, a.Name)
	case "external":
		return certificateHint(a)
	}
	if !a.OAuth.Used() && a.Secret.Kind != "command" { // which may print a token
		if advice := PasswordAdvice(a.Smarthost.Host); advice != "" {
			return advice + "; then " + secret.Mend(a)
		}
	}
	return secret.Mend(a)
}

func certificateHint(a *config.Account) string {
	return fmt.Sprintf("check tls.cert and user in [account.%s], or set auth to another mechanism", a.Name)
}
