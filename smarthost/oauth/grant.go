package oauth

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/smarthost/secret"
)

// A grant is what an issuer has given at a log-in, as it is kept in a
// secret.Place: one line of JSON. A keyring takes little, and most of it is the
// token.
type grant struct {
	Refresh string `json:"refresh_token"`
	// LoggedIn is when the person logged in, Obtained when the issuer gave this
	// token, which may be one that replaced another; both in milliseconds of Unix
	// time.
	LoggedIn int64 `json:"logged_in"`
	Obtained int64 `json:"obtained"`
	// Ends is when the issuer takes it no more, 0 where that is not known.
	Ends int64 `json:"ends,omitempty"`
	// Party says, as a digest, who gave it to whom for which user: a token is
	// shown to nobody else.
	Party string `json:"party"`
}

const partyLength = 16

// party is that of an account as it is set up now.
func party(a *config.Account) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{a.OAuth.Issuer, a.OAuth.ClientID, a.User}, "\n")))
	return hex.EncodeToString(sum[:])[:partyLength]
}

func (g grant) encode() string {
	text, err := json.Marshal(g)
	if err != nil {
		return "" // cannot be: all of it is text and numbers
	}
	return string(text)
}

// decode reads what is kept for account a.
func decode(a *config.Account, v secret.Value) (grant, error) {
	var g grant
	if err := json.Unmarshal(v.Reveal(), &g); err != nil || g.Refresh == "" || g.Obtained < 0 || g.LoggedIn < 0 || g.Ends < 0 {
		return grant{}, anew(a, "what is kept of the log-in of account %s is damaged", a.Name)
	}
	if g.Party != party(a) {
		return grant{}, anew(a, "the log-in of account %s was made with another issuer, client_id or user than are set now", a.Name)
	}
	return g, nil
}

// String keeps the token out of logs and errors.
func (g grant) String() string { return "grant (secret not shown)" }

// GoString keeps it out of %#v too.
func (g grant) GoString() string { return g.String() }

// anew is an error that a log-in mends.
func anew(a *config.Account, format string, args ...any) error {
	return sysexits.Errorf(sysexits.NoPerm, "type: "+secret.LoginCommand(a), format, args...)
}

func millis(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMilli()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
