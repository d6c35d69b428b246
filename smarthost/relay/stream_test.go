package relay

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"mailcrane/internal/recode"
	"mailcrane/queue"
)

// deliverSide hands mails over side by side, each as soon as the session asks
// for it, and returns their faults.
func deliverSide(t *testing.T, s *Session, mails ...*outcomes) []*queue.RouteFault {
	t.Helper()
	faults := make([]*queue.RouteFault, len(mails))
	var all sync.WaitGroup
	for i, m := range mails {
		next := make(chan struct{})
		ask := sync.OnceFunc(func() { close(next) })
		m.Next = ask
		all.Go(func() {
			faults[i] = s.Deliver(t.Context(), &m.Delivery)
			ask()
		})
		<-next
	}
	all.Wait()
	return faults
}

// flight is what a client sends of one small message.
func flight(first bool, to string) []string {
	lines := []string{"C: MAIL FROM:<a@example.org>", "C: RCPT TO:<" + to + ">", "C: BDAT 3 LAST", "C# 3 x\n"}
	if first {
		return lines
	}
	return append([]string{"C: RSET"}, lines...)
}

// Coverage: stream.
func TestMessagesAreStreamedWithoutAwaitingReplies(t *testing.T) {
	var play []string
	var mails []*outcomes
	for i := range 5 {
		play = append(play, flight(i == 0, fmt.Sprintf("r%d@d", i))...)
		mails = append(mails, mail("x\n", fmt.Sprintf("r%d@d", i)))
	}
	play = append(play,
		"S: 250 ok\n250 ok\n250 taken 0",
		"S: 250 ok\n250 ok\n550 5.1.1 who\n554 no valid recipients",
		"S: 250 ok\n451 4.3.0 later\n503 no\n503 no",
		"S: 250 ok\n250 ok\n250 ok\n554 5.7.1 spam",
		"S: 250 ok\n250 ok\n250 ok\n250 taken 4", "C: QUIT", "CLOSE")
	s := opened(t, full, nil, play...)
	for i, fault := range deliverSide(t, s, mails...) {
		want := []string{"delivered", "failed", "deferred", "failed", "delivered"}[i]
		if fault != nil || mails[i].states() != want || mails[i].committed != 1 {
			t.Errorf("message %d: %v, %s, committed %d; want %s", i, fault, mails[i].states(), mails[i].committed, want)
		}
	}
	if text := mails[4].got[0].Reply().Text; text != "taken 4" {
		t.Errorf("the last got another's reply: %s", text)
	}
	if trips := s.Cost().RoundTrips; trips > 5 {
		t.Errorf("%d round trips", trips)
	}
	s.Close(t.Context())
}

func TestWithoutChunkingABodySharesItsFlightWithTheNextEnvelope(t *testing.T) {
	s := opened(t, pipeline, nil,
		"C: MAIL *", "C: RCPT *", "C: DATA", "S: 250 ok\n250 ok\n354 go",
		"C: x", "C: .", "C: RSET", "C: MAIL *", "C: RCPT *", "C: DATA", "S: 250 taken\n250 ok\n250 ok\n250 ok\n354 go",
		"C: x", "C: .", "S: 250 taken", "C: QUIT", "CLOSE")
	mails := []*outcomes{mail("x\n", "x@d"), mail("x\n", "y@d")}
	for i, fault := range deliverSide(t, s, mails...) {
		if fault != nil || mails[i].states() != "delivered" {
			t.Errorf("message %d: %v, %s", i, fault, mails[i].states())
		}
	}
	s.Close(t.Context())
}

func TestWithoutPipeliningNoOtherMessageIsAskedFor(t *testing.T) {
	for _, offers := range []string{bare, chunking} {
		last := []string{"C: DATA", "S: 354 go", "C: x", "C: ."}
		if offers == chunking {
			last = []string{"C: BDAT 3 LAST", "C# 3"}
		}
		s := opened(t, offers, nil, append(append([]string{"C: MAIL *", "S: 250 ok", "C: RCPT *", "S: 250 ok"}, last...), "QUIET", "S: 250 taken", "C: QUIT", "CLOSE")...)
		m := mail("x\n", "x@d")
		m.Next = func() { t.Error("another was asked for") }
		if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != "delivered" {
			t.Errorf("%v, %s", fault, m.states())
		}
		s.Close(t.Context())
	}
}

