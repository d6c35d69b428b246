package oauth

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

// A visitor is a person with a browser that the issuer sends back with what back
// says: %s is the state.
type visitor struct {
	t    *testing.T
	back string
	seen url.Values // what the issuer was asked
	page string
	h    http.Header
	done chan struct{}
	said []string
}

func (v *visitor) person() Person {
	v.done = make(chan struct{})
	return Person{
		Say: func(format string, args ...any) { v.said = append(v.said, fmt.Sprintf(format, args...)) },
		Browse: func(_ context.Context, at string) error {
			u, err := url.Parse(at)
			if err != nil {
				return err
			}
			v.seen = u.Query()
			go func() {
				defer close(v.done)
				v.page, v.h = get(v.t, v.seen.Get("redirect_uri")+strings.ReplaceAll(v.back, "%s", url.QueryEscape(v.seen.Get("state"))))
			}()
			return nil
		},
	}
}

func get(t *testing.T, at string) (page string, header http.Header) {
	r, err := http.Get(at)
	if err != nil {
		t.Error(err)
		return "", nil
	}
	defer r.Body.Close()
	text, _ := io.ReadAll(r.Body)
	return string(text), r.Header
}

func (s *stage) codes() {
	s.on("/token", func(f url.Values) reply {
		if f.Get("code") != "good" || f.Get("grant_type") != "authorization_code" {
			return oauthError("invalid_grant", "unknown code")
		}
		text := fmt.Sprintf(`{"access_token":"a","token_type":"Bearer","expires_in":60,"refresh_token":"from-code","verifier":%q}`, f.Get("code_verifier"))
		return reply{status: http.StatusOK, body: text}
	})
}

// Coverage: oauth.
func TestALogInByBrowser(t *testing.T) {
	s := newStage(t)
	var form url.Values
	s.codes()
	inner := s.issuer.script["/realm/token"]
	s.on("/token", func(f url.Values) reply { form = f; return inner(f) })
	v := &visitor{t: t, back: "?code=good&state=%s&iss=" + url.QueryEscape(issuerURL)}
	if _, err := Login(t.Context(), s.account, s.world, v.person()); err != nil {
		t.Fatalf("%v; %s", err, sysexits.Hint(err))
	}
	<-v.done
	if s.kept() != "from-code" {
		t.Errorf("kept is %s", s.kept())
	}
	if !strings.Contains(v.page, "You are logged in") || v.h.Get("Referrer-Policy") != "no-referrer" || v.h.Get("Cache-Control") != "no-store" {
		t.Errorf("the page is %s with %v", v.page, v.h)
	}
	for name, want := range map[string]string{
		"client_id": "crane", "response_type": "code", "code_challenge_method": "S256", "login_hint": "me@example.org",
		"scope": "openid email offline_access", "code_challenge": challenge(form.Get("code_verifier")), "redirect_uri": form.Get("redirect_uri"),
	} {
		if got := v.seen.Get(name); got != want || want == "" {
			t.Errorf("%s is %q; want %q", name, got, want)
		}
	}
	if !strings.HasPrefix(form.Get("redirect_uri"), "http://127.0.0.1:") {
		t.Errorf("it comes back to %s", form.Get("redirect_uri"))
	}
	if r, err := http.Get(form.Get("redirect_uri")); err == nil {
		r.Body.Close()
		t.Error("it still listens")
	}
}

