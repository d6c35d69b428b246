package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/sysexits"
	"mailcrane/smarthost/secret"
)

func mint(t *testing.T, m *Mint) (token string, fresh bool) {
	t.Helper()
	v, fresh, err := m.Mint(t.Context())
	if err != nil {
		t.Fatalf("%v; %s", err, sysexits.Hint(err))
	}
	return string(v.Reveal()), fresh
}

func TestATokenIsUsedUntilItRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.loggedIn(planted)
		s.tokens(3600, false)
		m := New(s.account, s.world)
		for _, c := range []struct {
			reason, token string
			fresh         bool
			after         time.Duration
		}{
			{"the first is made", "access-1", true, 0},
			{"it is remembered", "access-1", false, 0},
			{"to the last half minute", "access-1", false, 3569 * time.Second},
			{"in which it is not used any more", "access-2", true, time.Second},
		} {
			time.Sleep(c.after)
			if got, fresh := mint(t, m); got != c.token || fresh != c.fresh {
				t.Errorf("%s: got %s, fresh %v", c.reason, got, fresh)
			}
		}
		if n := s.issuer.count("/realm/.well-known/openid-configuration"); n != 1 {
			t.Errorf("the issuer was asked %d times for its endpoints", n)
		}
		if s.kept() != planted {
			t.Errorf("a refresh token that stayed is kept as %s", s.kept())
		}
	})
}

// Coverage: oauth.
func TestARotatedTokenIsKeptBeforeTheAccessTokenIsUsed(t *testing.T) {
	s := newStage(t)
	s.loggedIn(planted)
	s.tokens(3600, true)
	m := New(s.account, s.world)
	if got, _ := mint(t, m); got != "access-1" || s.kept() != "refresh-1" {
		t.Errorf("got %s with %s kept", got, s.kept())
	}
	info, err := os.Stat(s.account.Secret.Value)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of the log-in: %v %v", info.Mode(), err)
	}
}

// Whatever keeps the new token from being written, it is not forgotten while the
// process lives.
func TestARotatedTokenThatCannotBeKeptIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.loggedIn(planted)
		var used []string
		s.on("/token", func(f url.Values) reply {
			used = append(used, f.Get("refresh_token"))
			n := string(rune('0' + len(used)))
			return reply{status: http.StatusOK, body: `{"access_token":"a","token_type":"bearer","expires_in":60,"refresh_token":"r` + n + `"}`}
		})
		m := New(s.account, s.world)
		broken := &refusing{Place: m.place, refuse: true}
		m.place = broken
		mint(t, m)
		if len(*s.warned) != 1 || !strings.Contains((*s.warned)[0], "could not be kept") {
			t.Errorf("warned of %q", *s.warned)
		}
		time.Sleep(time.Minute)
		mint(t, m)
		broken.refuse = false
		time.Sleep(time.Minute)
		mint(t, m)
		if got := strings.Join(used, " "); got != planted+" r1 r2" {
			t.Errorf("the issuer was shown %s", got)
		}
		if s.kept() != "r3" {
			t.Errorf("kept is %s", s.kept())
		}
		if strings.Contains(strings.Join(*s.warned, " "), "r1") {
			t.Error("a warning shows a token")
		}
	})
}

type refusing struct {
	secret.Place

	refuse bool
}

func (r *refusing) Write(ctx context.Context, text string) error {
	if r.refuse {
		return errors.New("the disk is full")
	}
	return r.Place.Write(ctx, text)
}

// The issuer's answer may hold the only refresh token there is: it is heard and
// kept, also where nobody waits for it any more.
func TestAnAnswerOnTheWayIsKeptThoughTheCallerIsGone(t *testing.T) {
	s := newStage(t)
	s.loggedIn(planted)
	ctx, cancel := context.WithCancel(t.Context())
	s.on("/token", func(url.Values) reply {
		cancel()
		return reply{status: http.StatusOK, body: `{"access_token":"a","token_type":"Bearer","refresh_token":"new"}`}
	})
	New(s.account, s.world).Mint(ctx)
	if s.kept() != "new" {
		t.Errorf("kept is %s", s.kept())
	}
}

func TestALogInThatHasEndedIsNotTriedAgain(t *testing.T) {
	s := newStage(t)
	s.loggedIn(planted)
	s.on("/token", always(http.StatusBadRequest, `{"error":"invalid_grant","error_description":"Token has been expired or revoked."}`))
	m := New(s.account, s.world)
	for range 3 {
		_, _, err := m.Mint(t.Context())
		if !errors.Is(err, ErrEnded) || sysexits.Hint(err) != "type: mailcrane login work" {
			t.Fatalf("got %v; %s", err, sysexits.Hint(err))
		}
	}
	if n := s.issuer.count("/realm/token"); n != 1 || !m.Refused() {
		t.Errorf("the issuer was asked %d times; refused: %v", n, m.Refused())
	}
	s.loggedIn("another")
	s.tokens(3600, false)
	if got, _ := mint(t, m); got != "access-1" || m.Refused() {
		t.Errorf("after another log-in: %s, refused: %v", got, m.Refused())
	}
}

