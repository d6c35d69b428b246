package discover

import (
	"strings"
	"testing"

	"mailcrane/internal/config"
)

func TestTheBestServerOfADocumentIsTaken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, why, text, want string }{
		{"TLS at once before STARTTLS", "RFC 8314", document(server("a.test", "587", "STARTTLS", "u", "password-cleartext"), server("b.test", "465", "SSL", "u", "password-cleartext")), "smtps://b.test:465 u"},
		{"never without TLS", "a password would be seen", document(server("a.test", "25", "plain", "u", "password-cleartext")), ""},
		{"no TLS by another name", "unknown words are no TLS", document(server("a.test", "25", "SSL?", "u", "")), ""},
		{"placeholders", "all three", document(server("smtp.%EMAILDOMAIN%", "465", "SSL", "%EMAILLOCALPART%+%EMAILADDRESS%", "")), "smtps://smtp.example.org:465 me+me@example.org"},
		{"no user name", "the address is what most take", document(server("a.test", "465", "SSL", "", "")), "smtps://a.test:465 me@example.org"},
		{"a user name with a line end", "it is no command", document(server("a.test", "465", "SSL", "a&#10;b", "")), "smtps://a.test:465 me@example.org"},
		{"tokens alone", "it is said", document(server("a.test", "465", "SSL", "u", "OAuth2")), "smtps://a.test:465 u oauth"},
		{"tokens and passwords", "everybody has a password", document(server("a.test", "465", "SSL", "u", "OAuth2</authentication><authentication>password-cleartext")), "smtps://a.test:465 u"},
		{"by address of the client", "no log-in we have", document(server("a.test", "465", "SSL", "u", "client-IP-address")), ""},
		{"a host that is none", "it is dialled", document(server("a.test/x", "465", "SSL", "u", "")), ""},
		{"an address for a host", "no certificate is for it", document(server("127.0.0.1", "465", "SSL", "u", "")), ""},
		{"port 0", "nothing listens there", document(server("a.test", "0", "SSL", "u", "")), ""},
		{"port 70000", "there is none", document(server("a.test", "70000", "SSL", "u", "")), ""},
		{"a page for people", "as a portal or a catch-all site answers", "<!doctype html><html><body>Welcome</body></html>", ""},
		{"cut short", "half a document is none", document(server("a.test", "465", "SSL", "u", ""))[:150], ""},
		{"too long", "it is bounded", document(strings.Repeat(" ", maxDocument) + server("a.test", "465", "SSL", "u", "")), ""},
		{"an entity bomb", "no entities are known", `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>` + document(server("&b;.test", "465", "SSL", "u", "")), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if s, err := readDocument(strings.NewReader(c.text), "me@example.org", "me", "example.org"); err == nil {
				if got = s.Server.String() + " " + s.User; s.Login == OAuth {
					got += " oauth"
				}
			}
			if got != c.want {
				t.Errorf("%s: %q, want %q", c.why, got, c.want)
			}
		})
	}
}

func FuzzReadDocument(f *testing.F) {
	f.Add(document(server("a.test", "465", "SSL", "%EMAILADDRESS%", "password-cleartext")))
	f.Add(document(server("%EMAILDOMAIN%", "587", "STARTTLS", "", "OAuth2")))
	f.Add("<clientConfig><emailProvider>")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := readDocument(strings.NewReader(text), "me@example.org", "me", "example.org")
		if err != nil {
			return
		}
		if again, err := config.ParseSmarthost(s.Server.String()); err != nil || again != s.Server || s.Server.TLS == config.Insecure {
			t.Errorf("%+v cannot be used: %v", s.Server, err)
		}
		if s.User == "" || strings.ContainsAny(s.User+s.Provider+s.Page, "\r\n\x00\x1b") || s.Page != "" && !strings.HasPrefix(s.Page, "https://") {
			t.Errorf("%+v", s)
		}
	})
}
