package oauth

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/smarthost/secret"
)

const (
	issuerURL = "https://id.example.org/realm"
	planted   = "planted-refresh-token"
)

// A reply is what the scripted issuer says.
type reply struct {
	status int
	body   string
	err    error // in place of an answer
	kind   string
}

// A scripted issuer answers without a network, so that time may be the test's own.
type scripted struct {
	mu     sync.Mutex
	script map[string]func(url.Values) reply // by path
	asked  []string                          // paths, in order
}

func (s *scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		text, _ := io.ReadAll(r.Body)
		body = string(text)
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	form, _ := url.ParseQuery(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.URL.Path)
	answer := reply{status: http.StatusNotFound}
	if f := s.script[r.URL.Path]; f != nil {
		answer = f(form)
	}
	if answer.err != nil {
		return nil, answer.err
	}
	if answer.kind == "" {
		answer.kind = "application/json"
	}
	h := http.Header{"Content-Type": {answer.kind}}
	if answer.status/100 == 3 {
		h.Set("Location", answer.body)
	}
	return &http.Response{StatusCode: answer.status, Status: http.StatusText(answer.status), Header: h, Request: r, Body: io.NopCloser(strings.NewReader(answer.body))}, nil
}

func (s *scripted) count(path string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.asked {
		if p == path {
			n++
		}
	}
	return n
}

func always(status int, body string) func(url.Values) reply {
	return func(url.Values) reply { return reply{status: status, body: body} }
}

// discoverable is the document of the scripted issuer, with changes.
func discoverable(changes map[string]any) string {
	d := map[string]any{
		"issuer": issuerURL, "authorization_endpoint": issuerURL + "/auth", "token_endpoint": issuerURL + "/token",
		"device_authorization_endpoint": issuerURL + "/device", "revocation_endpoint": issuerURL + "/revoke",
		"scopes_supported": []string{"openid", "email", "offline_access"}, "code_challenge_methods_supported": []string{"S256"},
	}
	for k, v := range changes {
		d[k] = v
	}
	text, _ := json.Marshal(d)
	return string(text)
}

// A notebook keeps notes in memory.
type notebook map[string]string

func (n notebook) Known(name string) (string, error) { return n[name], nil }

func (n notebook) KeepKnown(name, text string) error { n[name] = text; return nil }

// A stage is an account, its place in a file, and a scripted issuer.
type stage struct {
	t       *testing.T
	account *config.Account
	issuer  *scripted
	world   World
	warned  *[]string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	a := &config.Account{
		Name: "work", User: "me@example.org", Auth: "auto",
		Secret: config.Secret{Kind: "file", Value: filepath.Join(t.TempDir(), "login")},
		OAuth:  config.OAuth{Issuer: issuerURL, ClientID: "crane"},
	}
	s := &scripted{script: map[string]func(url.Values) reply{
		"/realm/.well-known/openid-configuration": always(http.StatusOK, discoverable(nil)),
	}}
	var warned []string
	return &stage{t: t, account: a, issuer: s, warned: &warned, world: World{
		Transport: s, Now: time.Now, Getenv: func(string) string { return "" }, Notes: notebook{},
		Warn: func(msg string, args ...any) { warned = append(warned, fmt.Sprint(append([]any{msg}, args...)...)) },
	}}
}

// loggedIn keeps a refresh token as a log-in would.
func (s *stage) loggedIn(refresh string) {
	s.t.Helper()
	g := grant{Refresh: refresh, LoggedIn: millis(s.world.Now()), Obtained: millis(s.world.Now()), Party: party(s.account)}
	if err := s.world.filled().store(s.t.Context(), s.account, g); err != nil {
		s.t.Fatal(err)
	}
}

// kept is the refresh token that is kept now.
func (s *stage) kept() string {
	s.t.Helper()
	v, err := secret.Grant(s.account, s.world.Getenv).Read(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	g, err := decode(s.account, v)
	if err != nil {
		s.t.Fatal(err)
	}
	return g.Refresh
}

func (s *stage) on(path string, f func(url.Values) reply) { s.issuer.script["/realm"+path] = f }

// tokens answers at the token endpoint: access tokens that count up, and refresh
// tokens that count up with them where rotate is set.
func (s *stage) tokens(seconds int, rotate bool) {
	n := 0
	s.on("/token", func(url.Values) reply {
		n++
		body := fmt.Sprintf(`{"access_token":"access-%d","token_type":"Bearer","expires_in":%d`, n, seconds)
		if rotate {
			body += fmt.Sprintf(`,"refresh_token":"refresh-%d"`, n)
		}
		return reply{status: http.StatusOK, body: body + "}"}
	})
}

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
