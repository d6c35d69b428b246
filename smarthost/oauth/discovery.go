package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"mailcrane/internal/sysexits"
)

// A document is what an issuer publishes of itself (RFC 8414 section 2).
type document struct {
	Issuer     string   `json:"issuer"`
	Authorize  string   `json:"authorization_endpoint"`
	Token      string   `json:"token_endpoint"`
	Device     string   `json:"device_authorization_endpoint"`
	Revoke     string   `json:"revocation_endpoint"`
	Scopes     []string `json:"scopes_supported"`
	Methods    []string `json:"token_endpoint_auth_methods_supported"`
	Challenges []string `json:"code_challenge_methods_supported"`
}

// documentURLs are where the document of an issuer may be: OpenID Connect
// Discovery section 4, and RFC 8414 section 3, which puts the well-known part
// before the path.
func documentURLs(issuer string) [2]string {
	issuer = strings.TrimSuffix(issuer, "/")
	host, path, _ := strings.Cut(strings.TrimPrefix(issuer, "https://"), "/")
	other := "https://" + host + "/.well-known/oauth-authorization-server"
	if path != "" {
		other += "/" + path
	}
	return [2]string{issuer + "/.well-known/openid-configuration", other}
}

var errNoDocument = errors.New("there is no such document")

// discover asks an issuer for its endpoints.
func (w *wire) discover(ctx context.Context, name string) (*issuer, error) {
	var err error
	for _, at := range documentURLs(name) {
		var d document
		if d, err = w.document(ctx, at); errors.Is(err, errNoDocument) {
			continue
		}
		if err == nil {
			return d.issuer(name)
		}
		return nil, unreached(hostOf(name), err)
	}
	return nil, sysexits.Errorf(sysexits.Config, "check oauth.issuer; it is the URL that the provider calls issuer",
		"%s publishes nothing by which one could log in there", hostOf(name))
}

func (w *wire) document(ctx context.Context, at string) (d document, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return d, err
	}
	r.Header.Set("Accept", "application/json")
	answer, err := w.client(ctx).Do(r)
	if err != nil {
		return d, err
	}
	defer answer.Body.Close()
	switch {
	case answer.StatusCode == http.StatusNotFound || answer.StatusCode == http.StatusGone:
		return d, errNoDocument
	case answer.StatusCode != http.StatusOK:
		return d, fmt.Errorf("it answered %s", http.StatusText(answer.StatusCode))
	}
	if err := json.NewDecoder(answer.Body).Decode(&d); err != nil {
		return d, errStrange
	}
	return d, nil
}

// issuer checks the document of name. An issuer that says it is another one may
// be that other one's false twin (RFC 8414 section 3.3).
func (d document) issuer(name string) (*issuer, error) {
	bad := func(format string, args ...any) error {
		return sysexits.Errorf(sysexits.Config, "check oauth.issuer, or ask who runs it", "the issuer %s %s", hostOf(name), fmt.Sprintf(format, args...))
	}
	if d.Issuer != name {
		return nil, sysexits.Errorf(sysexits.Config, fmt.Sprintf("if that is the one you mean, set oauth.issuer = %q", shown(d.Issuer)),
			"the issuer %s calls itself %s", name, shown(d.Issuer))
	}
	for _, at := range [...]struct {
		what, url string
		needed    bool
	}{{"token_endpoint", d.Token, true}, {"authorization_endpoint", d.Authorize, false}, {"device_authorization_endpoint", d.Device, false}, {"revocation_endpoint", d.Revoke, false}} {
		u, err := url.Parse(at.url)
		switch {
		case at.url == "" && at.needed:
			return nil, bad("names no %s", at.what)
		case at.url != "" && (err != nil || u.Scheme != "https" || u.Host == ""):
			return nil, bad("names a %s that is no https:// address", at.what)
		}
	}
	if len(d.Challenges) > 0 && !slices.Contains(d.Challenges, "S256") {
		return nil, bad("does not know PKCE with S256, without which a log-in can be stolen")
	}
	style := oauth2.AuthStyleInParams
	if slices.Contains(d.Methods, "client_secret_basic") && !slices.Contains(d.Methods, "client_secret_post") {
		style = oauth2.AuthStyleInHeader
	}
	return &issuer{
		title: hostOf(name), id: d.Issuer, revoke: d.Revoke, scopes: d.wanted(), redirect: loopback, path: callback,
		endpoint: oauth2.Endpoint{AuthURL: d.Authorize, TokenURL: d.Token, DeviceAuthURL: d.Device, AuthStyle: style},
		noDevice: hostOf(name) + " offers no log-in by a code",
	}, nil
}

// wanted is what is asked for where the configuration does not say it: to stay
// logged in, and that the token tells the mail server who it is for.
func (d document) wanted() []string {
	var scopes []string
	for _, s := range []string{"openid", "email", "offline_access"} {
		if len(d.Scopes) == 0 || slices.Contains(d.Scopes, s) {
			scopes = append(scopes, s)
		}
	}
	return scopes
}

func hostOf(name string) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(name, "https://"), "/")
	return host
}
