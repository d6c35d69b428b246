package mta

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/config"
	"mailcrane/mta/auth"
	"mailcrane/mta/policy"
	"mailcrane/mta/watch"
)

// users is a file of users where fred's password is secret, and the configuration
// of a server that has it, and a certificate.
func users(t *testing.T) (text string) {
	t.Helper()
	lines, err := auth.Hashes("fred", "secret")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cert, key, _ := certificateOf(t, "mx.example.org", "localhost")
	return "dont_blame_sendmail = [\"TrustStickyBit\"]\n" + ours + "[mta.users]\nfile = \"" + path + "\"\n[mta.tls]\ncert = \"" + cert + "\"\nkey = \"" + key + "\"\n"
}

// secure goes on over TLS.
func (c *client) secure() {
	c.t.Helper()
	c.say("STARTTLS", "220")
	secure := tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the test is of SMTP
	if err := secure.Handshake(); err != nil {
		c.t.Fatal(err)
	}
	c.Conn, c.in = secure, bufio.NewReader(secure)
}

var fred = base64.StdEncoding.EncodeToString([]byte("\x00fred\x00secret"))

// A mechanism that only wants TLS is told so (RFC 4954 section 6), even where
// nothing else is offered.
//
// Coverage: A34.
func TestAPasswordWithoutTLSIsToldToUseSTARTTLS(t *testing.T) {
	for _, test := range []struct{ reason, mechanisms, letters, access, offered string }{
		{"AuthOptions p", "", "p", "", "AUTH SCRAM-SHA-256\r\n"},
		{"p and nothing but passwords", "PLAIN LOGIN", "p", "", ""},
		{"the letter c of the access map", "", "y", "Srv_Features: c\n", "AUTH SCRAM-SHA-256\r\n"},
	} {
		t.Run(test.reason, func(t *testing.T) {
			text := users(t) + "[mta.auth]\noptions = \"" + test.letters + "\"\n"
			if test.mechanisms != "" {
				text += "mechanisms = \"" + test.mechanisms + "\"\n"
			}
			if test.access != "" {
				path := filepath.Join(t.TempDir(), "access")
				if err := os.WriteFile(path, []byte(test.access), 0o600); err != nil {
					t.Fatal(err)
				}
				text += "[mta.map]\naccess = \"" + path + "\"\n"
			}
			c := run(t, text, "").dial()
			if hello := c.hello(); strings.Contains(hello, "PLAIN") || !strings.Contains(hello, test.offered) {
				t.Errorf("it offers:\n%s", hello)
			}
			c.say("AUTH PLAIN "+fred, "538 5.7.11")
			c.say("AUTH GSSAPI", "504 5.5.4")
			c.secure()
			if hello := c.say("EHLO client.example.net", "250"); !strings.Contains(hello, "PLAIN") {
				t.Errorf("over TLS it offers:\n%s", hello)
			}
			c.say("AUTH PLAIN "+fred, "235")
		})
	}
}

// What was said before TLS, whoever stood between may have said (RFC 3207 section
// 4.2): a log-in from then lets no mail in.
func TestALogInBeforeTLSIsNoneAfterIt(t *testing.T) {
	c := run(t, users(t)+"[mta.auth]\noptions = \"y\"\n", "auth = \"required\"\n").dial()
	c.hello()
	c.say("AUTH PLAIN "+fred, "235")
	c.secure()
	c.say("EHLO client.example.net", "250")
	c.say("MAIL FROM:<me@example.net>", "530 5.7.0")
	c.say("AUTH PLAIN "+fred, "235")
	c.say("MAIL FROM:<me@example.net> AUTH=fred", "250")
}

// TestTheAuthorThatMAILNamesIsWhoHasLoggedIn shows AUTH= of MAIL and the letter A
// of AuthOptions.
//
// Coverage: A34.
func TestTheAuthorThatMAILNamesIsWhoHasLoggedIn(t *testing.T) {
	text := func(s string) *string { return &s }
	for _, test := range []struct {
		reason, user, letters string
		said, want            *string
	}{
		{"nobody is named", "fred", "", nil, nil},
		{"none is", "", "", text(""), text("")},
		{"who has logged in", "fred", "A", text("fred"), text("fred")},
		{"another one", "fred", "A", text("ann"), text("")},
		{"nobody has logged in", "", "y", text("ann"), text("")},
		{"nor with A, which takes it for not said", "", "Ay", text("ann"), nil},
	} {
		t.Run(test.reason, func(t *testing.T) {
			c := &config.Config{}
			c.MTA.Users.Options = test.letters
			s := &session{
				server: &Server{Options: Options{Log: slog.New(slog.DiscardHandler)}}, rules: &rules{config: c},
				visit: &policy.Visit{Client: policy.Client{User: test.user}}, told: &watch.Visit{},
			}
			got := s.author(test.said)
			if (got == nil) != (test.want == nil) || got != nil && *got != *test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}
