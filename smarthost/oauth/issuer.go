package oauth

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"mailcrane/internal/config"
)

// An issuer is who gives tokens, and what is special about it.
type issuer struct {
	// title is what a person calls it; id is that of RFC 9207, "" where there is none.
	title, id string
	endpoint  oauth2.Endpoint
	revoke    string // RFC 7009, or ""
	scopes    []string
	// extra goes with the request that a browser carries.
	extra [][2]string
	// redirect is the loopback redirect, to which the port is added, and path.
	redirect, path string
	// noDevice is why there is no log-in by a code where no endpoint is.
	noDevice string
}

const (
	// loopback is the address and not a name: a name may lead elsewhere (RFC 8252
	// section 8.3).
	loopback = "http://127.0.0.1:"
	callback = "/callback"
)

// google is that of https://developers.google.com/identity/protocols/oauth2/native-app.
func google() issuer {
	return issuer{
		title: "Google", id: "https://accounts.google.com",
		endpoint: oauth2.Endpoint{
			AuthURL: "https://accounts.google.com/o/oauth2/v2/auth", TokenURL: "https://oauth2.googleapis.com/token",
			AuthStyle: oauth2.AuthStyleInParams,
		},
		revoke: "https://oauth2.googleapis.com/revoke",
		scopes: []string{"https://mail.google.com/"},
		// Without consent, a second log-in gives no refresh token.
		extra:    [][2]string{{"access_type", "offline"}, {"prompt", "consent"}},
		redirect: loopback, path: callback,
		noDevice: "Google gives no access to mail by a code",
	}
}

// microsoft is that of a tenant: common, organizations, consumers, or an
// organisation's domain or ID.
func microsoft(host, tenant string) issuer {
	base := "https://" + host + "/" + tenant + "/oauth2/v2.0/"
	return issuer{
		title: "Microsoft",
		endpoint: oauth2.Endpoint{
			AuthURL: base + "authorize", TokenURL: base + "token", DeviceAuthURL: base + "devicecode",
			AuthStyle: oauth2.AuthStyleInParams,
		},
		scopes: []string{"https://outlook.office.com/SMTP.Send", "offline_access"},
		// Its pages register http://localhost, without a path and for any port, and
		// not the address.
		redirect: "http://localhost:",
	}
}

// builtIn is an issuer whose endpoints are known; nil is one to be asked for them.
// The documents of Microsoft's tenants name another issuer than the one that they
// are asked for by.
func builtIn(name string) *issuer {
	var found issuer
	switch name {
	case "google":
		found = google()
		return &found
	case "microsoft":
		found = microsoft("login.microsoftonline.com", "common")
		return &found
	}
	u, err := url.Parse(name)
	if err != nil {
		return nil
	}
	switch strings.ToLower(u.Host) {
	case "accounts.google.com":
		found = google()
		return &found
	case "login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn":
		tenant, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
		if tenant == "" {
			tenant = "common"
		}
		found = microsoft(strings.ToLower(u.Host), url.PathEscape(tenant))
		return &found
	}
	return nil
}

// issuerOf is the account's issuer, which is asked for its endpoints where they
// are not known.
func (w *wire) issuerOf(ctx context.Context, a *config.Account) (*issuer, error) {
	found := builtIn(a.OAuth.Issuer)
	if found == nil {
		var err error
		if found, err = w.discover(ctx, a.OAuth.Issuer); err != nil {
			return nil, err
		}
	}
	if len(a.OAuth.Scopes) > 0 {
		found.scopes = slices.Clone(a.OAuth.Scopes)
	}
	return found, nil
}

// title is what a person calls the account's issuer.
func title(a *config.Account) string {
	if known := builtIn(a.OAuth.Issuer); known != nil {
		return known.title
	}
	return hostOf(a.OAuth.Issuer)
}
