package relay

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/recode"
	"mailcrane/queue"
)

// opened is a session in the clear with a server that offers the capabilities
// (words with "," between) and then plays the script.
func opened(t *testing.T, offers string, change func(*Target), play ...string) *Session {
	t.Helper()
	hello := "S: 250-smtp.example.org"
	for offer := range strings.SplitSeq(offers, ",") {
		hello += "\n250-" + offer
	}
	start := script{"S: 220 hi", "C: EHLO localhost.localdomain", hello + "\n250 HELP"}
	target := Target{Server: "smtp.example.org", Address: "smtp.example.org:25", Mode: Insecure, Dial: serve(t, nil, append(start, play...))}
	if change != nil {
		change(&target)
	}
	s, fault := Open(t.Context(), target)
	if fault != nil {
		t.Fatal(fault.Sentence())
	}
	return s
}

const (
	bare     = "8BITMIME"
	pipeline = "PIPELINING,8BITMIME"
	chunking = "CHUNKING,8BITMIME"
	full     = "PIPELINING,CHUNKING,8BITMIME"
)

// TestTransactions says for each kind of server, message by message, what goes
// over the wire in what groups: a script that reads before it answers fails
// where the client waits for an answer first, and the other way round.
func TestTransactions(t *testing.T) {
	tests := []struct {
		why    string
		offers string
		play   script
		mails  []*outcomes
		want   []string // the states after each mail
		said   string   // part of the first outcome's reply
	}{
		{
			why: "no extension: each command waits for its answer, and a finished transaction needs no RSET", offers: bare,
			play: script{
				"C: MAIL FROM:<a@example.org>", "S: 250 ok", "C: RCPT TO:<x@d>", "S: 250 ok", "C: RCPT TO:<y@d>", "S: 251 will forward", "C: DATA", "S: 354 go",
				"C: Subject: 1", "C: ", "C: ..dot", "C: .", "S: 250 2.0.0 taken",
				"C: MAIL FROM:<a@example.org>", "S: 250 ok", "C: RCPT TO:<z@d>", "S: 250 ok", "C: DATA", "S: 354 go", "C: .", "S: 250 taken",
			},
			mails: []*outcomes{mail("Subject: 1\n\n.dot\n", "x@d", "y@d"), mail("", "z@d")},
			want:  []string{"delivered delivered", "delivered"}, said: "250 2.0.0 taken",
		},
		{
			why: "no extension: a refused MAIL is not followed by RCPT, and RSET begins the next", offers: bare,
			play: script{
				"C: MAIL FROM:<a@example.org>", "S: 550 5.7.1 not yours", "C: RSET", "S: 250 ok",
				"C: MAIL FROM:<a@example.org>", "S: 250 ok", "C: RCPT TO:<z@d>", "S: 450 4.2.0 grey", "C: RSET", "S: 250 ok",
				"C: MAIL FROM:<a@example.org>", "S: 250 ok", "C: RCPT TO:<z@d>", "S: 250 ok", "C: DATA", "S: 451 4.3.0 full",
			},
			mails: []*outcomes{mail("x\n", "x@d", "y@d"), mail("x\n", "z@d"), mail("x\n", "z@d")},
			want:  []string{"failed failed", "deferred", "deferred"}, said: "550 5.7.1 not yours",
		},
		{
			why: "PIPELINING: MAIL, RCPT and DATA in one group, RSET before the next", offers: pipeline,
			play: script{
				"C: MAIL FROM:<a@example.org>", "C: RCPT TO:<x@d>", "C: RCPT TO:<y@d>", "C: DATA",
				"S: 250 ok\n550 5.1.1 who\n250 ok\n354 go", "C: x", "C: .", "S: 250 ok",
				"C: RSET", "C: MAIL FROM:<a@example.org>", "C: RCPT TO:<z@d>", "C: DATA", "S: 250 ok\n250 ok\n250 ok\n354 go", "C: y", "C: .", "S: 554 5.6.0 spam",
			},
			mails: []*outcomes{mail("x", "x@d", "y@d"), mail("y\r\n", "z@d")},
			want:  []string{"failed delivered", "failed"}, said: "550 5.1.1 who",
		},
		{
			why: "PIPELINING: DATA is let through although nobody is left; a lone dot ends it", offers: pipeline,
			play: script{
				"C: MAIL FROM:<a@example.org>", "C: RCPT TO:<x@d>", "C: DATA", "S: 250 ok\n550 5.1.1 who\n354 go", "C: .", "S: 554 no valid recipients",
				"C: RSET", "C: MAIL FROM:<a@example.org>", "C: RCPT TO:<z@d>", "C: DATA", "S: 250 ok\n250 ok\n250 ok\n354 go", "C: y", "C: .", "S: 250 ok",
			},
			mails: []*outcomes{mail("x", "x@d"), mail("y\r\n", "z@d")},
			want:  []string{"failed", "delivered"},
		},
		{
			why: "PIPELINING: a refused MAIL, whose RCPT and DATA are refused for it", offers: pipeline,
			play: script{
				"C: MAIL FROM:<a@example.org>", "C: RCPT TO:<x@d>", "C: DATA", "S: 452 4.3.1 disk full\n503 need MAIL\n503 need RCPT",
			},
			mails: []*outcomes{mail("x", "x@d")},
			want:  []string{"deferred"}, said: "452 4.3.1 disk full",
		},
		{
			why: "CHUNKING alone: BDAT waits for RCPT", offers: chunking,
			play: script{
				"C: MAIL FROM:<a@example.org>", "S: 250 ok", "C: RCPT TO:<x@d>", "S: 250 ok", "C: BDAT 8 LAST", "C# 8 .a\n.b\n", "S: 250 ok",
				"C: MAIL FROM:<a@example.org>", "S: 250 ok", "C: RCPT TO:<x@d>", "S: 550 5.1.1 who",
				"C: RSET", "S: 250 ok", "C: MAIL FROM:<a@example.org>", "S: 250 ok", "C: RCPT TO:<x@d>", "S: 250 ok", "C: BDAT 0 LAST", "S: 552 5.3.4 too big",
			},
			mails: []*outcomes{mail(".a\n.b", "x@d"), mail("y", "x@d"), mail("", "x@d")},
			want:  []string{"delivered", "failed", "failed"},
		},
		{
			why: "PIPELINING and CHUNKING: a small message is one flight, and so is the next", offers: full,
			play: script{
				"C: MAIL FROM:<a@example.org>", "C: RCPT TO:<x@d>", "C: RCPT TO:<y@d>", "C: BDAT 3 LAST", "C# 3 x\n", "S: 250 ok\n250 ok\n451 4.2.1 busy\n250 2.0.0 taken",
				"C: RSET", "C: MAIL FROM:<a@example.org>", "C: RCPT TO:<z@d>", "C: BDAT 3 LAST", "C# 3 y\n", "S: 250 ok\n250 ok\n250 ok\n250 ok",
			},
			mails: []*outcomes{mail("x\n", "x@d", "y@d"), mail("y\n", "z@d")},
			want:  []string{"delivered deferred", "delivered"},
		},
		{
			why: "one flight with a refused MAIL, then with all RCPT refused: the session goes on", offers: full,
			play: script{
				"C: MAIL FROM:<a@example.org>", "C: RCPT TO:<x@d>", "C: BDAT 3 LAST", "C# 3", "S: 550 5.7.1 no\n503 no\n503 no",
				"C: RSET", "C: MAIL FROM:<a@example.org>", "C: RCPT TO:<x@d>", "C: BDAT 3 LAST", "C# 3", "S: 250 ok\n250 ok\n550 5.1.1 who\n554 nobody",
				"C: RSET", "C: MAIL FROM:<a@example.org>", "C: RCPT TO:<x@d>", "C: BDAT 3 LAST", "C# 3", "S: 250 ok\n250 ok\n250 ok\n250 ok",
			},
			mails: []*outcomes{mail("x\n", "x@d"), mail("x\n", "x@d"), mail("x\n", "x@d")},
			want:  []string{"failed", "failed", "delivered"},
		},
		{
			why: "too many recipients: the surplus goes in another transaction", offers: full,
			play: script{
				"C: MAIL FROM:<a@example.org>", "C: RCPT TO:<x@d>", "C: RCPT TO:<y@d>", "C: RCPT TO:<z@d>", "C: BDAT 3 LAST", "C# 3 x\n",
				"S: 250 ok\n250 ok\n452 4.5.3 too many\n552 too many\n250 ok",
				"C: RSET", "C: MAIL FROM:<a@example.org>", "C: RCPT TO:<y@d>", "C: RCPT TO:<z@d>", "C: BDAT 3 LAST", "C# 3 x\n",
				"S: 250 ok\n250 ok\n250 ok\n550 5.1.1 who\n250 ok",
			},
			mails: []*outcomes{mail("x\n", "x@d", "y@d", "z@d")},
			want:  []string{"delivered delivered failed"},
		},
		{
			why: "too many recipients for a message that is refused: they are deferred, 552 too", offers: pipeline,
			play: script{
				"C: MAIL FROM:<a@example.org>", "C: RCPT TO:<x@d>", "C: RCPT TO:<y@d>", "C: DATA", "S: 250 ok\n250 ok\n552 too many\n354 go", "C: x", "C: .", "S: 554 5.7.1 spam",
			},
			mails: []*outcomes{mail("x\n", "x@d", "y@d")},
			want:  []string{"failed deferred"},
		},
		{
			why: "a full mailbox is that recipient's, not a limit; so is 552 for the first", offers: bare,
			play: script{
				"C: MAIL FROM:<a@example.org>", "S: 250 ok", "C: RCPT TO:<x@d>", "S: 552 quota", "C: RCPT TO:<y@d>", "S: 250 ok", "C: RCPT TO:<z@d>", "S: 552 5.2.2 mailbox full",
				"C: DATA", "S: 354 go", "C: x", "C: .", "S: 250 ok",
			},
			mails: []*outcomes{mail("x\n", "x@d", "y@d", "z@d")},
			want:  []string{"failed delivered failed"},
		},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			s := opened(t, test.offers, nil, append(test.play, "C: QUIT", "S: 221 bye")...)
			for i, m := range test.mails {
				if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil {
					t.Fatal(fault.Sentence())
				}
				if m.states() != test.want[i] {
					t.Errorf("mail %d: %s, want %s", i, m.states(), test.want[i])
				}
			}
			if said := test.mails[0].got[0].Reply().String(); !strings.Contains(said, test.said) {
				t.Errorf("the first outcome says %q, want %q", said, test.said)
			}
			s.Close(t.Context())
		})
	}
}

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
		{"closed before 354", pipeline, script{"C: MAIL *", "C: RCPT *", "C: RCPT *", "C: DATA", "S: 250 ok\n250 ok\n250 ok", "CLOSE"}, 0, "pending pending", "closed the connection", queue.StepSession},
		{"closed after the final dot: no answer is not a no", pipeline, script{"C: MAIL *", "C: RCPT *", "C: RCPT *", "C: DATA", "S: 250 ok\n250 ok\n550 no\n354 go", "C: x", "C: .", "CLOSE"}, 1, "uncertain failed", "closed the connection", queue.StepSession},
		{"closed after one flight whose RCPT were not answered", full, script{"C: MAIL *", "C: RCPT *", "C: RCPT *", "C: BDAT 3 LAST", "C# 3", "S: 250 ok\n250 ok", "CLOSE"}, 1, "uncertain uncertain", "closed the connection", queue.StepSession},
		{"421 to the final dot: certainly not taken, and the route's", pipeline, script{"C: MAIL *", "C: RCPT *", "C: RCPT *", "C: DATA", "S: 250 ok\n250 ok\n250 ok\n354 go", "C: x", "C: .", "S: 421 4.3.0 bye"}, 1, "pending pending", "421 4.3.0 bye", queue.StepSession},
		{"a 3yz that answers nothing", bare, script{"C: MAIL *", "S: 354 go"}, 0, "pending pending", "which cannot be", queue.StepSession},
		{"DATA answered by 250", bare, script{"C: MAIL *", "S: 250 ok", "C: RCPT *", "S: 250 ok", "C: RCPT *", "S: 250 ok", "C: DATA", "S: 250 ok"}, 0, "pending pending", "which cannot be", queue.StepSession},
		{"something that is not SMTP", bare, script{"C: MAIL *", "S: hello?"}, 0, "pending pending", "not SMTP", queue.StepSession},
		{"530 is a log-in that lacks, no fault of the message's", bare, script{"C: MAIL *", "S: 530 5.7.0 authenticate first"}, 0, "pending pending", "wants a log-in", queue.StepAuth},
		{"530 to RCPT likewise", pipeline, script{"C: MAIL *", "C: RCPT *", "C: RCPT *", "C: DATA", "S: 250 ok\n530 5.7.0 no\n530 5.7.0 no\n503 no"}, 0, "pending pending", "wants a log-in", queue.StepAuth},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			s := opened(t, test.offers, nil, test.play...)
			m := mail("x\n", "x@d", "y@d")
			fault := s.Deliver(t.Context(), &m.Delivery)
			if fault == nil || fault.Step != test.step || !strings.Contains(fault.Sentence(), test.says) {
				t.Fatalf("fault %+v, want %q", fault, test.says)
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
		if fault == nil || !strings.Contains(fault.Sentence(), "stopped before it was done") || time.Since(start) != 7*time.Second {
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

// A message over oneFlight waits for RCPT, then chunks go out ahead of their
// replies, and the first refusal ends them.
func TestLargeMessageGoesInChunks(t *testing.T) {
	text := strings.Repeat("0123456\n", 13000) // 117,000 octets on the wire, more than one flight
	start := []string{"C: MAIL FROM:<a@example.org>", "C: RCPT TO:<x@d>", "S: 250 ok\n250 ok"}
	tests := []struct {
		why   string
		play  []string
		want  string
		final int
	}{
		{
			"three chunks, answered at the end",
			[]string{"C: BDAT 36864", "C# 36864", "C: BDAT 36864", "C# 36864", "C: BDAT 43272 LAST", "C# 43272", "S: 250 ok\n250 ok\n250 taken"},
			"delivered", 1,
		},
		{
			"the first refused, the others sent by then: the refusal counts",
			[]string{"C: BDAT 36864", "C# 36864", "C: BDAT 36864", "C# 36864", "C: BDAT 43272 LAST", "C# 43272", "S: 552 5.2.2 full\n503 no\n503 no"},
			"failed", 1,
		},
		{
			"a server that refuses a part and accepts the whole is not believed",
			[]string{"C: BDAT 36864", "C# 36864", "C: BDAT 36864", "C# 36864", "C: BDAT 43272 LAST", "C# 43272", "S: 250 ok\n451 4.3.0 no\n250 taken"},
			"uncertain", 1,
		},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			s := opened(t, full, nil, append(append(start, test.play...), "C: QUIT", "CLOSE")...)
			s.portionSize = 64 << 10
			m := mail(text, "x@d")
			if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != test.want || m.committed != test.final {
				t.Errorf("fault %v, %s, committed %d", fault, m.states(), m.committed)
			}
			if m.progress != 117000 {
				t.Errorf("progress ended at %d", m.progress)
			}
			s.Close(t.Context())
		})
	}
	t.Run("refused while more are to come: they are not sent, and nothing was committed", func(t *testing.T) {
		s := opened(t, chunking, nil, "C: MAIL *", "S: 250 ok", "C: RCPT *", "S: 250 ok", "C: BDAT 36864", "C# 36864", "S: 451 4.3.1 full",
			"C: RSET", "S: 250 ok", "C: MAIL *", "S: 250 ok", "C: RCPT *", "S: 250 ok", "C: BDAT 3 LAST", "C# 3", "S: 250 ok", "C: QUIT", "CLOSE")
		s.portionSize = 64 << 10
		m := mail(text, "x@d")
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
	m := mail("x\n", "x@d")
	m.Open = func() (io.ReadCloser, error) { return nil, errors.New("input/output error") }
	if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil {
		t.Error(fault.Sentence())
	}
	if m.states() != "deferred" || !strings.Contains(m.got[0].Reply().Text, "cannot be read on this machine: input/output error") {
		t.Errorf("%s: %v", m.states(), m.got[0].Reply())
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
	t.Run("BDAT: RSET ends it, and the session goes on", func(t *testing.T) {
		s := opened(t, full, nil, "C: MAIL *", "C: RCPT *", "S: 250 ok\n250 ok",
			"C: RSET", "C: MAIL *", "C: RCPT *", "C: BDAT 3 LAST", "C# 3", "S: 250 ok\n250 ok\n250 ok\n250 ok", "C: QUIT", "CLOSE")
		m := mail("x\n", "x@d")
		m.Open = failing("x\n")
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

func TestParametersAreObeyedOnlyWhereOffered(t *testing.T) {
	const long = "PIPELINING,CHUNKING,8BITMIME,SMTPUTF8,DSN,SIZE 1000000"
	eight, binary, lines := queue.Content{EightBit: true}, queue.Content{Binary: true}, queue.Content{LongLine: true}
	dsn := func(e *queue.Envelope) {
		e.Ret, e.EnvID = "HDRS", "id+2B1"
		e.To[0].Notify, e.To[0].ORcpt = "FAILURE,DELAY", "rfc822;x@d"
	}
	tests := []struct {
		why     string
		offers  string
		content queue.Content
		change  func(*queue.Envelope)
		mail    string
		rcpt    string
	}{
		{"ASCII says nothing about itself", long, queue.Content{}, nil, "<a@example.org> SIZE=3", "<x@d>"},
		{"8 bits", long, eight, nil, "<a@example.org> SIZE=3 BODY=8BITMIME", "<x@d>"},
		{"8 bits and a binary server", long + ",BINARYMIME", eight, nil, "<a@example.org> SIZE=3 BODY=8BITMIME", "<x@d>"},
		{"8 bits, no 8BITMIME, a binary server", "PIPELINING,CHUNKING,BINARYMIME", eight, nil, "<a@example.org> BODY=BINARYMIME", "<x@d>"},
		{"NUL", long + ",BINARYMIME", binary, nil, "<a@example.org> SIZE=3 BODY=BINARYMIME", "<x@d>"},
		{"long lines", long + ",BINARYMIME", lines, nil, "<a@example.org> SIZE=3 BODY=BINARYMIME", "<x@d>"},
		{"the null reverse-path", long, queue.Content{}, func(e *queue.Envelope) { e.From = "" }, "<> SIZE=3", "<x@d>"},
		{"DSN", long, queue.Content{}, dsn, "<a@example.org> SIZE=3 RET=HDRS ENVID=id+2B1", "<x@d> NOTIFY=FAILURE,DELAY ORCPT=rfc822;x@d"},
		{"DSN not offered", full, queue.Content{}, dsn, "<a@example.org>", "<x@d>"},
		{"SMTPUTF8 declared", long, queue.Content{}, func(e *queue.Envelope) { e.UTF8 = true }, "<a@example.org> SIZE=3 SMTPUTF8", "<x@d>"},
		{"SMTPUTF8 by an address", long, queue.Content{}, func(e *queue.Envelope) { e.To[0].Address = "ü@d" }, "<a@example.org> SIZE=3 SMTPUTF8", "<ü@d>"},
		{"a quoted local part may hold nearly all", long, queue.Content{}, func(e *queue.Envelope) { e.From = `"a> \"b"@d` }, `<"a> \"b"@d> SIZE=3`, "<x@d>"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			s := opened(t, test.offers, nil, "C: MAIL FROM:"+test.mail, "C: RCPT TO:"+test.rcpt, "C: BDAT 3 LAST", "C# 3", "S: 250 ok\n250 ok\n250 ok", "C: QUIT", "CLOSE")
			m := mail("x\n", "x@d")
			m.Content = test.content
			if test.change != nil {
				test.change(m.Envelope)
			}
			if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != "delivered" {
				t.Errorf("fault %v, %s", fault, m.states())
			}
			s.Close(t.Context())
		})
	}
}

func TestRefusedHereWithoutAWordToTheServer(t *testing.T) {
	tests := []struct {
		why    string
		offers string
		change func(*outcomes)
		want   string
		code   string
		says   string
	}{
		{"too large", full + ",SIZE 1000", func(o *outcomes) { o.Size = 1001 }, "failed failed", "5.3.4", "takes no more than 1000"},
		{"SMTPUTF8 lacks for the message", full, func(o *outcomes) { o.Envelope.UTF8 = true }, "failed failed", "5.6.7", "SMTPUTF8"},
		{"SMTPUTF8 lacks for the sender", full, func(o *outcomes) { o.Envelope.From = "ü@d" }, "failed failed", "5.6.7", "ü@d"},
		{"a line end in the sender", full, func(o *outcomes) { o.Envelope.From = "a@d\r\nRSET" }, "failed failed", "5.1.7", "sender address"},
		{"a line end in ENVID", full, func(o *outcomes) { o.Envelope.EnvID = "a\nRSET" }, "failed failed", "5.5.4", "ENVID"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			s := opened(t, test.offers, nil, "C: QUIT", "CLOSE")
			m := mail("x\n", "x@d", "y@d")
			test.change(m)
			if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil {
				t.Error(fault.Sentence())
			}
			if m.states() != test.want || m.got[0].Reply().Enhanced != test.code || !strings.Contains(m.got[0].Reply().Text, test.says) {
				t.Errorf("%s: %v", m.states(), m.got[0].Reply())
			}
			s.Close(t.Context())
		})
	}
}

func TestOneUnfitRecipientDoesNotHoldUpTheOthers(t *testing.T) {
	s := opened(t, full, nil, "C: MAIL FROM:<a@example.org>", "C: RCPT TO:<y@d>", "C: BDAT 3 LAST", "C# 3", "S: 250 ok\n250 ok\n250 ok", "C: QUIT", "CLOSE")
	m := mail("x\n", "ü@d", "y@d", "x@d>\r\nRCPT TO:<z@d", "a b@d")
	if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != "failed delivered failed failed" {
		t.Errorf("fault %v, %s", fault, m.states())
	}
	s.Close(t.Context())
}

func TestRecodedMessageGoesOutInItsNewForm(t *testing.T) {
	var needed recode.Need
	with := func(result string, err error) func(*Target) {
		return func(target *Target) {
			target.Recode = func(w io.Writer, r io.Reader, need recode.Need) error {
				needed = need
				if _, readErr := io.Copy(io.Discard, r); readErr != nil || err != nil {
					return errors.Join(readErr, err)
				}
				_, err := io.WriteString(w, result)
				return err
			}
		}
	}
	all := queue.Content{EightBit: true, Binary: true, LongLine: true}
	tests := []struct {
		why     string
		offers  string
		content queue.Content
		need    recode.Need
		mail    string
	}{
		{"8 bits without 8BITMIME", "PIPELINING,SIZE", queue.Content{EightBit: true}, recode.Need{SevenBit: true}, "SIZE=5"},
		{"long lines", "PIPELINING,SIZE,8BITMIME", queue.Content{LongLine: true, EightBit: true}, recode.Need{ShortLines: true}, "SIZE=5 BODY=8BITMIME"},
		{"BINARYMIME is nothing without CHUNKING", "PIPELINING,SIZE,8BITMIME,BINARYMIME", queue.Content{Binary: true}, recode.Need{ShortLines: true}, "SIZE=5"},
		{"all at once", "PIPELINING,SIZE", all, recode.Need{SevenBit: true, ShortLines: true}, "SIZE=5"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			s := opened(t, test.offers, with("new", nil), "C: MAIL FROM:<a@example.org> "+test.mail, "C: RCPT *", "C: DATA", "S: 250 ok\n250 ok\n354 ok", "C: new", "C: .", "S: 250 ok", "C: QUIT", "CLOSE")
			m := mail("old\n", "x@d")
			m.Content = test.content
			if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != "delivered" || needed != test.need {
				t.Errorf("fault %v, %s, need %+v", fault, m.states(), needed)
			}
			s.Close(t.Context())
		})
	}
	t.Run("impossible", func(t *testing.T) {
		s := opened(t, pipeline, with("", &recode.Impossible{What: "the signed part has long lines"}), "C: QUIT", "CLOSE")
		m := mail("old\n", "x@d")
		m.Content = all
		if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != "failed" || m.got[0].Reply().Enhanced != "5.6.3" {
			t.Errorf("fault %v, %s %v", fault, m.states(), m.got[0].Reply())
		}
		s.Close(t.Context())
	})
	t.Run("a new form that is too large", func(t *testing.T) {
		s := opened(t, pipeline+",SIZE 10", with(strings.Repeat("x", 11), nil), "C: QUIT", "CLOSE")
		m := mail("old\n", "x@d")
		m.Content = all
		if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != "failed" || m.got[0].Reply().Enhanced != "5.3.4" {
			t.Errorf("fault %v, %s %v", fault, m.states(), m.got[0].Reply())
		}
		s.Close(t.Context())
	})
}
