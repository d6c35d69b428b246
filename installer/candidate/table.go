// Package candidate makes the next configuration file: accounts are added to
// mailcrane.toml, as text that a person can read and change, beside what stands
// there. As a candidate it is on no disk yet; it gets there whole or not at all.
// (The word is that of RFC 6241, section 8.3.)
package candidate

import (
	"fmt"
	"strings"

	"mailcrane/internal/config"
)

// Table is the account as a table of mailcrane.toml. What has its default is
// left out.
func Table(a *config.Account) string {
	t := &table{}
	fmt.Fprintf(&t.text, "[account.%s]\n", bareOrQuoted(a.Name))
	t.list("from", a.From)
	t.word("smarthost", smarthost(a.Smarthost))
	t.word("user", a.User)
	if a.Auth != "auto" || a.User == "" {
		t.word("auth", a.Auth)
	}
	if a.User != "" && !a.OAuth.Used() || a.Secret.Kind != "" && a.Secret.Kind != "keyring" {
		t.word("secret", secretText(a.Secret))
	}
	t.word("tls.ca", a.TLS.CA)
	t.list("tls.pin", a.TLS.Pin)
	t.word("tls.cert", a.TLS.Cert)
	t.word("tls.key", a.TLS.Key)
	if a.TLS.KeyExchange != "auto" {
		t.word("tls.key_exchange", a.TLS.KeyExchange)
	}
	t.oauth(a.OAuth)
	return t.text.String()
}

type table struct{ text strings.Builder }

// word writes a key with text, unless there is none.
func (t *table) word(key, value string) {
	if value != "" {
		fmt.Fprintf(&t.text, "%s = %s\n", key, Quote(value))
	}
}

func (t *table) list(key string, values []string) {
	if len(values) == 0 {
		return
	}
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = Quote(v)
	}
	fmt.Fprintf(&t.text, "%s = [%s]\n", key, strings.Join(quoted, ", "))
}

func (t *table) oauth(o config.OAuth) {
	t.word("oauth.issuer", o.Issuer)
	t.word("oauth.client_id", o.ClientID)
	if o.ClientSecret.Kind != "" {
		t.word("oauth.client_secret", secretText(o.ClientSecret))
	}
	t.list("oauth.scopes", o.Scopes)
	if o.Port != 0 {
		fmt.Fprintf(&t.text, "oauth.port = %d\n", o.Port)
	}
	if o.Lifetime != 0 {
		t.word("oauth.lifetime", config.TimeText(o.Lifetime))
	}
}

// secretText says where a secret is, as the file has it.
func secretText(s config.Secret) string {
	switch s.Kind {
	case "", "keyring":
		return "keyring"
	}
	return s.Kind + ":" + s.Value
}

// smarthost leaves out the port that the scheme stands for.
func smarthost(s config.Smarthost) string {
	whole := s.String()
	short := strings.TrimSuffix(whole, ":"+s.Port)
	if again, err := config.ParseSmarthost(short); err == nil && again == s {
		return short
	}
	return whole
}

// bareOrQuoted is a name as part of a key: one with a dot is two parts without
// quotes.
func bareOrQuoted(name string) string {
	if strings.Contains(name, ".") {
		return Quote(name)
	}
	return name
}

// Quote is text as a basic string of TOML. What is no UTF-8, which TOML does
// not know, becomes U+FFFD.
func Quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