// What was answered counts; of the rest a message is uncertain if its last
// octet may have arrived.
func TestABrokenStreamLeavesTheUnansweredUncertain(t *testing.T) {
	for _, test := range []struct {
		why, end string
		want     string
	}{
		{"the connection closes", "CLOSE", "delivered uncertain uncertain"},
		{"421: nothing more was taken", "S: 421 4.3.2 bye", "delivered pending pending"},
	} {
		t.Run(test.why, func(t *testing.T) {
			play := append(append(flight(true, "x@d"), flight(false, "y@d")...), flight(false, "z@d")...)
			s := opened(t, full, nil, append(play, "S: 250 ok\n250 ok\n250 taken", test.end)...)
			mails := []*outcomes{mail("x\n", "x@d"), mail("x\n", "y@d"), mail("x\n", "z@d")}
			var states []string
			for i, fault := range deliverSide(t, s, mails...) {
				states = append(states, mails[i].states())
				if i == 0 && fault != nil || i > 0 && (fault == nil || fault.Untaken != strings.HasPrefix(test.end, "S:")) {
					t.Errorf("message %d: %+v", i, fault)
				}
			}
			if got := strings.Join(states, " "); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
			s.Close(t.Context())
		})
	}
}

// On a slow link a record of TLS is small, so that the first message need not
// wait for the last to be read.
func TestOnASlowLinkLittleIsGathered(t *testing.T) {
	for _, test := range []struct {
		why  string
		link Link
		most int
	}{
		{"nothing is known of the link", Link{}, writeBuffer},
		{"it was fast", Link{Rate: 1 << 20, At: time.Now()}, writeBuffer},
		{"it was slow", Link{Rate: 1200, At: time.Now()}, slowBuffer},
	} {
		s := opened(t, full, remembering(memoryOf(Known{Link: test.link})), "C: MAIL *", "C: RCPT *", "C: BDAT 20000 LAST", "C# 20000", "S: 250 ok\n250 ok\n250 ok", "C: QUIT", "CLOSE")
		m := mail(strings.Repeat("0123456789abcdefgh\n", 1000), "x@d")
		if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != "delivered" {
			t.Errorf("%s: %v, %s", test.why, fault, m.states())
		}
		flights := s.dialogue.out.flights()
		s.Close(t.Context())
		if many := flights > 3; many != (test.most == slowBuffer) {
			t.Errorf("%s: sent in %d pieces", test.why, flights)
		}
	}
}

// A large message that must be re-encoded first lets those behind it pass.
func TestALargeMessageThatIsMadeReadyHoldsUpNobody(t *testing.T) {
	ready, big := make(chan struct{}), mail(strings.Repeat("ü\n", 40_000), "big@d")
	big.Content.EightBit = true
	offers := strings.ReplaceAll(full, "8BITMIME", "X-NONE")
	s := opened(t, offers, func(target *Target) {
		target.Recode = func(w io.Writer, _ io.Reader, _ recode.Need) error {
			<-ready
			_, err := io.WriteString(w, "x\n")
			return err
		}
	}, append(flight(true, "small@d"), "S: 250 ok\n250 ok\n250 taken", "C: RSET", "C: MAIL *", "C: RCPT TO:<big@d>", "C: BDAT 3 LAST", "C# 3", "S: 250 ok\n250 ok\n250 ok\n250 taken", "C: QUIT", "CLOSE")...)
	asked := make(chan struct{})
	big.Next = func() { close(asked) }
	var fault *queue.RouteFault
	var done sync.WaitGroup
	done.Go(func() { fault = s.Deliver(t.Context(), &big.Delivery) })
	<-asked
	small := mail("x\n", "small@d")
	if fault := s.Deliver(t.Context(), &small.Delivery); fault != nil || small.states() != "delivered" {
		t.Errorf("%v, %s", fault, small.states())
	}
	close(ready)
	done.Wait()
	if fault != nil || big.states() != "delivered" {
		t.Errorf("%v, %s", fault, big.states())
	}
	s.Close(t.Context())
}