func TestScopesAndPortAreThoseThatWereSet(t *testing.T) {
	s := newStage(t)
	s.codes()
	s.account.OAuth.Scopes, s.account.OAuth.Port = []string{"mail", "stay"}, freePort(t)
	secretFile := s.account.Secret.Value + ".client"
	if err := os.WriteFile(secretFile, []byte("sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.account.OAuth.ClientSecret = config.Secret{Kind: "file", Value: secretFile}
	var form url.Values
	inner := s.issuer.script["/realm/token"]
	s.on("/token", func(f url.Values) reply { form = f; return inner(f) })
	v := &visitor{t: t, back: "?code=good&state=%s"}
	if _, err := Login(t.Context(), s.account, s.world, v.person()); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("http://127.0.0.1:%d/callback", s.account.OAuth.Port); v.seen.Get("redirect_uri") != want || v.seen.Get("scope") != "mail stay" {
		t.Errorf("asked for %v; want %s", v.seen, want)
	}
	if form.Get("client_secret") != "sesame" || v.seen.Has("client_secret") {
		t.Errorf("the client's secret is %q, and in the address %q", form.Get("client_secret"), v.seen.Get("client_secret"))
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := (&visit{account: &config.Account{}}).listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var port int
	fmt.Sscanf(l.Addr().String(), "127.0.0.1:%d", &port)
	return port
}

func TestABrowserThatComesBackWithoutACode(t *testing.T) {
	for _, c := range []struct{ reason, back, says, hint, page string }{
		{"the person said no", "?error=access_denied&state=%s", "was told not to let mailcrane in", "mailcrane login work", "did not let mailcrane in"},
		{"the organisation said no", "?error=access_denied&error_description=AADSTS90094%3A+admin&state=%s", "was told not to", "administrator", "did not let mailcrane in"},
		{"the client may not", "?error=unauthorized_client&state=%s", "does not let this client_id", "oauth.client_id", "did not let mailcrane in"},
		{"the scope is none", "?error=invalid_scope&state=%s", "oauth.scopes", "oauth.scopes", "did not let mailcrane in"},
		{"the way back is not known", "?error=redirect_uri_mismatch&state=%s", "the address that the browser comes back to", "oauth.port", "did not let mailcrane in"},
		{"a code that the issuer takes no more", "?code=old&state=%s", "takes the code no more", "mailcrane login work", "Something went wrong"},
		{"an error with a code", "?code=good&error=access_denied&state=%s", "was told not to", "", "did not let mailcrane in"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s := newStage(t)
			s.codes()
			v := &visitor{t: t, back: c.back}
			_, err := Login(t.Context(), s.account, s.world, v.person())
			<-v.done
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(sysexits.Hint(err), c.hint) {
				t.Errorf("got %v; %s", err, sysexits.Hint(err))
			}
			if !strings.Contains(v.page, c.page) {
				t.Errorf("the page is %s", v.page)
			}
			if _, err := os.Stat(s.account.Secret.Value); err == nil {
				t.Error("something was kept")
			}
		})
	}
}

// Others on this machine can call the port too: only who knows the state ends
// the log-in, and what is theirs does not.
func TestOnlyTheRightBrowserEndsTheLogIn(t *testing.T) {
	s := newStage(t)
	s.codes()
	v := &visitor{t: t, back: "?code=good&state=%s"}
	p := v.person()
	inner := p.Browse
	p.Browse = func(ctx context.Context, at string) error {
		u, _ := url.Parse(at)
		back, state := u.Query().Get("redirect_uri"), url.QueryEscape(u.Query().Get("state"))
		for _, strange := range []string{
			"?code=evil", "?code=evil&state=", "?code=evil&state=" + state + "x", "?error=access_denied&state=x",
			"?code=evil&iss=https%3A%2F%2Fevil.example.org&state=" + state, "x?code=evil&state=" + state,
		} {
			if page, _ := get(t, back+strange); strings.Contains(page, "logged in") || strings.Contains(page, "evil") {
				t.Errorf("%s: %s", strange, page)
			}
		}
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, back+"?code=evil&state="+state, nil)
		r.Host = "evil.example.org"
		if answer, err := http.DefaultClient.Do(r); err != nil || answer.StatusCode != http.StatusNotFound {
			t.Errorf("by another host name: %v %v", answer, err)
		}
		return inner(ctx, at)
	}
	if _, err := Login(t.Context(), s.account, s.world, p); err != nil || s.kept() != "from-code" {
		t.Errorf("got %v", err)
	}
}

func TestALogInEndsWithItsContext(t *testing.T) {
	s := newStage(t)
	ctx, cancel := context.WithCancel(t.Context())
	p := Person{Say: func(string, ...any) {}, Browse: func(context.Context, string) error { cancel(); return nil }}
	if _, err := Login(ctx, s.account, s.world, p); err == nil || !strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("got %v", err)
	}
}

func TestALogInWithoutARefreshTokenIsNone(t *testing.T) {
	s := newStage(t)
	s.on("/token", always(http.StatusOK, `{"access_token":"a","token_type":"Bearer"}`))
	v := &visitor{t: t, back: "?code=good&state=%s"}
	if _, err := Login(t.Context(), s.account, s.world, v.person()); err == nil || !strings.Contains(err.Error(), "no refresh token") {
		t.Errorf("got %v", err)
	}
}

