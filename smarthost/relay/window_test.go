package relay

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"mailcrane/queue"
)

// However many there are, they go out in one flight: replies are read while
// commands are written, so that neither side waits for the other to read
// (RFC 2920 section 3.1).
func TestManyRecipientsGoInOneFlight(t *testing.T) {
	const recipients = 250
	var play script
	var addresses, want []string
	play = append(play, "C: MAIL FROM:<a@example.org>")
	answers := []string{"250 ok"}
	for i := range recipients {
		addresses = append(addresses, fmt.Sprintf("r%d@d", i))
		play = append(play, fmt.Sprintf("C: RCPT TO:<r%d@d>", i))
		answer, state := "250 ok", "delivered"
		if i%7 == 3 {
			answer, state = fmt.Sprintf("550 5.1.1 not %d", i), "failed"
		}
		answers, want = append(answers, answer), append(want, state)
	}
	play = append(play, "C: BDAT 3 LAST", "C# 3 x\n", "S: "+strings.Join(append(answers, "250 taken"), "\n"), "C: QUIT", "CLOSE")
	s := opened(t, full, nil, play...)
	m := mail("x\n", addresses...)
	if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil {
		t.Fatal(fault.Sentence())
	}
	if m.states() != strings.Join(want, " ") {
		t.Error(m.states())
	}
	if text := m.got[3].Reply().Text; text != "not 3" {
		t.Errorf("recipient 3 got another's reply: %q", text)
	}
	s.Close(t.Context())
}

func TestTLSSessionsAreResumedAndPinsStillChecked(t *testing.T) {
	target, _ := goSMTP(t, Implicit)
	target.TLS.Sessions = tls.NewLRUClientSessionCache(4)
	for _, resumed := range []bool{false, true} {
		s, fault := Open(t.Context(), target)
		if fault != nil {
			t.Fatal(fault.Sentence())
		}
		if s.TLS().DidResume != resumed {
			t.Errorf("resumed: %v, want %v", s.TLS().DidResume, resumed)
		}
		s.Close(t.Context())
	}
	target.TLS.Pins = []Pin{{1, 2, 3}}
	_, fault := Open(t.Context(), target)
	refusal{queue.StepTLS, "not the one pinned", "tls.pin", false}.check(t, fault)
}

func TestLongLinesReachAServerWithoutBINARYMIME(t *testing.T) {
	target, box := goSMTP(t, Implicit)
	s, fault := Open(t.Context(), target)
	if fault != nil {
		t.Fatal(fault.Sentence())
	}
	s.caps.BinaryMIME = false
	long := strings.Repeat("0123456789", 200)
	m := mail("From: a@example.org\nSubject: long\n\n"+long+"\n", "x@example.org")
	m.Content = queue.Content{LongLine: true}
	if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != "delivered" {
		t.Fatalf("%v, %s %v", fault, m.states(), m.got[0].Reply())
	}
	s.Close(t.Context())
	if len(box.mails) != 1 || strings.Contains(box.mails[0], long) || !strings.Contains(box.mails[0], "Content-Transfer-Encoding:") {
		t.Errorf("%d arrived: %.300q", len(box.mails), box.mails)
	}
}

func TestTraceShowsTheDialogueAndNotTheMessage(t *testing.T) {
	var lines []string
	s := opened(t, full, func(target *Target) { target.Trace = func(line string) { lines = append(lines, line) } },
		"C: MAIL *", "C: RCPT *", "C: BDAT 9 LAST", "C# 9", "S: 250 ok\n250 ok\n250-2.0.0 taken\n250 2.0.0 as 1", "C: QUIT", "S: 221 bye")
	m := mail("private\n", "x@d")
	if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil {
		t.Fatal(fault.Sentence())
	}
	s.Close(t.Context())
	got := strings.Join(lines[len(lines)-9:], "\n")
	want := strings.Join([]string{
		">>> MAIL FROM:<a@example.org>", ">>> RCPT TO:<x@d>", ">>> BDAT 9 LAST [and as many octets]",
		"<<< 250 ok", "<<< 250 ok", "<<< 250-2.0.0 taken", "<<< 250 2.0.0 as 1", ">>> QUIT", "<<< 221 bye",
	}, "\n")
	if got != want {
		t.Errorf("trace:\n%s\nwant:\n%s", got, want)
	}
}

// What is refused whole makes the window smaller, down to one message whose
// recipients are known before it is sent; what is taken makes it larger again.
func TestAServerThatRefusesMuchIsAskedFirst(t *testing.T) {
	w := newWindow()
	w.widen(0)
	if w.isShy() {
		t.Error("shy from the start")
	}
	for range 4 {
		s := w.enter(1, nil, false)
		s.refused()
		s.leave()
	}
	if w.most != 1 || !w.isShy() {
		t.Errorf("after four refusals %d may be under way, shy %v", w.most, w.isShy())
	}
	first := w.enter(1, func() { t.Error("another was asked for") }, false)
	first.answered()
	first.leave()
	if w.most != 2 || w.isShy() {
		t.Errorf("after an acceptance %d may be under way, shy %v", w.most, w.isShy())
	}
	asked := false
	w.enter(1, func() { asked = true }, false)
	if !asked {
		t.Error("no other was asked for")
	}
}

// Small ones pass a large one while it is re-encoded; once it has its place on the
// wire, none is begun that would wait behind it (law 3).
func TestALargeOneThatWasReencodedHasNoneBegunBehindIt(t *testing.T) {
	for _, end := range []func(*share){(*share).sent, (*share).leave} {
		w := newWindow()
		w.widen(0)
		asked := 0
		count := func() { asked++ }
		large := w.enter(oneFlight+1, count, false)
		w.enter(1, count, false)
		if asked != 2 {
			t.Errorf("while it is re-encoded, others are asked for %d times", asked)
		}
		large.queues()
		w.enter(1, count, false)
		if asked != 2 {
			t.Error("another was asked for behind it")
		}
		end(large)
		if asked != 3 {
			t.Error("no other was asked for when it was sent, or given up")
		}
	}
}

func TestAServerThatRefusesMuchGetsNoMessageBeforeItTakesARecipient(t *testing.T) {
	var play []string
	for i := range 4 {
		play = append(play, flight(i == 0, "x@d")...)
		answers := "550 not you\n503 no\n503 no"
		if i > 0 {
			answers = "250 ok\n" + answers
		}
		play = append(play, "S: "+answers)
	}
	play = append(play, "C: RSET", "C: MAIL *", "C: RCPT *", "QUIET", "S: 250 ok\n550 not you\n503 no",
		"C: RSET", "C: MAIL *", "C: RCPT *", "QUIET", "S: 250 ok\n250 ok\n250 ok", "C: BDAT 3 LAST", "C# 3", "S: 250 taken", "C: QUIT", "CLOSE")
	s := opened(t, full, nil, play...)
	for i := range 6 {
		m := mail("x\n", "x@d")
		want := "failed"
		if i == 5 {
			want = "delivered"
		}
		if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != want {
			t.Fatalf("message %d: %v, %s", i, fault, m.states())
		}
	}
	s.Close(t.Context())
}
