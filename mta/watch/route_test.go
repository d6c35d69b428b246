package watch

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"mailcrane/mta/access"
	"mailcrane/queue"
)

// unmet is a refusal of what a server has shown.
type unmet struct{ *access.Refusal }

func (u unmet) Unwrap() error    { return u.Refusal }
func (u unmet) Verified() string { return "NO" }

// Coverage: A43.
func TestAServerWhoseTLSIsBrokenStandsInTheLogAsInSendmails(t *testing.T) {
	for _, test := range []struct {
		reason string
		fault  *queue.RouteFault
		want   string
	}{
		{"the handshake", &queue.RouteFault{Step: queue.StepTLS, Server: "mx.example:25", Err: errors.New("no cipher in common")}, "ruleset=tls_server, arg1=SOFTWARE, relay=mx.example:25, reject=403 4.7.0 TLS handshake failed."},
		{
			"what the access map asks for", &queue.RouteFault{Step: queue.StepTLS, Server: "mx.example [192.0.2.1]", Err: fmt.Errorf("the last: %w", unmet{&access.Refusal{Code: 403, Status: [3]int{4, 7, 0}, Text: "not authenticated"}})},
			"ruleset=tls_server, arg1=NO, relay=mx.example [192.0.2.1], reject=403 4.7.0 not authenticated",
		},
		{"something else", &queue.RouteFault{Step: queue.StepConnect, Server: "mx.example:25", Err: errors.New("refused")}, ""},
		{"nothing", nil, ""},
	} {
		t.Run(test.reason, func(t *testing.T) {
			w, out := watched(9)
			w.Queue(queue.Event{Kind: queue.Closed, Route: "home", Fault: test.fault})
			if got := out.String(); !strings.Contains(got, test.want) || test.want == "" && got != "" {
				t.Errorf("the log is %q, want %q", got, test.want)
			}
		})
	}
}
