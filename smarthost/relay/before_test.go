package relay

import (
	"testing"

	"mailcrane/queue"
)

// What a server offered before and does not offer now is no mistake in the
// configuration: it passes without a person.
func TestWhatIsMissingForTheTimeNeedsNoPerson(t *testing.T) {
	for _, test := range []struct {
		why   string
		known Known
		mode  Mode
		want  refusal
	}{
		{"STARTTLS, at a server that is not known", Known{}, StartTLS, refusal{queue.StepTLS, "does not offer STARTTLS,", "write smtps://", true}},
		{
			"STARTTLS, which was there before",
			Known{Capabilities: Capabilities{Pipelining: true}},
			StartTLS,
			refusal{queue.StepTLS, "does not offer STARTTLS any more", "use another one", false},
		},
		{"AUTH, at a server that is not known", Known{}, Insecure, refusal{queue.StepAuth, "offers no log-in (AUTH)", `auth = "none"`, true}},
		{
			"AUTH, which was there before",
			Known{Capabilities: Capabilities{Auth: []string{"PLAIN", "LOGIN"}}},
			Insecure,
			refusal{queue.StepAuth, "just now", "it offered plain, login before", false},
		},
	} {
		t.Run(test.why, func(t *testing.T) {
			_, fault := Open(t.Context(), Target{
				Server: "smtp.example.org", Address: "smtp.example.org:587", Mode: test.mode, Memory: memoryOf(test.known), Auth: reckless{},
				Dial: serve(t, nil, script{"S: 220 hi", "C: EHLO *", "S: 250-x\n250 HELP", "HANG"}),
			})
			test.want.check(t, fault)
		})
	}
}
