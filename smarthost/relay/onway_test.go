package relay

import (
	"errors"
	"strings"
	"testing"

	"mailcrane/queue"
	"mailcrane/smarthost/relay/sasl"
)

// trusted is a session whose server is known to have accepted the log-in.
func trusted(t *testing.T, mechanism string, play ...string) (*Session, *Memory) {
	t.Helper()
	start := script{"TLS", "S: 220 hi", "C: EHLO *", "S: 250-x\n250-PIPELINING\n250-CHUNKING\n250 AUTH " + mechanism}
	known := memoryOf(Known{LoggedIn: mechanism})
	return logsIn(t, known, append(start, play...)), known
}

// logsIn is a session that logs in with PLAIN.
func logsIn(t *testing.T, known *Memory, play script) *Session {
	t.Helper()
	ca := newAuthority(t)
	s, fault := Open(t.Context(), Target{
		LoginHint: "type: mailcrane login work", Server: "smtp.example.org", Address: "smtp.example.org:465", TLS: TLS{Roots: ca.pool()},
		Auth:   sasl.Credentials{User: "ann", Secret: "sesame-open", Mechanism: "plain"},
		Memory: known, Dial: serve(t, ca.good(t), play),
	})
	if fault != nil {
		t.Fatal(fault.Sentence())
	}
	return s
}

// Coverage: session-cache.
func TestALogInThatWasAcceptedBeforeSharesTheFirstFlight(t *testing.T) {
	login := "C: AUTH PLAIN " + b64("\x00ann\x00sesame-open")
	first := append([]string{login}, flight(true, "x@d")...)
	tests := []struct {
		why     string
		play    []string
		want    string // the states of both messages
		step    queue.Step
		untaken string // of each message, "t" or "f"
		known   string // the mechanism afterwards
	}{
		{
			"accepted", append(append(first, flight(false, "y@d")...), "S: 235 ok\n250 ok\n250 ok\n250 taken\n250 ok\n250 ok\n250 ok\n250 taken", "C: QUIT", "CLOSE"),
			"delivered delivered", "", "", "PLAIN",
		},
		{
			"refused: it is the route's, and no message's", append(append(first, flight(false, "y@d")...),
				"S: 535 5.7.8 no\n530 5.7.0 log in\n530 5.7.0 log in\n503 no\n250 ok\n530 5.7.0 log in\n530 5.7.0 log in\n503 no", "HANG"),
			"pending pending", queue.StepAuth, "tt", "",
		},
		{
			"refused by a server whose other words would fail a message", append(append(first, flight(false, "y@d")...),
				"S: 535 5.7.8 no\n550 5.7.1 no\n550 5.7.1 no\n550 no\n250 ok\n550 no\n550 no\n550 no", "HANG"),
			"pending pending", queue.StepAuth, "tt", "",
		},
		{
			"refused, and the connection is closed", append(append(first, flight(false, "y@d")...), "S: 535 5.7.8 no", "CLOSE"),
			"pending pending", queue.StepAuth, "tt", "",
		},
		{
			"refused, and 421", append(append(first, flight(false, "y@d")...), "S: 535 5.7.8 no\n421 4.7.0 too many", "CLOSE"),
			"pending pending", queue.StepAuth, "tt", "",
		},
		{
			"refused, and the mail is taken without it", append(append(first, flight(false, "y@d")...),
				"S: 535 5.7.8 no\n250 ok\n250 ok\n250 taken\n250 ok\n250 ok\n550 not him\n554 nobody", "HANG"),
			"delivered pending", queue.StepAuth, "tt", "",
		},
		{
			"refused, and the server may have taken the mail without it", append(append(first, flight(false, "y@d")...),
				"S: 535 5.7.8 no\n250 ok\n250 ok", "CLOSE"),
			"pending pending", queue.StepAuth, "ft", "",
		},
		{
			"it cannot be checked just now: the next one is awaited, before any message", append(append(first, flight(false, "y@d")...),
				"S: 454 4.7.0 later\n530 5.7.0 log in\n530 5.7.0 log in\n503 no\n250 ok\n530 5.7.0 log in\n530 5.7.0 log in\n503 no", "HANG"),
			"pending pending", queue.StepAuth, "tt", "",
		},
		{
			"no answer at all", append(append(first, flight(false, "y@d")...), "CLOSE"),
			"uncertain uncertain", queue.StepSession, "ff", "PLAIN",
		},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			s, known := trusted(t, "PLAIN", test.play...)
			mails := []*outcomes{mail("x\n", "x@d"), mail("x\n", "y@d")}
			var states []string
			for i, fault := range deliverSide(t, s, mails...) {
				states = append(states, mails[i].states())
				if test.step == "" {
					if fault != nil {
						t.Error(fault.Sentence())
					}
					continue
				}
				if fault == nil || fault.Step != test.step {
					t.Fatalf("message %d: %+v", i, fault)
				}
				if fault.Untaken != (test.untaken[i] == 't') {
					t.Errorf("message %d: untaken is %v", i, fault.Untaken)
				}
				_, refused := errors.AsType[*Refused](fault.Err)
				if refused != strings.Contains(fault.Err.Error(), "535") || fault.NeedsPerson != refused {
					t.Errorf("message %d: %+v", i, fault)
				}
				if strings.Contains(fault.Sentence(), "sesame") {
					t.Error("the secret shows")
				}
			}
			if got := strings.Join(states, " "); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
			if got := known.Recall().LoggedIn; got != test.known {
				t.Errorf("remembered is %q, want %q", got, test.known)
			}
			if test.step != "" {
				again := mail("x\n", "z@d")
				if fault := s.Deliver(t.Context(), &again.Delivery); fault == nil || fault.Step != test.step || !fault.Untaken {
					t.Errorf("the session goes on: %+v", fault)
				}
			}
			s.Close(t.Context())
		})
	}
}

