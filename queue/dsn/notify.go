package dsn

import "strings"

// The words of NOTIFY (RFC 3461 section 4.1).
const (
	OnSuccess = "SUCCESS"
	OnFailure = "FAILURE"
	OnDelay   = "DELAY"
)

// Wants says whether a recipient's NOTIFY asks for reports of that kind.
// Without one, failures and delays are reported, as sendmail does.
func Wants(notify, event string) bool {
	if notify == "" {
		return event != OnSuccess
	}
	for word := range strings.SplitSeq(notify, ",") {
		if word == event {
			return true
		}
	}
	return false
}
