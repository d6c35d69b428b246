package sasl

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"mailcrane/internal/sysexits"
)

func TestChoice(t *testing.T) {
	const all = "CRAM-MD5 LOGIN PLAIN SCRAM-SHA-1 SCRAM-SHA-256 XOAUTH2 OAUTHBEARER EXTERNAL"
	secret := Credentials{User: "ann", Secret: "sesame", Mechanism: "auto"}
	token := Credentials{User: "ann", Secret: "sesame", Token: true, Mechanism: "auto"}
	named := func(name string) Credentials { return Credentials{User: "ann", Secret: "sesame", Mechanism: name} }
	tests := []struct {
		why      string
		with     Credentials
		offered  string
		clear    bool
		loopback bool
		want     string // or
		says     string
	}{
		{why: "channel binding first", with: secret, offered: all + " SCRAM-SHA-256-PLUS", want: "SCRAM-SHA-256-PLUS"},
		{why: "then SCRAM", with: secret, offered: all, want: "SCRAM-SHA-256"},
		{why: "then PLAIN", with: secret, offered: "CRAM-MD5 LOGIN PLAIN", want: "PLAIN"},
		{why: "then LOGIN", with: secret, offered: "CRAM-MD5 LOGIN", want: "LOGIN"},
		{why: "CRAM-MD5 last", with: secret, offered: "CRAM-MD5 XOAUTH2", want: "CRAM-MD5"},
		{why: "a password is no token", with: secret, offered: "XOAUTH2 OAUTHBEARER", says: "no way to log in"},
		{why: "in the clear SCRAM without binding", with: secret, offered: all + " SCRAM-SHA-256-PLUS", clear: true, want: "SCRAM-SHA-256"},
		{why: "in the clear CRAM-MD5", with: secret, offered: "PLAIN LOGIN CRAM-MD5", clear: true, want: "CRAM-MD5"},
		{why: "in the clear nothing that shows the password", with: secret, offered: "PLAIN LOGIN", clear: true, says: "without TLS the password is not sent"},
		{why: "in the clear no token", with: token, offered: "XOAUTH2", clear: true, says: "without TLS the password is not sent"},
		{why: "in the clear on this machine PLAIN", with: secret, offered: "PLAIN LOGIN", clear: true, loopback: true, want: "PLAIN"},
		{why: "named, in the clear, on this machine", with: named("login"), offered: "PLAIN LOGIN", clear: true, loopback: true, want: "LOGIN"},
		{why: "in the clear nothing that is known", with: secret, offered: "NTLM", clear: true, says: "no way to log in that we know"},
		{why: "the standard's mechanism for tokens first", with: token, offered: all, want: "OAUTHBEARER"},
		{why: "then Google's", with: token, offered: "PLAIN XOAUTH2", want: "XOAUTH2"},
		{why: "a token is no password", with: token, offered: "PLAIN", says: "does not take OAuth 2 tokens"},
		{why: "a certificate and no secret", with: Credentials{Certificate: true}, offered: all, want: "EXTERNAL"},
		{why: "a certificate before a password", with: Credentials{User: "ann", Secret: "x", Certificate: true}, offered: "EXTERNAL PLAIN", want: "EXTERNAL"},
		{why: "a certificate that is no log-in here", with: Credentials{User: "ann", Secret: "x", Certificate: true}, offered: "PLAIN", want: "PLAIN"},
		{why: "named, in lower case", with: named("cram-md5"), offered: all, want: "CRAM-MD5"},
		{why: "named SCRAM is bound where it can be", with: named("scram-sha-256"), offered: all + " SCRAM-SHA-256-PLUS", want: "SCRAM-SHA-256-PLUS"},
		{why: "named and not offered", with: named("login"), offered: "PLAIN", says: "does not offer the log-in set in auth, login"},
		{why: "named and in the clear", with: named("plain"), offered: "PLAIN", clear: true, says: "there is no TLS"},
		{why: "named and unknown", with: named("gssapi"), offered: "GSSAPI", says: "not one that we know"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			link := Link{TLS: &tls.ConnectionState{}}
			if test.clear {
				link.TLS = nil
			}
			link.Loopback = test.loopback
			name, err := test.with.pick(strings.Fields(test.offered), link)
			if err == nil {
				// Channel binding needs a real connection; see the test of SCRAM.
				if test.says == "" && !strings.HasSuffix(name, "-PLUS") {
					if _, got, err := test.with.Choose(strings.Fields(test.offered), link); err != nil || got != name {
						t.Errorf("chose %q, %v", got, err)
					}
				}
				_, err = test.with.client(name, strings.Fields(test.offered), link.TLS)
			}
			if test.says != "" {
				if err == nil || !strings.Contains(err.Error(), test.says) || sysexits.Hint(err) == "" || strings.Contains(err.Error(), "sesame") {
					t.Errorf("%q, %v, want %q", name, err, test.says)
				}
				return
			}
			if name != test.want {
				t.Errorf("%q, %v; want %q", name, err, test.want)
			}
		})
	}
}

func TestCredentialsDoNotPrintTheirSecret(t *testing.T) {
	c := Credentials{User: "ann", Secret: "sesame"}
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), fmt.Sprintf("%v", &c)} {
		if strings.Contains(text, "sesame") {
			t.Error(text)
		}
	}
}
