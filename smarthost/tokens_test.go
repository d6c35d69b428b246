//go:build unix

package smarthost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"mailcrane/internal/config"
	"mailcrane/queue"
	"mailcrane/smarthost/oauth"
)

// tokens is Google's place, and answers from a script: the last line is said
// again and again.
type tokens struct {
	mu     sync.Mutex
	script []answered
	asked  []url.Values
}

// answered is a status and a body; 0 is a network that breaks.
type answered struct {
	status int
	body   string
}

func (i *tokens) RoundTrip(r *http.Request) (*http.Response, error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(text))
	if err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.script[min(len(i.asked), len(i.script)-1)]
	i.asked = append(i.asked, form)
	if now.status == 0 {
		return nil, errors.New("connection reset by peer")
	}
	return &http.Response{
		StatusCode: now.status, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(now.body)),
	}, nil
}

func (i *tokens) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.asked)
}

func gives(token string) answered {
	return answered{http.StatusOK, fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer","expires_in":3600}`, token)}
}

// withTokens makes account a one that logs in at Google, with nothing kept of it
// yet.
func withTokens(t *testing.T, a *config.Account) {
	t.Helper()
	a.Secret.Value = filepath.Join(t.TempDir(), "login")
	a.OAuth = config.OAuth{Issuer: "google", ClientID: "crane"}
}

// logIn has a person log in with account a, by a browser that comes back at once.
func logIn(t *testing.T, a *config.Account, refresh string) {
	t.Helper()
	at := &tokens{script: []answered{{http.StatusOK, fmt.Sprintf(`{"access_token":"a","token_type":"Bearer","refresh_token":%q}`, refresh)}}}
	if _, err := oauth.Login(t.Context(), a, oauth.World{Transport: at, Getenv: func(string) string { return "" }}, browsing()); err != nil {
		t.Fatal(err)
	}
}

func (w *world) tokenTransport(i *tokens) *Transport {
	w.issuers = i
	return w.transport()
}

func TestATokenThatTheServerRefusesIsRenewedOnce(t *testing.T) {
	w := newWorld(t)
	s := serve(t, true, w.good(), "PLAIN", "LOGIN", "OAUTHBEARER")
	a := w.account("work", "me@example.org", s.address)
	withTokens(t, a)
	logIn(t, a, "kept")
	issuer := &tokens{script: []answered{gives(password), gives("second"), gives("third")}}
	tr := w.tokenTransport(issuer)
	w.open(tr, "work")
	s.locked(func() { s.password = "second" }) // the first one is revoked
	w.open(tr, "work")
	if refusals, logins := s.seen(); refusals != 1 || len(logins) != 2 || issuer.count() != 2 {
		t.Errorf("refused %d times, logged in %q, %d tokens", refusals, logins, issuer.count())
	}
	s.locked(func() { s.password = "none of them" })
	_, fault := tr.Open(t.Context(), "work")
	w.wantFault(fault, queue.StepAuth, "refuses user name or token", "mailcrane login work", true)
	for range 3 {
		_, fault = tr.Open(t.Context(), "work")
		w.wantFault(fault, queue.StepToken, "token", "mailcrane login work", true)
	}
	if refusals, _ := s.seen(); refusals != 3 || issuer.count() != 3 || w.dials != 5 {
		t.Errorf("refused %d times, %d tokens, %d connections", refusals, issuer.count(), w.dials)
	}
	s.locked(func() { s.password = "third" })
	tr.Again()
	w.open(tr, "work")
}

func TestALogInThatHasEndedWaitsForAPerson(t *testing.T) {
	w, _ := restarts(t)
	s := serve(t, true, w.good(), "OAUTHBEARER")
	a := w.account("work", "me@example.org", s.address)
	withTokens(t, a)
	revoked := answered{http.StatusBadRequest, `{"error":"invalid_grant"}`}
	issuer := &tokens{script: []answered{revoked, gives(password), revoked, gives(password)}}
	tr := w.tokenTransport(issuer)
	_, fault := tr.Open(t.Context(), "work")
	w.wantFault(fault, queue.StepToken, "getting a token: nobody has", "mailcrane login work", true)
	if issuer.count() != 0 {
		t.Error("the issuer is asked though nobody has logged in")
	}
	logIn(t, a, "first")
	for range 3 {
		_, fault = tr.Open(t.Context(), "work")
		w.wantFault(fault, queue.StepToken, "Google no longer accepts the log-in", "mailcrane login work", true)
	}
	if issuer.count() != 1 || w.dials != 2 {
		t.Errorf("the issuer was asked %d times, the server %d times", issuer.count(), w.dials)
	}
	logIn(t, a, "second")
	w.open(tr, "work")
	if got := issuer.asked[1].Get("refresh_token"); got != "second" {
		t.Errorf("the issuer was shown %s", got)
	}
	// That it let us in before changes nothing, when the log-in ends once more.
	w.dials = 0
	tr = w.tokenTransport(issuer)
	for range 3 {
		_, fault = tr.Open(t.Context(), "work")
		w.wantFault(fault, queue.StepToken, "Google no longer accepts the log-in", "mailcrane login work", true)
	}
	if issuer.count() != 3 || w.dials != 1 {
		t.Errorf("the issuer was asked %d times, the server %d times", issuer.count(), w.dials)
	}
}

func TestAnIssuerInTroubleIsAskedAgain(t *testing.T) {
	for _, c := range []struct {
		reason, says string
		trouble      answered
	}{
		{"it cannot be reached", "connection reset", answered{}},
		{"it has trouble of its own", "answered 503", answered{http.StatusServiceUnavailable, "<html>"}},
		{"it says so by OAuth's word", "has no time just now", answered{http.StatusBadRequest, `{"error":"temporarily_unavailable"}`}},
		{"it is asked too often", "answered 429", answered{http.StatusTooManyRequests, `{"error":"invalid_grant"}`}},
		{"a page of the network stands before it", "not JSON", answered{http.StatusOK, "<html>please log in</html>"}},
		{"something on the way refuses", "without a reason", answered{http.StatusForbidden, "<html>"}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			w := newWorld(t)
			s := serve(t, true, w.good(), "OAUTHBEARER")
			a := w.account("work", "me@example.org", s.address)
			withTokens(t, a)
			logIn(t, a, "kept")
			issuer := &tokens{script: []answered{c.trouble, c.trouble, gives(password)}}
			tr := w.tokenTransport(issuer)
			for range 2 {
				_, fault := tr.Open(t.Context(), "work")
				w.wantFault(fault, queue.StepToken, c.says, "", false)
			}
			w.open(tr, "work")
		})
	}
}

