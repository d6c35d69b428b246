package relay

import (
	"strings"
	"testing"

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
//
// Coverage: B112.
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

// A message over oneFlight waits for RCPT, then chunks go out ahead of their
// replies, and the first refusal ends them.
func TestLargeMessageGoesInChunks(t *testing.T) {
	text := strings.Repeat("0123456\n", 13000) // 117,000 octets on the wire, more than one flight
	start := []string{"C: MAIL FROM:<a@example.org>", "C: RCPT TO:<x@d>", "QUIET", "S: 250 ok\n250 ok"}
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

// A server that knows DSN reports on success itself; for any other it is ours.
func TestWhoReportsOnSuccessDependsOnDSN(t *testing.T) {
	for _, offers := range []string{bare, "8BITMIME,DSN"} {
		s := opened(t, offers, nil, "C: MAIL FROM:<a@example.org>", "S: 250 ok", "C: RCPT TO:<x@d>", "S: 250 ok", "C: DATA", "S: 354 go",
			"C: x", "C: .", "S: 250 2.0.0 taken")
		got := mail("x\n", "x@d")
		if fault := s.Deliver(t.Context(), &got.Delivery); fault != nil {
			t.Fatal(fault.Sentence())
		}
		want := queue.OutcomeOf("smtp.example.org", queue.Reply{Code: 250, Enhanced: "2.0.0", Text: "taken"})
		if offers == bare {
			want = want.WithoutDSN()
		}
		if got.got[0] != want {
			t.Errorf("%s: %+v", offers, got.got[0])
		}
	}
}
