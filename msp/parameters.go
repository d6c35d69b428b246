package msp

import (
	"strings"
	"time"

	"mailcrane/internal/address"
	"mailcrane/queue"
)

// mostAhead bounds how far ahead a message may be handed in; a little more than
// the session of SMTP allows, whose clock was read before.
const mostAhead = 367 * 24 * time.Hour

// checkParameters holds what an envelope asks for to the same rules as on the
// command line: it goes to the server as it stands, and who drops a file may
// have written there what he likes.
func checkParameters(e *queue.Envelope, now time.Time) error {
	var asked Invocation
	if e.Ret != "" {
		if err := asked.setRet(e.Ret); err != nil {
			return err
		}
	}
	if e.EnvID != "" {
		if err := asked.setEnvID(e.EnvID); err != nil {
			return err
		}
	}
	if e.NotBefore.Sub(now) > mostAhead {
		return usage("The message is not to leave for more than a year")
	}
	for _, to := range e.To {
		if to.Notify != "" {
			if err := asked.setNotify(to.Notify); err != nil {
				return err
			}
		}
		if !isORcpt(to.ORcpt) {
			return usage("Invalid ORCPT parameter %s", address.Shown(to.ORcpt))
		}
	}
	return nil
}

// isORcpt checks RFC 3461 section 4.2; the value of an address of type utf-8
// may be UTF-8 (RFC 6533 section 3).
func isORcpt(v string) bool {
	if v == "" {
		return true
	}
	kind, value, ok := strings.Cut(v, ";")
	if !ok || kind == "" || value == "" || address.Quote(kind) != kind {
		return false
	}
	return isXtext(value) || strings.EqualFold(kind, "utf-8") && !strings.ContainsAny(value, " +=")
}
