package oauth

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"mailcrane/internal/sysexits"
)

// What an issuer, or the way to it, does at a refresh; and what a person reads.
//
// Coverage: oauth.
func TestWhatAnIssuerSaysIsPutIntoWords(t *testing.T) {
	again := func(code int) bool { return code == sysexits.TempFail }
	for _, c := range []struct {
		reason string
		reply  reply
		says   string
		hint   string
		code   int
	}{
		{"the log-in was revoked, or is too old", oauthError("invalid_grant", "Token has been expired or revoked."), "id.example.org no longer accepts the log-in of account work (invalid_grant: Token has been expired or revoked.)", "type: mailcrane login work", sysexits.NoPerm},
		{"Microsoft's administrator has to allow it", oauthError("invalid_grant", "AADSTS65001: The user or administrator has not consented"), "no longer accepts the log-in", "ask the administrator", sysexits.NoPerm},
		{"the wrong client", oauthError("invalid_client", ""), "id.example.org does not know this client_id, or its secret is wrong", "oauth.client_id", sysexits.Config},
		{"the wrong client, by status 401", reply{status: 401, body: `{"error":"invalid_client"}`}, "does not know this client_id", "oauth.client_id", sysexits.Config},
		{"a client that may not", oauthError("unauthorized_client", ""), "does not let this client_id log in like this", "oauth.client_id", sysexits.Config},
		{"a deleted client", oauthError("deleted_client", "The OAuth client was deleted."), "was deleted", "oauth.client_id", sysexits.Config},
		{"a scope that is none", oauthError("invalid_scope", ""), "oauth.scopes", "oauth.scopes", sysexits.Config},
		{"somebody must allow it", oauthError("consent_required", ""), "wants somebody to allow", "administrator", sysexits.NoPerm},
		{"a second factor is wanted", oauthError("interaction_required", "AADSTS50076"), "wants to see you again", "mailcrane login work", sysexits.NoPerm},
		{"an organisation's policy", oauthError("admin_policy_enforced", ""), "your organisation does not allow", "administrator", sysexits.NoPerm},
		{"a code that nobody knows", oauthError("zebra\x1b[31m", "stripes"), "refuses (zebra?[31m: stripes)", "mailcrane login work", sysexits.NoPerm},
		{"an issuer without time", oauthError("temporarily_unavailable", ""), "has no time just now", "", sysexits.TempFail},
		{"an issuer in trouble that says so", oauthError("server_error", ""), "trouble of its own", "", sysexits.TempFail},
		{"an issuer that is asked too much", reply{status: 429, body: `{"error":"invalid_grant"}`}, "answered 429", "", sysexits.TempFail},
		{"an issuer in trouble", reply{status: 503, body: "<html>"}, "answered 503", "", sysexits.TempFail},
		{"trouble that says invalid_grant is trouble", reply{status: 500, body: `{"error":"invalid_grant"}`}, "answered 500", "", sysexits.TempFail},
		{"a page of something on the way", reply{status: 200, body: "<html>log in to the train</html>", kind: "text/html"}, "cannot be asked for a token just now", "", sysexits.TempFail},
		{"a refusal by something on the way", reply{status: 403, body: "<html>no</html>", kind: "text/html"}, "answered 403 without a reason", "", sysexits.TempFail},
		{"a redirect, which a token does not follow", reply{status: 307, body: "https://evil.example.org/"}, "answered 307 without a reason", "", sysexits.TempFail},
		{"an answer without end", reply{status: 200, body: `{"access_token":"` + strings.Repeat("x", 2*maxAnswer)}, "longer than any answer should be", "", sysexits.TempFail},
		{"an answer without a token", reply{status: 200, body: `{}`}, "cannot be asked for a token just now", "", sysexits.TempFail},
		{"an error in an answer of success", reply{status: 200, body: `{"error":"invalid_grant"}`}, "no longer accepts the log-in", "mailcrane login work", sysexits.NoPerm},
		{"a token with a line end", reply{status: 200, body: `{"access_token":"a\r\nRSET","token_type":"Bearer"}`}, "does not log in to a mail server", "", sysexits.Protocol},
		{"a token of another kind", reply{status: 200, body: `{"access_token":"a","token_type":"mac"}`}, "does not log in to a mail server", "", sysexits.Protocol},
		{"no name server knows it", reply{err: &net.DNSError{Err: "no such host", Name: "id.example.org", IsNotFound: true}}, "name server knows no id.example.org", "", sysexits.TempFail},
		{"no network", reply{err: &net.OpError{Op: "dial", Err: errors.New("network is unreachable")}}, "network is unreachable", "", sysexits.TempFail},
		{"no answer", reply{err: timeout{}}, "no answer within 30s", "", sysexits.TempFail},
		{"somebody else's certificate", reply{err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}}, "unknown authority", "log-in page", sysexits.TempFail},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s := newStage(t)
			s.loggedIn(planted)
			s.on("/token", func(url.Values) reply { return c.reply })
			m := New(s.account, s.world)
			_, _, err := m.Mint(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("says %q; want %q", err, c.says)
			}
			if code := sysexits.Code(err); code != c.code {
				t.Errorf("exit code %d; want %d", code, c.code)
			}
			if !strings.Contains(sysexits.Hint(err), c.hint) || c.hint == "" && sysexits.Hint(err) != "" && c.code == sysexits.TempFail {
				t.Errorf("hints %q; want %q", sysexits.Hint(err), c.hint)
			}
			if s.kept() != planted {
				t.Error("the log-in was changed")
			}
			// What passes by itself is asked again; what has ended is not.
			m.Mint(t.Context())
			if n := s.issuer.count("/realm/token"); errors.Is(err, ErrEnded) == (n == 2) || again(c.code) && n != 2 {
				t.Errorf("the issuer was asked %d times", n)
			}
		})
	}
}

