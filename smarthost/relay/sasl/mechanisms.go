package sasl

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	gosasl "github.com/emersion/go-sasl"
)

// login is go-sasl's LOGIN for servers whose prompts are not to the letter
// "Password:", or that ask for the user name after an initial response. LOGIN
// was never standardised.
type login struct {
	gosasl.Client
	user string
}

func (l *login) Next(challenge []byte) ([]byte, error) {
	prompt := strings.ToLower(string(challenge))
	switch {
	case strings.Contains(prompt, "user"):
		return []byte(l.user), nil
	case strings.Contains(prompt, "pass"):
		return l.Client.Next([]byte("Password:"))
	}
	return nil, fmt.Errorf("the server asks something that is neither user name nor password")
}

// bearer is a mechanism for tokens. A server that refuses a token first sends
// a challenge with the reason in JSON and then waits for a dummy response
// (RFC 7628 section 3.2.3) before it says 535.
type bearer struct {
	gosasl.Client
	dummy  []byte
	reason string
	// invalid is the server's word that it is the token (RFC 6750 section 3.1).
	invalid bool
}

func (b *bearer) Next(challenge []byte) ([]byte, error) {
	if b.reason != "" {
		return nil, errors.New("the server asks again after refusing the token")
	}
	var status struct{ Status, Scope string }
	if err := json.Unmarshal(challenge, &status); err != nil || status.Status == "" {
		b.reason = "no reason given"
		return b.dummy, nil
	}
	b.reason, b.invalid = "status "+status.Status, status.Status == "invalid_token"
	if status.Scope != "" {
		b.reason += ", scope " + status.Scope
	}
	return b.dummy, nil
}

// Explain is why the server refused the token, or "".
func (b *bearer) Explain() string { return b.reason }

// Invalid says that the server called the token itself no good.
func (b *bearer) Invalid() bool { return b.invalid }

// xoauth2 is Google's and Microsoft's mechanism from before RFC 7628:
// https://developers.google.com/workspace/gmail/imap/xoauth2-protocol
type xoauth2 struct{ user, token string }

func (x *xoauth2) Start() (string, []byte, error) {
	return "XOAUTH2", []byte("user=" + x.user + "\x01auth=Bearer " + x.token + "\x01\x01"), nil
}

// Next is never reached: bearer answers all challenges.
func (x *xoauth2) Next([]byte) ([]byte, error) { return nil, gosasl.ErrUnexpectedServerChallenge }

// cramMD5 is RFC 2195. It has no initial response.
type cramMD5 struct {
	user, secret string
	answered     bool
}

func (c *cramMD5) Start() (string, []byte, error) { return "CRAM-MD5", nil, nil }

func (c *cramMD5) Next(challenge []byte) ([]byte, error) {
	if c.answered {
		return nil, gosasl.ErrUnexpectedServerChallenge
	}
	c.answered = true
	mac := hmac.New(md5.New, []byte(c.secret))
	mac.Write(challenge)
	return []byte(c.user + " " + hex.EncodeToString(mac.Sum(nil))), nil
}