func TestAServerThatRepeatsALogInOnTheWayDoesNotGetItShown(t *testing.T) {
	encoded := b64("\x00ann\x00sesame-open")
	play := append([]string{"C: AUTH PLAIN " + encoded}, flight(true, "x@d")...)
	s, _ := trusted(t, "PLAIN", append(play, "S: 535 5.7.8 not AUTH PLAIN "+encoded+" for sesame-open\n530 no\n530 no\n503 no", "HANG")...)
	m := mail("x\n", "x@d")
	var story strings.Builder
	m.Transcript = func(line string) { story.WriteString(line + "\n") }
	fault := s.Deliver(t.Context(), &m.Delivery)
	if fault == nil {
		t.Fatal("no fault")
	}
	for _, text := range []string{fault.Sentence(), story.String()} {
		if strings.Contains(text, "sesame-open") || strings.Contains(text, encoded[:8]) {
			t.Errorf("the secret shows: %s", text)
		}
	}
	s.Close(t.Context())
}

func TestALogInOfSeveralStepsIsAwaited(t *testing.T) {
	for _, mechanism := range []string{"LOGIN", "XOAUTH2"} {
		ca := newAuthority(t)
		_, fault := Open(t.Context(), Target{
			Server: "smtp.example.org", Address: "smtp.example.org:465", TLS: TLS{Roots: ca.pool()}, Memory: memoryOf(Known{LoggedIn: mechanism}),
			Auth: sasl.Credentials{User: "ann", Secret: "sesame-open", Mechanism: strings.ToLower(mechanism)},
			Dial: serve(t, ca.good(t), script{"TLS", "S: 220 hi", "C: EHLO *", "S: 250-x\n250-PIPELINING\n250 AUTH " + mechanism, "C: AUTH *", "QUIET", "S: 535 5.7.8 no", "HANG"}),
		})
		refusal{queue.StepAuth, "535", "check user and secret", true}.check(t, fault)
	}
}

func TestProveHearsOfALogInOnTheWay(t *testing.T) {
	for _, answer := range []string{"235 ok", "535 5.7.8 no"} {
		s, _ := trusted(t, "PLAIN", "C: AUTH *", "S: "+answer, "C: QUIT", "CLOSE")
		if fault := s.Prove(t.Context()); (fault == nil) != strings.HasPrefix(answer, "2") {
			t.Errorf("%s: %v", answer, fault)
		}
		s.Close(t.Context())
	}
}

