package trial

import (
	"testing"
)

func TestThePasswordShowsNowhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ reason, secret, auth string }{
		{"in a file, PLAIN", `"file:~/password"`, "plain"},
		{"from a command, PLAIN", `"command:cat ~/password"`, "plain"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			s := newSmarthost(t)
			h := newHome(t, "", s.password)
			h.configure("smarthost = \"" + s.url() + "\"\nuser = \"" + s.user + "\"\nsecret = " + c.secret +
				"\nauth = \"" + c.auth + "\"\ntls = { ca = \"" + s.caFile + "\" }\n")
			a := h.agent("--verbose")
			h.mail("secret", you)
			s.wantArrival(t, "secret")
			said := a.proc("cmdline") + a.proc("environ")
			// What a server sees go wrong, it may repeat; what it says is shown.
			s.behave(behaviour{answer: func(at step) string {
				if at.verb == "AUTH" {
					return "535 5.7.8 cannot understand " + at.argument + " with " + s.password
				}
				return ""
			}})
			h.mail("secret-2", you)
			said += h.run("", "mailcrane", "flush", "--verbose").said()
			said += h.run("", "mailcrane", "queue").said() + h.run("", "mailcrane", "status", "--json").said() + h.run("", "sendmail", "-bp", "-v").said()
			said += h.run("", "mailcrane", "config", "show").said()
			a.end()
			h.wantSecret(t, said+a.said(), s.password)
		})
	}
}
