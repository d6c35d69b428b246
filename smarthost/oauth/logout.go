package oauth

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"golang.org/x/oauth2"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/smarthost/secret"
)

// Logout forgets the log-in of account a, and has the issuer end it. kept says
// that there was one. An error of the issuer, told, comes after all is forgotten
// here; it does not make the log-out fail.
func Logout(ctx context.Context, a *config.Account, w World) (kept bool, told, err error) {
	w = w.filled()
	unlock, err := lock(ctx, a, w.Getenv)
	if err != nil {
		return false, nil, err
	}
	defer unlock()
	place := secret.Grant(a, w.Getenv)
	v, err := place.Read(ctx)
	if err != nil && !errors.Is(err, secret.ErrNotFound) {
		return false, nil, err
	}
	kept = err == nil
	if kept {
		if g, err := decode(a, v); err == nil {
			told = w.revoke(ctx, a, g)
		}
	}
	err = place.Forget(ctx)
	if client := secret.ClientPlace(a, w.Getenv); client != nil {
		err = errors.Join(err, client.Forget(ctx))
	}
	if w.Notes != nil {
		err = errors.Join(err, w.Notes.KeepKnown(noteFile(a), "{}"))
	}
	if err == nil {
		os.Remove(lockPath(a, w.Getenv))
	}
	return kept, told, err
}

var errNoRevocation = errors.New("it has no way to be told")

// revoke has the issuer end the log-in (RFC 7009).
func (w World) revoke(ctx context.Context, a *config.Account, g grant) error {
	wire := &wire{w.Transport}
	i, err := wire.issuerOf(ctx, a)
	if err != nil {
		return err
	}
	if i.revoke == "" {
		return sysexits.Errorf(sysexits.Unavailable, "end it on the web page of your account there", "%s was not told: %w", i.title, errNoRevocation)
	}
	client, err := clientOf(ctx, a, i, w.Getenv)
	if err != nil {
		return err
	}
	form := url.Values{"token": {g.Refresh}, "token_type_hint": {"refresh_token"}}
	inHeader := client.Endpoint.AuthStyle == oauth2.AuthStyleInHeader
	if !inHeader {
		form.Set("client_id", client.ClientID)
		if client.ClientSecret != "" {
			form.Set("client_secret", client.ClientSecret)
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, i.revoke, strings.NewReader(form.Encode()))
	if err != nil {
		return unreached(i.title, err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if inHeader {
		// RFC 6749 section 2.3.1: as form values.
		r.SetBasicAuth(url.QueryEscape(client.ClientID), url.QueryEscape(client.ClientSecret))
	}
	answer, err := wire.client(ctx).Do(r)
	if err != nil {
		return unreached(i.title, err)
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, answer.Body) //nolint:errcheck // nothing in there counts
	if answer.StatusCode != http.StatusOK {
		return sysexits.Errorf(sysexits.Unavailable, "end it on the web page of your account there", "%s did not end the log-in: it answered %d", i.title, answer.StatusCode)
	}
	return nil
}
