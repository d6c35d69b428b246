package oauth

import (
	"encoding/json"
	"time"

	"mailcrane/internal/config"
)

// A Standing is since when and until when the log-in of an account holds. It is
// kept beside the queue and is no secret, so that a status asks no keyring.
type Standing struct {
	// Since is when the person logged in.
	Since time.Time `json:"since"`
	// Ends is when the issuer takes it no more, if that is known.
	Ends time.Time `json:"ends,omitzero"`
}

// mostAhead is the longest time before the end that is warned of; a log-in of a
// few days is warned of when a quarter of it is left.
const mostAhead = 3 * 24 * time.Hour

// EndsSoon says that a person should log in again before long.
func (s Standing) EndsSoon(now time.Time) bool {
	if s.Ends.IsZero() {
		return false
	}
	return !now.Before(s.Ends.Add(-min(mostAhead, s.Ends.Sub(s.Since)/4)))
}

// Look is how the log-in of account a stands; the zero Standing where none is
// known. A note may be lost, which costs the warning only.
func Look(notes Notes, a *config.Account) Standing {
	var n note
	if notes == nil || !a.OAuth.Used() {
		return Standing{}
	}
	text, err := notes.Known(noteFile(a))
	if err != nil || json.Unmarshal([]byte(text), &n) != nil || n.Party != party(a) {
		return Standing{}
	}
	return n.Standing
}

// A note is a Standing as it is kept.
type note struct {
	Standing

	Party string `json:"party"`
}

func noteFile(a *config.Account) string { return "login-" + a.Name }

func (g grant) standing() Standing {
	return Standing{Since: moment(g.LoggedIn), Ends: moment(g.Ends)}
}

// keep notes g down; what cannot be noted costs a warning later, no more.
func (w World) keep(a *config.Account, g grant) {
	if w.Notes == nil {
		return
	}
	text, err := json.Marshal(note{g.standing(), g.Party})
	if err == nil {
		err = w.Notes.KeepKnown(noteFile(a), string(text))
	}
	if err != nil {
		w.Warn("cannot note until when a log-in holds", "account", a.Name, "why", err)
	}
}
