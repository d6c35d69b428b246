package oauth

import (
	"context"
	"crypto/rand"
	"errors"

	"golang.org/x/oauth2"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/smarthost/secret"
)

// A Person is how the one who logs in is reached.
type Person struct {
	// Say tells the next step.
	Say func(format string, args ...any)
	// Browse opens a web page; nil where there is no browser here.
	Browse func(ctx context.Context, url string) error
	// Device asks for the log-in by a code, on another device. Without it that
	// way is taken where there is no browser and the issuer has it.
	Device bool
}

// Login has a person log in with account a, and keeps what the issuer gives. It
// ends with ctx, or when the person has taken too long.
func Login(ctx context.Context, a *config.Account, w World, p Person) (Standing, error) {
	w = w.filled()
	wire := &wire{w.Transport}
	i, err := wire.issuerOf(ctx, a)
	if err != nil {
		return Standing{}, err
	}
	client, err := clientOf(ctx, a, i, w.Getenv)
	if err != nil {
		return Standing{}, err
	}
	l := &visit{account: a, issuer: i, client: client, wire: wire, person: p}
	t, err := l.token(ctx)
	if err != nil {
		return Standing{}, err
	}
	if t.RefreshToken == "" {
		return Standing{}, sysexits.Errorf(sysexits.Config, "see whether oauth.scopes needs offline_access, and whether client_id may have it",
			"%s let you in, and gave no refresh token, so that the log-in would be over within the hour: nothing was kept", i.title)
	}
	if err := usable(a, t); err != nil {
		return Standing{}, err
	}
	g := granted(a, t, w.Now())
	return g.standing(), w.store(ctx, a, g)
}

// store keeps g; a refresh by another process comes before or after, so that an
// older token does not replace it.
func (w World) store(ctx context.Context, a *config.Account, g grant) error {
	unlock, err := lock(ctx, a, w.Getenv)
	if err != nil {
		return err
	}
	defer unlock()
	if err := secret.Grant(a, w.Getenv).Write(ctx, g.encode()); err != nil {
		return err
	}
	w.keep(a, g)
	return nil
}

// A visit is one log-in under way.
type visit struct {
	account *config.Account
	issuer  *issuer
	client  oauth2.Config
	wire    *wire
	person  Person
}

// token is by the way that fits: a browser that is here, else a code.
func (l *visit) token(ctx context.Context) (*oauth2.Token, error) {
	device, browser := l.client.Endpoint.DeviceAuthURL != "", l.client.Endpoint.AuthURL != ""
	switch {
	case l.person.Device && !device:
		return nil, sysexits.Errorf(sysexits.Unavailable, l.elsewhere(), "%s", l.issuer.noDevice)
	case l.person.Device, l.person.Browse == nil && device, !browser && device:
		return l.byCode(ctx)
	case !browser:
		return nil, sysexits.Errorf(sysexits.Config, "check oauth.issuer", "%s offers no log-in for a person", l.issuer.title)
	}
	return l.byBrowser(ctx)
}

// elsewhere is how to log in from a machine without a browser.
func (l *visit) elsewhere() string {
	return "set oauth.port = 8025 in [account." + l.account.Name + "], log in to this machine with: ssh -L 8025:127.0.0.1:8025 HOST; then type: " +
		secret.LoginCommand(l.account) + " --no-browser, and open the address that it shows"
}

// failed explains an error of the log-in. What a person did not do in time is no
// fault of the network.
func (l *visit) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok && e.ErrorCode == "invalid_grant" {
		return anew(l.account, "%s takes the code no more that it gave for this log-in (invalid_grant: %s)", l.issuer.title, shown(withoutSecrets(e.ErrorDescription)))
	}
	return failed(l.account, err)
}

func ended(ctx context.Context) error {
	return sysexits.Errorf(sysexits.TempFail, "", "the log-in was broken off; nothing was changed: %w", context.Cause(ctx))
}

// state ties the browser's answer to this log-in (RFC 6749 section 10.12).
func state() string { return rand.Text() + rand.Text() }