type timeout struct{}

func (timeout) Error() string   { return "timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

func oauthError(code, said string) reply {
	return reply{status: http.StatusBadRequest, body: fmt.Sprintf(`{"error":%q,"error_description":%q}`, strings.ReplaceAll(code, "\x1b", "\u009b"), said)}
}

func TestAnIssuerIsFoundByWhatItPublishes(t *testing.T) {
	const oidc, rfc = "/realm/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/realm"
	for _, c := range []struct {
		reason, at string
		reply      reply
		says       string // "" where it is found
	}{
		{"OpenID Connect Discovery", oidc, reply{status: 200, body: discoverable(nil)}, ""},
		{"RFC 8414", rfc, reply{status: 200, body: discoverable(nil)}, ""},
		{"neither", "/x", reply{}, "publishes nothing"},
		{"another issuer's document", oidc, reply{status: 200, body: discoverable(map[string]any{"issuer": "https://evil.example.org"})}, "calls itself https://evil.example.org"},
		{"a slash at the end is another issuer", oidc, reply{status: 200, body: discoverable(map[string]any{"issuer": issuerURL + "/"})}, "calls itself " + issuerURL + "/"},
		{"an endpoint in the clear", oidc, reply{status: 200, body: discoverable(map[string]any{"token_endpoint": "http://id.example.org/token"})}, "token_endpoint that is no https://"},
		{"a revocation in the clear", oidc, reply{status: 200, body: discoverable(map[string]any{"revocation_endpoint": "http://id.example.org/"})}, "revocation_endpoint that is no https://"},
		{"no endpoint", oidc, reply{status: 200, body: `{"issuer":"` + issuerURL + `"}`}, "names no token_endpoint"},
		{"no PKCE with S256", oidc, reply{status: 200, body: discoverable(map[string]any{"code_challenge_methods_supported": []string{"plain"}})}, "PKCE"},
		{"not JSON", oidc, reply{status: 200, body: "<html>"}, "not JSON"},
		{"without end", oidc, reply{status: 200, body: `{"issuer":"` + strings.Repeat("x", 2*maxAnswer)}, "cannot be asked"},
		{"led to http", oidc, reply{status: 302, body: "http://id.example.org/x"}, "does not begin with https://"},
		{"led in circles", oidc, reply{status: 302, body: issuerURL + "/.well-known/openid-configuration"}, "cannot be asked"},
		{"in trouble", oidc, reply{status: 503}, "Service Unavailable"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s := newStage(t)
			s.issuer.script = map[string]func(url.Values) reply{c.at: func(url.Values) reply { return c.reply }}
			found, err := (&wire{s.issuer}).issuerOf(t.Context(), s.account)
			switch {
			case c.says == "" && (err != nil || found.endpoint.TokenURL != issuerURL+"/token"):
				t.Errorf("got %+v, %v", found, err)
			case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
				t.Errorf("got %v; want %q", err, c.says)
			case len(s.issuer.asked) > maxRedirects+2:
				t.Errorf("asked %d times", len(s.issuer.asked))
			}
		})
	}
}

func TestGoogleAndMicrosoftAreKnown(t *testing.T) {
	for _, c := range []struct{ reason, issuer, token, scope, device string }{
		{"google", "google", "https://oauth2.googleapis.com/token", "https://mail.google.com/", ""},
		{"its URL", "https://accounts.google.com", "https://oauth2.googleapis.com/token", "https://mail.google.com/", ""},
		{"microsoft", "microsoft", "https://login.microsoftonline.com/common/oauth2/v2.0/token", "https://outlook.office.com/SMTP.Send", "https://login.microsoftonline.com/common/oauth2/v2.0/devicecode"},
		{"a tenant", "https://login.microsoftonline.com/contoso.example/v2.0", "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token", "https://outlook.office.com/SMTP.Send", "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/devicecode"},
		{"another cloud", "https://login.microsoftonline.us/t", "https://login.microsoftonline.us/t/oauth2/v2.0/token", "https://outlook.office.com/SMTP.Send", "https://login.microsoftonline.us/t/oauth2/v2.0/devicecode"},
	} {
		i := builtIn(c.issuer)
		if i == nil || i.endpoint.TokenURL != c.token || i.scopes[0] != c.scope || i.endpoint.DeviceAuthURL != c.device {
			t.Errorf("%s: %+v", c.reason, i)
		}
	}
	if builtIn("https://login.microsoftonline.com.evil.example/t") != nil {
		t.Error("another host passes for Microsoft's")
	}
}
