package relay

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	gosasl "github.com/emersion/go-sasl"

	"mailcrane/internal/config"
	"mailcrane/smarthost/relay/sasl"
)

// An externalLogin is an Authenticator that takes EXTERNAL whatever is offered.
type externalLogin struct{}

func (externalLogin) Choose([]string, sasl.Link) (gosasl.Client, string, error) {
	return gosasl.NewExternalClient("ann"), "EXTERNAL", nil
}

// Each timeout is set to an hour, but for the one that is looked at.
//
// Coverage: B12, B13, B14, B15, B16, B18, B19, B20, B25, B26.
func TestEachTimeoutIsItsOwn(t *testing.T) {
	const short = 7 * time.Second
	ca, today := newAuthority(t), time.Now() // the clock of synctest begins in 2000
	cert := ca.good(t)
	greeted := script{"S: 220 hi", "C: EHLO *", "S: 250-x\n250-STARTTLS\n250 AUTH EXTERNAL"}
	sent := slices.Concat(greeted, script{"C: MAIL *", "S: 250 ok", "C: RCPT *", "S: 250 ok", "C: DATA", "S: 354 go", "C: x", "C: .", "S: 250 ok"})
	for _, c := range []struct {
		name string
		set  func(*config.Timeout) *time.Duration
		play script
		says string
	}{
		{"initial", func(t *config.Timeout) *time.Duration { return &t.Initial }, nil, "said nothing for 7s"},
		{"helo", func(t *config.Timeout) *time.Duration { return &t.Helo }, greeted[:2], "no answer to EHLO within 7s"},
		{"auth", func(t *config.Timeout) *time.Duration { return &t.Auth }, append(script{"TLS"}, append(greeted[:3:3], "C: AUTH *")...), "no answer to AUTH within 7s"},
		{"starttls", func(t *config.Timeout) *time.Duration { return &t.StartTLS }, append(greeted[:3:3], "C: STARTTLS"), "no answer to STARTTLS within 7s"},
		{"mail", func(t *config.Timeout) *time.Duration { return &t.Mail }, append(greeted[:3:3], "C: MAIL *"), "no answer to MAIL within 7s"},
		{"rcpt", func(t *config.Timeout) *time.Duration { return &t.Rcpt }, append(greeted[:3:3], "C: MAIL *", "S: 250 ok", "C: RCPT *"), "no answer to RCPT"},
		{"datainit", func(t *config.Timeout) *time.Duration { return &t.DataInit }, sent[:8], "no answer to DATA within 7s"},
		{"datafinal", func(t *config.Timeout) *time.Duration { return &t.DataFinal }, sent[:11], "no answer to the end of the message within 7s"},
		{"rset", func(t *config.Timeout) *time.Duration { return &t.Rset }, append(greeted[:3:3], "C: MAIL *", "S: 250 ok", "C: RCPT *", "S: 550 no", "C: RSET"), "no answer to RSET within 7s"},
		{"quit", func(t *config.Timeout) *time.Duration { return &t.Quit }, append(sent[:12:12], "C: QUIT"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var timeouts config.Timeout
				for _, to := range []*time.Duration{
					&timeouts.Connect, &timeouts.Initial, &timeouts.Helo, &timeouts.Auth, &timeouts.StartTLS, &timeouts.Mail, &timeouts.Rcpt,
					&timeouts.DataInit, &timeouts.DataBlock, &timeouts.DataFinal, &timeouts.Rset, &timeouts.Quit,
				} {
					*to = time.Hour
				}
				*c.set(&timeouts) = short
				began := time.Now()
				target := Target{
					Server: "smtp.example.org", Mode: Insecure, Timeouts: timeouts, TLS: TLS{Roots: ca.pool()}, Now: func() time.Time { return today },
					Dial: serve(t, cert, append(c.play[:len(c.play):len(c.play)], "HANG")),
				}
				switch c.name {
				case "starttls":
					target.Mode = StartTLS
				case "auth":
					target.Mode, target.Auth = Implicit, externalLogin{}
				}
				said := converse(t, target, c.name == "rset")
				if took := time.Since(began); took != short || !strings.Contains(said, c.says) {
					t.Errorf("after %v: %q, want %q after %v", took, said, c.says, short)
				}
			})
		})
	}
}

// converse sends a message, or two, and closes the session; it returns what
// went wrong first.
func converse(t *testing.T, target Target, twice bool) string {
	t.Helper()
	s, fault := Open(t.Context(), target)
	if fault != nil {
		return fault.Sentence()
	}
	for range map[bool]int{false: 1, true: 2}[twice] {
		m := mail("x\n", "x@d")
		if fault = s.Deliver(t.Context(), &m.Delivery); fault != nil {
			s.Close(t.Context()) // of a session that broke, which takes no time
			return fault.Sentence()
		}
	}
	s.Close(t.Context())
	return ""
}
