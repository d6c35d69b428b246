package smarthost

import "strings"

// What large providers take in place of the ordinary password. A host is that
// name, or one below it.
var advice = [...]struct{ host, say string }{
	{"gmail.com", gmail},
	{"googlemail.com", gmail},
	{"office365.com", outlook},
	{"outlook.com", outlook},
	{"hotmail.com", outlook},
	{"live.com", outlook},
	{"mail.yahoo.com", "Yahoo takes an app password, not your ordinary one: make one at https://login.yahoo.com/account/security"},
	{"mail.aol.com", "AOL takes an app password, not your ordinary one: make one at https://login.aol.com/account/security"},
	{"mail.me.com", "iCloud takes an app-specific password, not your ordinary one: make one at https://account.apple.com, Sign-In and Security"},
	{"fastmail.com", "Fastmail takes an app password, not your ordinary one: make one at https://app.fastmail.com/settings/security/apps"},
	{"messagingengine.com", "Fastmail takes an app password, not your ordinary one: make one at https://app.fastmail.com/settings/security/apps"},
}

const (
	gmail   = "Gmail takes an app password, not your ordinary one: make one at https://myaccount.google.com/apppasswords (2-Step Verification must be on)"
	outlook = `Microsoft takes passwords from hardly any account any more: set oauth.issuer = "microsoft" and oauth.client_id, as docs/login.md says`
)

// PasswordAdvice is what to know of the passwords that a provider takes, by the
// host of its smarthost; "" for one of which nothing special is known.
func PasswordAdvice(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, p := range advice {
		if host == p.host || strings.HasSuffix(host, "."+p.host) {
			return p.say
		}
	}
	return ""
}
