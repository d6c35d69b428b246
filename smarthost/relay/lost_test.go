package relay

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/queue"
)

func TestLostSessions(t *testing.T) {
	tests := []struct {
		why       string
		offers    string
		play      script
		committed int
		want      string
		says      string
		step      queue.Step
	}{
		{"closed before MAIL is answered", bare, script{"C: MAIL *", "CLOSE"}, 0, "pending pending", "closed the connection", queue.StepSession},
		{"421 to MAIL belongs to the route", bare, script{"C: MAIL *", "S: 421 4.3.2 restarting"}, 0, "pending pending", "421 4.3.2 restarting", queue.StepSession},
		{"421 to the second RCPT; the first's refusal is known", bare, script{"C: MAIL *", "S: 250 ok", "C: RCPT *", "S: 550 no", "C: RCPT *", "S: 421 bye"}, 0, "failed pending", "421 bye", queue.StepSession},
		{"421 to DATA", bare, script{"C: MAIL *", "S: 250 ok", "C: RCPT *", "S: 250 ok", "C: RCPT *", "S: 250 ok", "C: DATA", "S: 421 4.3.2 busy"}, 0, "pending pending", "ends the session: 421 4.3.2 busy", queue.StepSession},
		{"421 to DATA in a group", pipeline, script{"C: MAIL *", "C: RCPT *", "C: RCPT *", "C: DATA", "S: 250 ok\n250 ok\n250 ok\n421 4.3.2 busy"}, 0, "pending pending", "ends the session: 421 4.3.2 busy", queue.StepSession},
		{"closed before 354", pipeline, script{"C: MAIL *", "C: RCPT *", "C: RCPT *", "C: DATA", "S: 250 ok\n250 ok\n250 ok", "CLOSE"}, 0, "pending pending", "closed the connection", queue.StepSession},
		{"closed after the final dot: no answer is not a no", pipeline, script{"C: MAIL *", "C: RCPT *", "C: RCPT *", "C: DATA", "S: 250 ok\n250 ok\n550 no\n354 go", "C: x", "C: .", "CLOSE"}, 1, "uncertain failed", "closed the connection", queue.StepSession},
		{"closed after one flight whose RCPT were not answered", full, script{"C: MAIL *", "C: RCPT *", "C: RCPT *", "C: BDAT 3 LAST", "C# 3", "S: 250 ok\n250 ok", "CLOSE"}, 1, "uncertain uncertain", "closed the connection", queue.StepSession},
		{"421 to the final dot: certainly not taken, and the route's", pipeline, script{"C: MAIL *", "C: RCPT *", "C: RCPT *", "C: DATA", "S: 250 ok\n250 ok\n250 ok\n354 go", "C: x", "C: .", "S: 421 4.3.0 bye"}, 1, "pending pending", "421 4.3.0 bye", queue.StepSession},
		{"a 3yz that answers nothing", bare, script{"C: MAIL *", "S: 354 go"}, 0, "pending pending", "which cannot be", queue.StepSession},
		{"DATA answered by 250", bare, script{"C: MAIL *", "S: 250 ok", "C: RCPT *", "S: 250 ok", "C: RCPT *", "S: 250 ok", "C: DATA", "S: 250 ok"}, 0, "pending pending", "which cannot be", queue.StepSession},
		{"something that is not SMTP", bare, script{"C: MAIL *", "S: hello?"}, 0, "pending pending", "not SMTP", queue.StepSession},
		{"530 is a log-in that lacks, no fault of the message's", bare, script{"C: MAIL *", "S: 530 5.7.0 authenticate first"}, 0, "pending pending", "log-in before it takes mail", queue.StepAuth},
		{"530 to RCPT likewise", pipeline, script{"C: MAIL *", "C: RCPT *", "C: RCPT *", "C: DATA", "S: 250 ok\n530 5.7.0 no\n530 5.7.0 no\n503 no"}, 0, "pending pending", "log-in before it takes mail", queue.StepAuth},
		{"530 to one RCPT: the other gets the message, and not an empty one", pipeline, script{"C: MAIL *", "C: RCPT *", "C: RCPT *", "C: DATA", "S: 250 ok\n250 ok\n530 5.7.0 no\n354 go", "C: x", "C: .", "S: 250 ok"}, 1, "delivered pending", "log-in before it takes mail", queue.StepAuth},
		{"530 to one RCPT in one flight", full, script{"C: MAIL *", "C: RCPT *", "C: RCPT *", "C: BDAT 3 LAST", "C# 3", "S: 250 ok\n530 5.7.0 no\n250 ok\n250 ok"}, 1, "pending delivered", "log-in before it takes mail", queue.StepAuth},
		{"MAIL refused, all else taken: another transaction is open, into which nothing goes", pipeline, script{"C: MAIL *", "C: RCPT *", "C: RCPT *", "C: DATA", "S: 503 nested MAIL\n250 ok\n250 ok\n354 go", "CLOSE"}, 0, "deferred deferred", "which cannot be", queue.StepSession},
		{"closed after the final dot: one recipient too many was not taken", pipeline, script{"C: MAIL *", "C: RCPT *", "C: RCPT *", "C: DATA", "S: 250 ok\n250 ok\n452 4.5.3 too many\n354 go", "C: x", "C: .", "CLOSE"}, 1, "uncertain deferred", "closed the connection", queue.StepSession},
		{"closed after the message: a recipient that was refused in doubt did not get it", full, script{"C: MAIL *", "C: RCPT *", "C: RCPT *", "C: BDAT 3 LAST", "C# 3", "S: 250 ok\n250 ok\n503 what", "CLOSE"}, 1, "uncertain deferred", "closed the connection", queue.StepSession},
		{"closed before the message went to one too many for the first transaction", pipeline, script{
			"C: MAIL *", "C: RCPT *", "C: RCPT *", "C: DATA", "S: 250 ok\n250 ok\n452 4.5.3 too many\n354 go", "C: x", "C: .", "S: 250 ok",
			"C: RSET", "C: MAIL *", "C: RCPT *", "C: DATA", "CLOSE",
		}, 1, "delivered pending", "closed the connection", queue.StepSession},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			s := opened(t, test.offers, nil, test.play...)
			m := mail("x\n", "x@d", "y@d")
			fault := s.Deliver(t.Context(), &m.Delivery)
			if fault == nil || fault.Step != test.step || !strings.Contains(fault.Sentence(), test.says) {
				t.Fatalf("fault %+v, want %q", fault, test.says)
			}
			if untaken := !strings.Contains(test.want, "uncertain"); fault.Untaken != untaken {
				t.Errorf("certainly not taken: %v; want %v", fault.Untaken, untaken)
			}
			if m.states() != test.want || m.committed != test.committed {
				t.Errorf("%s, committed %d; want %s, %d", m.states(), m.committed, test.want, test.committed)
			}
			again := mail("x\n", "x@d")
			if fault := s.Deliver(t.Context(), &again.Delivery); fault == nil {
				t.Error("a session that broke carries on")
			}
			s.Close(t.Context())
		})
	}
}