// A refusal that need not be about the password may be about what came behind
// AUTH: the next session asks alone, and no person is called.
func TestALogInOnTheWayThatIsNotUnderstoodIsAskedAloneNextTime(t *testing.T) {
	start := []string{"TLS", "S: 220 hi", "C: EHLO *", "S: 250-x\n250-PIPELINING\n250-CHUNKING\n250 AUTH PLAIN"}
	alone := append(append(append([]string{}, start...), "C: AUTH *", "QUIET", "S: 235 ok"), append(flight(true, "x@d"), "S: 250 ok\n250 ok\n250 ok", "C: QUIT", "CLOSE")...)
	for _, test := range []struct {
		answer string
		knew   Breaks
	}{
		{"500 5.5.2 what", Breaks{Login: true}},
		{"501 5.5.4 line too long", Breaks{Login: true}},
		{"503 5.5.1 one at a time", Breaks{Login: true}},
		{"454 4.7.0 not just now", Breaks{}},
		{"421 4.7.0 not just now", Breaks{}},
	} {
		t.Run(test.answer, func(t *testing.T) {
			known := memoryOf(Known{LoggedIn: "PLAIN"})
			onTheWay := append(append(append([]string{}, start...), "C: AUTH *"), append(flight(true, "x@d"), "S: "+test.answer+"\n530 no\n530 no\n503 no", "HANG")...)
			for i, play := range [][]string{onTheWay, alone} {
				s := logsIn(t, known, play)
				m := mail("x\n", "x@d")
				fault := s.Deliver(t.Context(), &m.Delivery)
				if i == 0 && (fault == nil || fault.Step != queue.StepAuth || fault.NeedsPerson || !fault.Untaken || fault.Lost != test.knew.Login) {
					t.Errorf("%+v, %s", fault, m.states())
				}
				if i == 1 && (fault != nil || m.states() != "delivered") {
					t.Errorf("%+v, %s", fault, m.states())
				}
				s.Close(t.Context())
			}
			if got := known.Recall().Broken.Breaks; got != test.knew {
				t.Errorf("remembered: %+v", got)
			}
		})
	}
}

// Exim goes on where an ACL says 421, also to AUTH.
func TestAMessageTakenBehindA421ToALogInIsNotSentAgain(t *testing.T) {
	s, _ := trusted(t, "PLAIN", append(append([]string{"C: AUTH *"}, flight(true, "x@d")...), "S: 421 4.7.0 not just now\n250 ok\n250 ok\n250 taken", "CLOSE")...)
	m := mail("x\n", "x@d")
	if fault := s.Deliver(t.Context(), &m.Delivery); fault == nil || fault.Step != queue.StepAuth || m.states() != "delivered" {
		t.Errorf("%+v, %s", fault, m.states())
	}
	s.Close(t.Context())
}

// AUTH with a long initial response does not fit a command line (RFC 4954
// section 4): it is given when the server asks for it.
func TestALogInTooLongForALineIsNotLeftOnTheWay(t *testing.T) {
	secret := strings.Repeat("sesame", 80)
	ca := newAuthority(t)
	play := append([]string{
		"TLS", "S: 220 hi", "C: EHLO *", "S: 250-x\n250-PIPELINING\n250-CHUNKING\n250 AUTH PLAIN",
		"C: AUTH PLAIN", "QUIET", "S: 334 ", "C: " + b64("\x00ann\x00"+secret), "QUIET", "S: 235 ok",
	}, append(flight(true, "x@d"), "S: 250 ok\n250 ok\n250 ok", "C: QUIT", "CLOSE")...)
	s, fault := Open(t.Context(), Target{
		Server: "smtp.example.org", Address: "smtp.example.org:465", TLS: TLS{Roots: ca.pool()}, Memory: memoryOf(Known{LoggedIn: "PLAIN"}),
		Auth: sasl.Credentials{User: "ann", Secret: secret, Mechanism: "plain"}, Dial: serve(t, ca.good(t), play),
	})
	if fault != nil {
		t.Fatal(fault.Sentence())
	}
	m := mail("x\n", "x@d")
	if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != "delivered" {
		t.Errorf("%+v, %s", fault, m.states())
	}
	s.Close(t.Context())
}
