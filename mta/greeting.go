package mta

import (
	"runtime/debug"
	"time"

	"mailcrane/mta/smtpd"
)

// greeting is SmtpGreetingMessage.
func (r *rules) greeting(now time.Time) string {
	version := "mailcrane"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	return smtpd.GreetingText(r.config.MTA.Limits.Greeting, r.hostname, version, now)
}
