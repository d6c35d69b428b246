package mta

import (
	"runtime/debug"
	"time"

	"mailcrane/mta/smtpd"
)

// greeting is SmtpGreetingMessage.
func (r *rules) greeting(now time.Time) string {
	return smtpd.GreetingText(r.config.MTA.Limits.Greeting, r.hostname, r.version, now)
}

// ownVersion is that of this program. To find it out takes longer than all else
// that is done for a client before it is greeted.
func ownVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "mailcrane"
}
