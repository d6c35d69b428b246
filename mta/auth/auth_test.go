package auth

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"mailcrane/internal/config"
	"mailcrane/mta/safefile"
)

// planted is what must be found in no log and no error.
const planted = "pl4nted-s3cret"

// start is a log-in by a file of users; text says what stands in it.
func start(t *testing.T, text string, set func(*config.Users)) (a *Auth, log *bytes.Buffer) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	log = &bytes.Buffer{}
	c := &config.Config{}
	c.MTA.Users = config.Users{File: path, Options: "py"}
	if set != nil {
		set(&c.MTA.Users)
	}
	a, err := New(t.Context(), c, safefile.Rules{Blame: config.TrustStickyBit}, slog.New(slog.NewTextHandler(log, nil)), time.Now, NewGuesses(time.Now), nil)
	if err != nil {
		t.Fatal(err)
	}
	return a, log
}

// of a client on the network, with TLS or without.
func client(state *tls.ConnectionState) Facts {
	return Facts{TLS: state, Remote: netip.MustParseAddrPort("192.0.2.7:4711"), Local: netip.MustParseAddrPort("192.0.2.1:587")}
}

func hashes(t *testing.T, name, password string) string {
	t.Helper()
	lines, err := Hashes(name, password)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n") + "\n"
}

// converse lets a client log in, and returns who has, or the reply.
func converse(t *testing.T, a *Auth, f Facts, c sasl.Client) (user string, reply *smtp.SMTPError) {
	t.Helper()
	name, initial, err := c.Start()
	if err != nil {
		t.Fatal(err)
	}
	server, err := a.Server(t.Context(), name, f, func(u string, why error) {
		if why == nil {
			user = u
		}
	})
	if err != nil {
		return "", replyOf(t, err)
	}
	response := initial
	for range 10 {
		challenge, done, err := server.Next(response)
		if err != nil {
			return user, replyOf(t, err)
		}
		if done {
			return user, nil
		}
		if response, err = c.Next(challenge); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the log-in does not come to an end")
	return "", nil
}

func replyOf(t *testing.T, err error) *smtp.SMTPError {
	t.Helper()
	reply, ok := errors.AsType[*smtp.SMTPError](err)
	if !ok {
		t.Fatalf("%v is no reply", err)
	}
	return reply
}

// TestMechanismsAreThoseThatLettersAndAccountsAllow shows AuthMechanisms and
// AuthOptions.
//
// Coverage: A34.
func TestMechanismsAreThoseThatLettersAndAccountsAllow(t *testing.T) {
	both := hashes(t, "me", planted)
	state := &tls.ConnectionState{Version: tls.VersionTLS12}
	for _, c := range []struct {
		reason, text, mechanisms, letters string
		state                             *tls.ConnectionState
		want                              []string
	}{
		{"no password goes over an open line", both, "", "py", nil, []string{"SCRAM-SHA-256"}},
		{"inside TLS it may", both, "", "py", state, []string{"SCRAM-SHA-256", "PLAIN", "LOGIN"}},
		{"without the letter it may anyhow", both, "", "y", nil, []string{"SCRAM-SHA-256", "PLAIN", "LOGIN"}},
		{"nobody has keys of SCRAM", "me:*\n", "", "py", state, []string{"PLAIN", "LOGIN"}},
		{"only what is configured", both, "PLAIN GSSAPI", "py", state, []string{"PLAIN"}},
		{"what stands an active attack", both, "", "a", state, []string{"SCRAM-SHA-256"}},
		{"what both sides prove themselves by", both, "", "m", state, []string{"SCRAM-SHA-256"}},
		{"what passes the password on", both, "", "c", state, []string{"PLAIN", "LOGIN"}},
		{"what nobody can guess offline", both, "", "d", state, nil},
		{"what has forward secrecy", both, "", "f", state, nil},
	} {
		t.Run(c.reason, func(t *testing.T) {
			a, _ := start(t, c.text, func(u *config.Users) { u.Mechanisms, u.Options = c.mechanisms, c.letters })
			if diff := cmp.Diff(c.want, a.Mechanisms(client(c.state))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAPasswordThatWantsTLSFirstIsToldSo(t *testing.T) {
	a, _ := start(t, hashes(t, "me", planted), nil)
	_, reply := converse(t, a, client(nil), sasl.NewPlainClient("", "me", planted))
	if reply == nil || reply.Code != 538 {
		t.Errorf("the reply is %v, want 538", reply)
	}
	_, reply = converse(t, a, client(&tls.ConnectionState{}), sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: "me", Token: planted}))
	if reply == nil || reply.Code != 504 {
		t.Errorf("the reply is %v, want 504", reply)
	}
}

// TestARealmIsPutBehindANameWithoutOne shows AuthRealm.
func TestARealmIsPutBehindANameWithoutOne(t *testing.T) {
	a, _ := start(t, hashes(t, "me@example.org", planted)+hashes(t, "bare", planted), func(u *config.Users) { u.Realm = "example.org" })
	for _, c := range []struct{ reason, typed, want string }{
		{"the realm is put behind it", "me", "me@example.org"},
		{"it has one", "me@example.org", "me@example.org"},
		{"the file has it as it was typed", "bare", "bare"},
		{"another's realm", "me@example.net", ""},
	} {
		t.Run(c.reason, func(t *testing.T) {
			user, _ := converse(t, a, client(&tls.ConnectionState{}), sasl.NewPlainClient("", c.typed, planted))
			if user != c.want {
				t.Errorf("%s logged in as %q, want %q", c.typed, user, c.want)
			}
		})
	}
}