func TestWaitsEnd(t *testing.T) {
	tests := []struct {
		why   string
		play  script
		after time.Duration
		want  string
		says  string
	}{
		{"MAIL", script{"C: MAIL *", "HANG"}, 5 * time.Minute, "pending", "no answer to MAIL within 5m0s"},
		{"RCPT", script{"C: MAIL *", "S: 250 ok", "C: RCPT *", "HANG"}, 5 * time.Minute, "pending", "no answer to RCPT"},
		{"DATA", script{"C: MAIL *", "S: 250 ok", "C: RCPT *", "S: 250 ok", "C: DATA", "HANG"}, 2 * time.Minute, "pending", "no answer to DATA"},
		{"the final dot", script{"C: MAIL *", "S: 250 ok", "C: RCPT *", "S: 250 ok", "C: DATA", "S: 354 go", "C: x", "C: .", "HANG"}, 10 * time.Minute, "uncertain", "no answer to the end of the message within 10m0s"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := opened(t, bare, nil, test.play...)
				m := mail("x\n", "x@d")
				start := time.Now()
				fault := s.Deliver(t.Context(), &m.Delivery)
				if fault == nil || !strings.Contains(fault.Sentence(), test.says) || m.states() != test.want {
					t.Errorf("fault %+v, %s; want %q, %s", fault, m.states(), test.says, test.want)
				}
				if took := time.Since(start); took != test.after {
					t.Errorf("gave up after %v, want %v", took, test.after)
				}
				s.Close(t.Context())
			})
		})
	}
}

func TestContextEndsAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := opened(t, bare, nil, "C: MAIL *", "S: 250 ok", "C: RCPT *", "HANG")
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(7*time.Second, cancel)
		start := time.Now()
		m := mail("x\n", "x@d")
		fault := s.Deliver(ctx, &m.Delivery)
		if fault == nil || !strings.HasSuffix(fault.Sentence(), "mailcrane was stopped before it was done") || time.Since(start) != 7*time.Second {
			t.Errorf("fault %+v after %v", fault, time.Since(start))
		}
		s.Close(t.Context())
	})
}

func TestEndedContextLeavesTheSessionWhole(t *testing.T) {
	s := opened(t, bare, nil, "C: QUIT", "S: 221 bye")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m := mail("x\n", "x@d")
	if fault := s.Deliver(ctx, &m.Delivery); fault == nil || m.states() != "pending" {
		t.Errorf("fault %v, %s", fault, m.states())
	}
	s.Close(t.Context())
}

func TestReplyToAWriteThatFailedIsHeard(t *testing.T) {
	s := opened(t, pipeline, nil, "C: MAIL *", "C: RCPT *", "C: DATA", "S: 250 ok\n250 ok\n354 go", "C: 0123456789", "S: 552 5.3.4 that is too much", "CLOSE")
	m := mail(strings.Repeat("0123456789\n", 2_000_000), "x@d")
	if fault := s.Deliver(t.Context(), &m.Delivery); fault == nil {
		t.Error("the connection broke; a route fault was due")
	}
	if m.states() != "failed" || m.got[0].Reply().Enhanced != "5.3.4" {
		t.Errorf("%s: %v", m.states(), m.got[0].Reply())
	}
}