// A server that has no log-in with tokens gets none: as a password it would be
// written to its log by some.
func TestATokenIsNeverSentAsAPassword(t *testing.T) {
	for _, mechs := range [][]string{{"PLAIN", "LOGIN"}, {"LOGIN"}, {"CRAM-MD5", "SCRAM-SHA-256"}} {
		w := newWorld(t)
		s := serve(t, true, w.good(), mechs...)
		a := w.account("work", "me@example.org", s.address)
		withTokens(t, a)
		logIn(t, a, "kept")
		issuer := &tokens{script: []answered{gives(password)}}
		_, fault := w.tokenTransport(issuer).Open(t.Context(), "work")
		w.wantFault(fault, queue.StepAuth, "does not take OAuth 2 tokens", "app password", true)
		s.locked(func() {
			if strings.Contains(s.heard.String(), "\nAUTH ") || issuer.count() != 0 {
				t.Errorf("%q: %d tokens were made; heard: %s", mechs, issuer.count(), s.heard.String())
			}
		})
	}
}

// browsing is a person whose browser comes back with a code.
func browsing() oauth.Person {
	return oauth.Person{
		Say: func(string, ...any) {},
		Browse: func(_ context.Context, at string) error {
			u, err := url.Parse(at)
			if err != nil {
				return err
			}
			q := u.Query()
			go func() {
				if r, err := http.Get(q.Get("redirect_uri") + "?code=good&state=" + url.QueryEscape(q.Get("state"))); err == nil {
					r.Body.Close()
				}
			}()
			return nil
		},
	}
}
