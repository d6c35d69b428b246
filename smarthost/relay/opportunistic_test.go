package relay

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/queue"
)

func TestAServerThatNobodyHasNamedIsSpokenToInTLSWhereItOffersThat(t *testing.T) {
	cert := newAuthority(t).good(t)
	for _, c := range []struct {
		why    string
		script script
		step   queue.Step // of the fault, "" for none
		tls    bool
		putOff bool
	}{
		{
			"offered, and of a CA that nobody knows",
			script{"S: 220 hi", "C: EHLO *", "S: 250-x\n250 STARTTLS", "C: STARTTLS", "S: 220 go", "TLS", "C: EHLO *", "S: 250 x", "C: QUIT", "S: 221 bye"},
			"", true, false,
		},
		{"not offered", script{"S: 220 hi", "C: EHLO *", "S: 250 x", "C: QUIT", "S: 221 bye"}, "", false, false},
		{
			"put off: it goes on in the clear",
			script{"S: 220 hi", "C: EHLO *", "S: 250-x\n250 STARTTLS", "C: STARTTLS", "S: 454 4.7.0 not now", "C: QUIT", "S: 221 bye"},
			"", false, true,
		},
		{
			"refused for good",
			script{"S: 220 hi", "C: EHLO *", "S: 250-x\n250 STARTTLS", "C: STARTTLS", "S: 554 5.7.0 no"},
			queue.StepTLS, false, false,
		},
		{
			"agreed to, and then no TLS: nothing is said in the clear any more",
			script{"S: 220 hi", "C: EHLO *", "S: 250-x\n250 STARTTLS", "C: STARTTLS", "S: 220 go", "C# 1", "S: 500 what?"},
			queue.StepTLS, false, false,
		},
		{
			"words behind the 220, which are not the server's",
			script{"S: 220 hi", "C: EHLO *", "S: 250-x\n250 STARTTLS", "C: STARTTLS", "S- 220 go\r\n250 x\r\n"},
			queue.StepTLS, false, false,
		},
		{
			"EHLO refused: HELO is tried, whatever the 5yz",
			script{"S: 220 hi", "C: EHLO *", "S: 550 5.5.1 what?", "C: HELO *", "S: 250 x", "C: QUIT", "S: 221 bye"},
			"", false, false,
		},
	} {
		t.Run(c.why, func(t *testing.T) {
			s, fault := Open(t.Context(), Target{
				Server: "mx.example", Address: "192.0.2.1:25", Mode: Opportunistic, TLS: TLS{Anybody: true}, Dial: serve(t, cert, c.script),
			})
			switch {
			case (fault != nil) != (c.step != ""):
				t.Fatalf("%v", fault)
			case fault != nil:
				if fault.Step != c.step {
					t.Error(fault.Sentence())
				}
				return
			}
			if (s.TLS() != nil) != c.tls || s.TLSPutOff() != c.putOff || c.tls && s.Unverified() == nil {
				t.Errorf("TLS %v, put off %v, %v", s.TLS() != nil, s.TLSPutOff(), s.Unverified())
			}
			s.Close(t.Context())
		})
	}
}

func TestAStrangersWishForALogInIsARefusal(t *testing.T) {
	for _, stranger := range []bool{true, false} {
		s, fault := Open(t.Context(), Target{
			Server: "mx.example", Name: "mx.example [192.0.2.1]", Address: "192.0.2.1:25", Mode: Insecure, Stranger: stranger,
			Dial: serve(t, nil, script{"S: 220 hi", "C: EHLO *", "S: 250 x", "C: MAIL *", "S: 530 5.7.0 who are you?", "HANG"}),
		})
		if fault != nil {
			t.Fatal(fault.Sentence())
		}
		m := mail("x\n", "you@example.org")
		fault = s.Deliver(t.Context(), &m.Delivery)
		if stranger && (fault != nil || m.states() != "failed" || m.got[0].Host() != "mx.example [192.0.2.1]") || !stranger && fault == nil {
			t.Errorf("stranger %v: %v, %s", stranger, fault, m.states())
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s.Close(ctx)
	}
}

// Coverage: B19.
func TestAProbeTellsWhetherAnIdleSessionIsStillGood(t *testing.T) {
	for _, c := range []struct {
		why   string
		steps []string
		good  bool
		took  time.Duration
	}{
		{"it is", []string{"C: RSET", "S: 250 ok", "C: QUIT", "S: 221 bye"}, true, 0},
		{"refused", []string{"C: RSET", "S: 554 enough", "CLOSE"}, false, 0},
		{"a farewell", []string{"C: RSET", "S: 421 bye", "CLOSE"}, false, 0},
		{"closed", []string{"C: RSET", "CLOSE"}, false, 0},
		{"closed before", []string{"CLOSE"}, false, 0},
		{"silence", []string{"C: RSET", "HANG"}, false, 9 * time.Second},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				target := Target{
					Server: "mx.example", Address: "192.0.2.1:25", Mode: Insecure,
					Dial: serve(t, nil, append(script{"S: 220 hi", "C: EHLO *", "S: 250 x"}, c.steps...)),
				}
				target.Timeouts.Rset = 9 * time.Second
				s, fault := Open(t.Context(), target)
				if fault != nil {
					t.Fatal(fault.Sentence())
				}
				began := time.Now()
				fault = s.Probe(t.Context())
				if (fault == nil) != c.good || time.Since(began) != c.took {
					t.Errorf("%v after %v", fault, time.Since(began))
				}
				if fault != nil {
					if m := mail("x\n", "you@example.org"); s.Deliver(t.Context(), &m.Delivery) == nil {
						t.Error("it takes mail")
					}
				}
				s.Close(t.Context())
			})
		})
	}
}