func TestNothingEndsBeforeItIsWrittenDown(t *testing.T) {
	for offers, play := range map[string][]string{
		pipeline: {"C: MAIL *", "C: RCPT *", "C: DATA", "S: 250 ok\n250 ok\n354 go", "HANG"},
		full:     {"HANG"},
	} {
		s := opened(t, offers, nil, play...)
		m := mail("x\n", "x@d")
		m.Commit = func(context.Context) error { return errors.New("disk full") }
		fault := s.Deliver(t.Context(), &m.Delivery)
		if fault == nil || !strings.Contains(fault.Sentence(), "disk full") || m.states() != "pending" {
			t.Errorf("%s: fault %v, %s", offers, fault, m.states())
		}
		s.Close(t.Context())
	}
}

func TestUnreadableMessageIsDeferredAndNoFaultOfTheServers(t *testing.T) {
	s := opened(t, full, nil, "C: QUIT", "S: 221 bye")
	for _, content := range []queue.Content{{}, {LongLine: true}} {
		m := mail("x\n", "x@d")
		m.Content = content
		m.Open = func() (io.ReadCloser, error) { return nil, errors.New("input/output error") }
		if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil {
			t.Error(fault.Sentence())
		}
		if m.states() != "deferred" || !strings.Contains(m.got[0].Reply().Text, "on this machine: input/output error") || m.got[0].Reply().Code != 0 {
			t.Errorf("%+v: %s, %v", content, m.states(), m.got[0].Reply())
		}
	}
	s.Close(t.Context())
}

// failing gives text and then an error.
func failing(text string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader(text), badDisk{})), nil
	}
}

type badDisk struct{}

func (badDisk) Read([]byte) (int, error) { return 0, errors.New("bad sector") }

func TestMessageThatCannotBeReadToItsEndIsNotEnded(t *testing.T) {
	t.Run("DATA: only closing ends it", func(t *testing.T) {
		s := opened(t, pipeline, nil, "C: MAIL *", "C: RCPT *", "C: DATA", "S: 250 ok\n250 ok\n354 go", "HANG")
		m := mail("x\n", "x@d")
		m.Open = failing("x\n")
		fault := s.Deliver(t.Context(), &m.Delivery)
		if fault == nil || m.states() != "deferred" || m.committed != 0 {
			t.Errorf("fault %v, %s, committed %d", fault, m.states(), m.committed)
		}
		s.Close(t.Context())
	})
	for _, test := range []struct {
		why  string
		size int64
		play []string
	}{
		{"in one flight: nothing of it is sent", 3, nil},
		{"BDAT: RSET ends it, and the session goes on", oneFlight + 1, []string{"C: MAIL *", "C: RCPT *", "S: 250 ok\n250 ok", "C: RSET"}},
	} {
		t.Run(test.why, func(t *testing.T) {
			play := append(slices.Clone(test.play), "C: MAIL *", "C: RCPT *", "C: BDAT 3 LAST", "C# 3")
			if test.play != nil {
				play = append(play, "S: 250 ok")
			}
			s := opened(t, full, nil, append(play, "S: 250 ok\n250 ok\n250 ok", "C: QUIT", "CLOSE")...)
			m := mail("x\n", "x@d")
			m.Open, m.Size = failing("x\n"), test.size
			if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != "deferred" || m.committed != 0 {
				t.Errorf("fault %v, %s, committed %d", fault, m.states(), m.committed)
			}
			next := mail("x\n", "x@d")
			if fault := s.Deliver(t.Context(), &next.Delivery); fault != nil || next.states() != "delivered" {
				t.Errorf("fault %v, %s", fault, next.states())
			}
			s.Close(t.Context())
		})
	}
}

// What comes before a command has left this machine is no answer to it: taken
// for one, it would make each reply the next command's.
func TestAReplyToWhatWasNotSentIsNobodys(t *testing.T) {
	ours, theirs := buffered()
	d := newDialogue(&wire{Conn: ours}, nil)
	take := func(r reply) { t.Errorf("taken for an answer: %v", r) }
	if err := d.command("MAIL FROM:<>", expected{verb: "MAIL", limit: time.Minute, take: take}); err != nil {
		t.Fatal(err)
	}
	d.listen()
	io.WriteString(theirs, "250 by the way\r\n")
	theirs.Close()
	<-d.failed
	if _, ok := errors.AsType[*unexpected](d.over); !ok {
		t.Error(d.over)
	}
}

// A server that refused MAIL and then took the message put it into another
// transaction: neither sent again silently, nor bounced.
func TestAMessageTakenThoughItsSenderWasRefusedIsUncertain(t *testing.T) {
	for _, refusal := range []string{"503 5.5.1 nested MAIL", "550 5.7.1 no", "451 4.3.0 later"} {
		s := opened(t, full, nil, append(flight(true, "x@d"), "S: "+refusal+"\n250 ok\n250 taken", "C: QUIT", "CLOSE")...)
		m := mail("x\n", "x@d")
		if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != "uncertain" {
			t.Errorf("%s: %v, %s", refusal, fault, m.states())
		}
		s.Close(t.Context())
	}
}
