package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/smarthost/oauth"
	"mailcrane/smarthost/secret"
)

// issuers is the world of log-ins with tokens.
func (a *app) issuers() (oauth.World, error) {
	c, err := a.config()
	if err != nil {
		return oauth.World{}, err
	}
	warn := plainLog{a.stderr}.Error
	return oauth.World{Now: a.now, Getenv: a.getenv, Notes: a.spool(c), Warn: warn}, nil
}

// loginAtIssuer has the person log in at the account's issuer of tokens.
func (a *app) loginAtIssuer(ctx context.Context, account *config.Account, way loginWay) error {
	world, err := a.issuers()
	if err != nil {
		return err
	}
	if err := a.askClientSecret(ctx, account); err != nil {
		return err
	}
	person := oauth.Person{Device: way.device, Say: func(format string, args ...any) { fmt.Fprintf(a.stderr, format+"\n", args...) }}
	browser := browserHere(a.getenv)
	switch {
	case way.noBrowser:
		person.Browse = func(context.Context, string) error { return errors.New("none is wanted") }
	case browser != nil:
		person.Browse = browser.open
	}
	standing, err := oauth.Login(ctx, account, world, person)
	if err != nil {
		return a.forgetClientSecret(ctx, account, err)
	}
	fmt.Fprintf(a.stdout, "account %s is logged in%s; try it with: mailcrane config check --online\n", account.Name, lasts(standing))
	return nil
}

// lasts is until when a log-in holds, where that is known.
func lasts(s oauth.Standing) string {
	if s.Ends.IsZero() {
		return ""
	}
	return " until " + s.Ends.Local().Format(time.DateTime)
}

// A loginItem is how the log-in of an account stands at its issuer of tokens.
type loginItem struct {
	oauth.Standing

	EndsSoon bool `json:"ends_soon,omitempty"`
}

func loginOf(s oauth.Standing, now time.Time) *loginItem {
	if s.Since.IsZero() {
		return nil
	}
	return &loginItem{s, s.EndsSoon(now)}
}

func (l *loginItem) words(account string, now time.Time) string {
	if !now.Before(l.Ends) {
		return "the log-in has ended; type: mailcrane login " + account
	}
	return "the log-in ends " + soon(l.Ends, now) + "; before that, type: mailcrane login " + account
}

// askClientSecret asks once for the secret of the program itself, where that
// is to be in the keyring.
func (a *app) askClientSecret(ctx context.Context, account *config.Account) error {
	place := secret.ClientPlace(account, a.getenv)
	if place == nil {
		return nil
	}
	_, err := place.Read(ctx)
	if !errors.Is(err, secret.ErrNotFound) {
		return err
	}
	text, err := a.askSecret(ctx, "client secret", fmt.Sprintf("secret of the client_id %s of account %s", printable(account.OAuth.ClientID), account.Name))
	if err != nil {
		return err
	}
	return place.Write(ctx, text)
}

// forgetClientSecret has the next log-in ask again for a secret that the issuer
// did not take. It returns why.
func (a *app) forgetClientSecret(ctx context.Context, account *config.Account, why error) error {
	place := secret.ClientPlace(account, a.getenv)
	if place == nil || !errors.Is(why, oauth.ErrClient) {
		return why
	}
	if err := place.Forget(context.WithoutCancel(ctx)); err != nil {
		return why
	}
	return sysexits.Errorf(sysexits.Code(why), sysexits.Hint(why)+"; the next log-in asks for the secret again", "%w", why)
}

func (a *app) logoutAtIssuer(ctx context.Context, account *config.Account) error {
	world, err := a.issuers()
	if err != nil {
		return err
	}
	kept, told, err := oauth.Logout(ctx, account, world)
	if err != nil {
		return err
	}
	if told != nil {
		sysexits.Report(a.stderr, "mailcrane", told)
	}
	if !kept {
		fmt.Fprintf(a.stdout, "account %s was not logged in\n", account.Name)
		return nil
	}
	fmt.Fprintf(a.stdout, "account %s is logged out: nothing of its log-in is kept here\n", account.Name)
	return nil
}
