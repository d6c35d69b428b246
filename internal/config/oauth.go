package config

import (
	"errors"
	"fmt"
	"strings"
)

// parseIssuer reads google, microsoft or a URL. Tokens and passwords go there:
// nothing but https is taken.
func parseIssuer(text string) (string, error) {
	switch low := strings.ToLower(text); {
	case low == "google", low == "microsoft", low == "":
		return low, nil
	}
	if strings.Contains(text, "@") { // and is not shown: what stands before it may be a password
		return "", errors.New("the URL of an issuer has no @ in it")
	}
	host, ok := strings.CutPrefix(text, "https://")
	host, _, _ = strings.Cut(host, "/")
	if !ok || host == "" || strings.ContainsAny(text, "?#") {
		return "", fmt.Errorf("%s is no issuer: write google, microsoft, or a URL that begins with https:// and has no ? or # in it", quotedText(text))
	}
	return parseVisible(text)
}

// parseVisible takes in a word of visible ASCII, which is all that RFC 6749
// appendix A allows in what goes to an issuer.
func parseVisible(text string) (string, error) {
	if strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }) >= 0 {
		return "", errors.New("this may have visible ASCII characters only, without spaces")
	}
	return text, nil
}

// mostPort is the last port there is.
const mostPort = 1<<16 - 1

// settle checks what goes together in account a; bad makes an error that names it.
func (o *OAuth) settle(a *Account, bad func(hint, format string, args ...any) error) error {
	if !o.Used() {
		if o.ClientID != "" || o.ClientSecret.Kind != "" || len(o.Scopes) > 0 || o.Port != 0 || o.Lifetime != 0 {
			return bad(`add oauth.issuer = "google", "microsoft" or "https://…"`, "has keys of oauth, and does not say who gives the tokens")
		}
		return nil
	}
	switch {
	case o.ClientID == "":
		return bad("docs/login.md says where to get one", "has oauth.issuer without oauth.client_id, the name under which the issuer knows this program")
	case a.User == "":
		return bad(`add user = "…", the address that you log in with at the issuer`, "has no user to log in as")
	case a.Auth != "auto" && a.Auth != "oauthbearer" && a.Auth != "xoauth2":
		return bad(`leave auth out, or set it to "oauthbearer" or "xoauth2"`, "has oauth.issuer, and auth = %q does not log in with tokens", a.Auth)
	case a.Secret.Kind == "command" || a.Secret.Kind == "credential":
		return bad(`set secret = "keyring", or secret = "file:…" for a service without a session; a command that prints an access token needs no oauth.* keys, but auth = "oauthbearer" or "xoauth2"`,
			"cannot keep the log-in at its issuer in secret = %q, because an issuer may replace it at any time and nothing can be written there", a.Secret.Kind)
	case o.Port > mostPort:
		return bad("", "has an oauth.port above %d", mostPort)
	}
	return nil
}