// Coverage: oauth.
func TestALogInByCode(t *testing.T) {
	pending := oauthError("authorization_pending", "")
	for _, c := range []struct {
		reason  string
		device  string
		answers []reply
		says    string // "" where it works
		took    time.Duration
	}{
		{"at once", `"interval":1`, []reply{granting}, "", time.Second},
		{"without an interval", `"expires_in":600`, []reply{pending, granting}, "", 10 * time.Second},
		{"more slowly", `"interval":2`, []reply{pending, oauthError("slow_down", ""), pending, granting}, "", (2 + 2 + 7 + 7) * time.Second},
		{"an interval below nothing", `"interval":-1`, []reply{granting}, "", 5 * time.Second},
		{"over a network that is gone for a while", `"interval":1`, []reply{{err: timeout{}}, granting}, "", 3 * time.Second},
		{"of an issuer in trouble for a while", `"interval":1`, []reply{{status: 503}, granting}, "", 3 * time.Second},
		{"not typed in time", `"interval":5,"expires_in":12`, []reply{pending, pending, pending}, "was not typed in time", 12 * time.Second},
		{"not typed in time, says the issuer", `"interval":5`, []reply{oauthError("expired_token", "")}, "was not typed in time", 5 * time.Second},
		{"the person said no", `"interval":5`, []reply{oauthError("access_denied", "")}, "was told not to", 5 * time.Second},
		{"the person said no, in Microsoft's words", `"interval":5`, []reply{oauthError("authorization_declined", "")}, "was told not to", 5 * time.Second},
		{"a wrong client", `"interval":5`, []reply{oauthError("invalid_client", "")}, "client_id", 5 * time.Second},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.on("/device", always(http.StatusOK, `{"device_code":"d","user_code":"ABCD-EFGH","verification_uri":"https://id.example.org/device",`+c.device+`}`))
				n := 0
				s.on("/token", func(url.Values) reply { n++; return c.answers[n-1] })
				var said []string
				began := time.Now()
				_, err := Login(t.Context(), s.account, s.world, Person{Device: true, Say: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }})
				switch {
				case c.says == "" && (err != nil || s.kept() != "from-code"):
					t.Errorf("got %v", err)
				case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
					t.Errorf("got %v; want %s", err, c.says)
				}
				if took := time.Since(began); took != c.took {
					t.Errorf("took %v; want %v", took, c.took)
				}
				if all := strings.Join(said, "\n"); !strings.Contains(all, "ABCD-EFGH") || !strings.Contains(all, "https://id.example.org/device") {
					t.Errorf("said %s", all)
				}
			})
		})
	}
}

var granting = reply{status: http.StatusOK, body: `{"access_token":"a","token_type":"Bearer","refresh_token":"from-code"}`}

func TestTheWayOfTheLogInIsTheOneThatFits(t *testing.T) {
	for _, c := range []struct {
		reason          string
		browser, device bool // which the machine has, and the person wants
		without         string
		path, says      string
	}{
		{"a browser is here", true, false, "", "", "browser"},
		{"a code is wanted", true, true, "", "/realm/device", "type the code"},
		{"no browser is here", false, false, "", "/realm/device", "type the code"},
		{"no browser is here, and the issuer has no codes", false, false, "device_authorization_endpoint", "", "open this address"},
		{"a code is wanted, and the issuer has none", false, true, "device_authorization_endpoint", "", "no log-in by a code"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s := newStage(t)
			s.issuer.script["/realm/.well-known/openid-configuration"] = always(http.StatusOK, discoverable(map[string]any{c.without + " ": nil, c.without: ""}))
			ctx, cancel := context.WithCancel(t.Context())
			s.on("/device", always(http.StatusOK, `{"device_code":"d","user_code":"AB","verification_uri":"https://x.example.org"}`))
			var said strings.Builder
			p := Person{Device: c.device, Say: func(format string, args ...any) { fmt.Fprintf(&said, format, args...); cancel() }}
			if c.browser {
				p.Browse = func(context.Context, string) error { return nil }
			}
			_, err := Login(ctx, s.account, s.world, p)
			if all := fmt.Sprint(said.String(), err); !strings.Contains(all, c.says) || c.path != "" && s.issuer.count(c.path) != 1 {
				t.Errorf("said %s", all)
			}
		})
	}
}

func TestALogOutLeavesNothing(t *testing.T) {
	for _, c := range []struct {
		reason string
		reply  reply
		told   string
	}{
		{"told", reply{status: 200}, ""},
		{"the issuer is not there", reply{err: timeout{}}, "no answer"},
		{"the issuer refuses", reply{status: 400}, "answered 400"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s := newStage(t)
			s.loggedIn(planted)
			var form url.Values
			s.on("/revoke", func(f url.Values) reply { form = f; return c.reply })
			kept, told, err := Logout(t.Context(), s.account, s.world)
			if !kept || err != nil || (told == nil) != (c.told == "") || told != nil && !strings.Contains(told.Error(), c.told) {
				t.Errorf("kept %v, told %v, %v", kept, told, err)
			}
			if form.Get("token") != planted || form.Get("client_id") != "crane" {
				t.Errorf("the issuer was sent %v", form)
			}
			entries, _ := os.ReadDir(strings.TrimSuffix(s.account.Secret.Value, "/login"))
			if len(entries) > 0 || Look(s.world.Notes, s.account) != (Standing{}) {
				t.Errorf("left are %v, %v", entries, Look(s.world.Notes, s.account))
			}
		})
	}
}