func TestAPersonMayTryALogInAgainThatHasEnded(t *testing.T) {
	s := newStage(t)
	s.loggedIn(planted)
	s.on("/token", always(http.StatusBadRequest, `{"error":"invalid_grant"}`))
	m := New(s.account, s.world)
	m.Mint(t.Context())
	m.Again()
	s.tokens(3600, false)
	if got, _ := mint(t, m); got != "access-1" {
		t.Errorf("got %s", got)
	}
}

func TestATokenThatTheServerRefusesIsMadeAnewOnce(t *testing.T) {
	s := newStage(t)
	s.loggedIn(planted)
	s.tokens(3600, false)
	m := New(s.account, s.world)
	mint(t, m)
	mint(t, m) // it was good for a session
	refuse := func() {
		v, _, err := m.Mint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		m.Refuse(v)
	}
	refuse()
	if m.Refused() {
		t.Error("an old token that is refused ends the log-in")
	}
	refuse()
	if !m.Refused() {
		t.Error("a new token that is refused does not end the log-in")
	}
	if _, _, err := m.Mint(t.Context()); !errors.Is(err, errBarred) {
		t.Errorf("got %v", err)
	}
	if n := s.issuer.count("/realm/token"); n != 2 {
		t.Errorf("%d tokens were made", n)
	}
}

func TestALogInIsShownToNoOtherIssuer(t *testing.T) {
	s := newStage(t)
	s.loggedIn(planted)
	s.tokens(3600, false)
	s.account.OAuth.Issuer = "https://evil.example.org"
	_, _, err := New(s.account, s.world).Mint(t.Context())
	if err == nil || !strings.Contains(err.Error(), "another issuer") || len(s.issuer.asked) != 0 {
		t.Errorf("got %v; asked %v", err, s.issuer.asked)
	}
}

func TestNobodyHasLoggedIn(t *testing.T) {
	s := newStage(t)
	_, _, err := New(s.account, s.world).Mint(t.Context())
	if !errors.Is(err, ErrNotLoggedIn) || sysexits.Hint(err) != "type: mailcrane login work" || len(s.issuer.asked) != 0 {
		t.Errorf("got %v; %s; asked %v", err, sysexits.Hint(err), s.issuer.asked)
	}
}

// Coverage: oauth.
func TestAnEndThatIsNearIsWarnedOf(t *testing.T) {
	for _, c := range []struct {
		reason, said   string
		lifetime, soon time.Duration // soon is when it is warned of
	}{
		{"as the issuer says", `,"refresh_expires_in":604800`, 0, 126 * time.Hour},
		{"by its other name", `,"refresh_token_expires_in":604800`, 0, 126 * time.Hour},
		{"three days ahead at most", `,"refresh_expires_in":7776000`, 0, 87 * 24 * time.Hour},
		{"as the configuration says", "", 7 * 24 * time.Hour, 126 * time.Hour},
		{"the issuer knows it better", `,"refresh_expires_in":604800`, 24 * time.Hour, 126 * time.Hour},
		{"nobody knows", "", 0, 0},
		{"none", `,"refresh_expires_in":0`, 0, 0},
		{"nonsense", `,"refresh_expires_in":1e300`, 0, 0},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.account.OAuth.Lifetime = c.lifetime
				s.loggedIn(planted)
				n := 0
				s.on("/token", func(url.Values) reply {
					if n++; n > 1 {
						return reply{status: http.StatusOK, body: `{"access_token":"a","token_type":"Bearer","expires_in":60}`}
					}
					return reply{status: http.StatusOK, body: `{"access_token":"a","token_type":"Bearer","expires_in":60,"refresh_token":"r"` + c.said + `}`}
				})
				m := New(s.account, s.world)
				mint(t, m)
				if c.soon == 0 {
					if at := Look(s.world.Notes, s.account); !at.Ends.IsZero() {
						t.Errorf("ends %v", at.Ends)
					}
					return
				}
				time.Sleep(c.soon - time.Minute)
				mint(t, m)
				if len(*s.warned) != 0 || Look(s.world.Notes, s.account).EndsSoon(time.Now()) {
					t.Fatalf("warned too early: %q", *s.warned)
				}
				for range 3 {
					time.Sleep(time.Minute)
					mint(t, m)
				}
				if len(*s.warned) != 1 || !strings.Contains((*s.warned)[0], "mailcrane login work") || !Look(s.world.Notes, s.account).EndsSoon(time.Now()) {
					t.Errorf("warned of %q; %v", *s.warned, Look(s.world.Notes, s.account))
				}
			})
		})
	}
}

func TestNothingOfALogInShowsInAnError(t *testing.T) {
	s := newStage(t)
	s.loggedIn(planted)
	long := strings.Repeat("x", 80)
	s.on("/token", func(f url.Values) reply {
		return reply{status: http.StatusBadRequest, body: `{"error":"invalid_scope","error_description":"you sent ` + f.Get("refresh_token") + long + `"}`}
	})
	_, _, err := New(s.account, s.world).Mint(t.Context())
	if err == nil || strings.Contains(err.Error(), planted) {
		t.Errorf("got %v", err)
	}
	entries, _ := filepath.Glob(filepath.Join(filepath.Dir(s.account.Secret.Value), ".login.*"))
	if len(entries) > 0 {
		t.Errorf("left behind: %v", entries)
	}
}
