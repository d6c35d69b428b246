package relay

import (
	"context"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailcrane/queue"
)

// remembering has the session use that memory.
func remembering(m *Memory) func(*Target) { return func(t *Target) { t.Memory = m } }

// A server that offers what it does not stand gets its mail all the same, in
// the next simpler manner, and is spared from then on.
//
// Coverage: stream.
func TestAServerThatDoesNotStandWhatItOffersIsSpokenToStepByStep(t *testing.T) {
	tests := []struct {
		why  string
		play []string
		want string
		next []string // what the next session says of its first message
		knew Breaks
	}{
		{
			why: "it loses the thread in a group",
			play: []string{
				"C: MAIL *", "C: RCPT *", "C: BDAT 3 LAST", "C# 3", "S: 250 ok\n503 MAIL first\n503 MAIL first",
				"C: RSET", "S: 250 ok", "C: MAIL *", "QUIET", "S: 250 ok", "C: RCPT *", "S: 250 ok", "C: BDAT 3 LAST", "C# 3", "S: 250 taken",
			},
			want: "delivered", knew: Breaks{Pipelining: true},
			next: []string{"C: MAIL *", "QUIET", "S: 250 ok", "C: RCPT *", "S: 250 ok", "C: BDAT 3 LAST", "C# 3", "S: 250 taken"},
		},
		{
			why: "it does not know MAIL behind RSET in a group",
			play: []string{
				"C: MAIL *", "C: RCPT *", "C: BDAT 3 LAST", "C# 3", "S: 503 one at a time\n503 no\n503 no",
				"C: RSET", "S: 250 ok", "C: MAIL *", "QUIET", "S: 250 ok", "C: RCPT *", "S: 250 ok", "C: BDAT 3 LAST", "C# 3", "S: 250 taken",
			},
			want: "delivered", knew: Breaks{Pipelining: true},
			next: []string{"C: MAIL *", "QUIET", "S: 250 ok", "C: RCPT *", "S: 250 ok", "C: BDAT 3 LAST", "C# 3", "S: 250 taken"},
		},
		{
			why: "it does not know BDAT",
			play: []string{
				"C: MAIL *", "C: RCPT *", "C: BDAT 3 LAST", "C# 3", "S: 250 ok\n250 ok\n500 what",
				"C: RSET", "C: MAIL *", "C: RCPT *", "C: DATA", "S: 250 ok\n250 ok\n250 ok\n354 go", "C: x", "C: .", "S: 250 taken",
			},
			want: "delivered", knew: Breaks{Chunking: true},
			next: []string{"C: MAIL *", "C: RCPT *", "C: DATA", "S: 250 ok\n250 ok\n354 go", "C: x", "C: .", "S: 250 taken"},
		},
		{
			why: "it takes BDAT for a bad sequence, with groups and without",
			play: []string{
				"C: MAIL *", "C: RCPT *", "C: BDAT 3 LAST", "C# 3", "S: 250 ok\n250 ok\n503 no",
				"C: RSET", "S: 250 ok", "C: MAIL *", "S: 250 ok", "C: RCPT *", "S: 250 ok", "C: BDAT 3 LAST", "C# 3", "S: 503 no",
				"C: RSET", "S: 250 ok", "C: MAIL *", "S: 250 ok", "C: RCPT *", "S: 250 ok", "C: DATA", "S: 354 go", "C: x", "C: .", "S: 250 taken",
			},
			want: "delivered", knew: Breaks{Chunking: true},
			next: []string{"C: MAIL *", "C: RCPT *", "C: DATA", "S: 250 ok\n250 ok\n354 go", "C: x", "C: .", "S: 250 taken"},
		},
		{
			why: "it means it: what it says one at a time is the message's",
			play: []string{
				"C: MAIL *", "C: RCPT *", "C: BDAT 3 LAST", "C# 3", "S: 503 not you\n503 no\n503 no",
				"C: RSET", "S: 250 ok", "C: MAIL *", "S: 503 5.5.1 not you",
			},
			want: "failed",
			next: []string{"C: MAIL *", "C: RCPT *", "C: BDAT 3 LAST", "C# 3", "S: 250 ok\n250 ok\n250 ok"},
		},
		{
			why: "nobody was taken: 503 to the data says nothing new",
			play: []string{
				"C: MAIL *", "C: RCPT *", "C: BDAT 3 LAST", "C# 3", "S: 250 ok\n550 5.1.1 who\n503 no valid recipients",
			},
			want: "failed",
			next: []string{"C: MAIL *", "C: RCPT *", "C: BDAT 3 LAST", "C# 3", "S: 250 ok\n250 ok\n250 ok"},
		},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			known := memoryOf(Known{})
			s := opened(t, full, remembering(known), append(test.play, "C: QUIT", "CLOSE")...)
			m := mail("x\n", "x@d")
			if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != test.want {
				t.Errorf("%v, %s; want %s", fault, m.states(), test.want)
			}
			s.Close(t.Context())
			if got := known.Recall().Broken.Breaks; got != test.knew {
				t.Errorf("remembered: %+v, want %+v", got, test.knew)
			}
			s = opened(t, full, remembering(known), append(test.next, "C: QUIT", "CLOSE")...)
			m = mail("x\n", "x@d")
			if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != "delivered" {
				t.Errorf("the next session: %v, %s", fault, m.states())
			}
			s.Close(t.Context())
		})
	}
}

// What a server does with one message: closes on a group, takes it command by
// command, takes it in a group.
func closedOnGroup() []string {
	return []string{"C: MAIL *", "C: RCPT *", "C: BDAT 3 LAST", "C# 3", "S: 250 ok", "CLOSE"}
}

func takenAlone() []string {
	return []string{"C: MAIL *", "QUIET", "S: 250 ok", "C: RCPT *", "S: 250 ok", "C: BDAT 3 LAST", "C# 3", "S: 250 taken", "C: QUIT", "CLOSE"}
}

func takenInGroup() []string {
	return []string{"C: MAIL *", "C: RCPT *", "C: BDAT 3 LAST", "C# 3", "S: 250 ok\n250 ok\n250 ok", "C: QUIT", "CLOSE"}
}

// takesOne hands one message over, and closes the session.
func takesOne(t *testing.T, s *Session) *queue.RouteFault {
	t.Helper()
	defer s.Close(t.Context())
	return s.Deliver(t.Context(), &mail("x\n", "x@d").Delivery)
}

// One session may break by chance. After two in groups the third speaks without,
// and if the server takes a message then, it is spared.
func TestAServerThatClosesOnGroupsIsTriedWithout(t *testing.T) {
	known := memoryOf(Known{})
	for i, play := range [][]string{closedOnGroup(), closedOnGroup(), takenAlone(), takenAlone()} {
		s := opened(t, full, remembering(known), play...)
		if fault := takesOne(t, s); (fault == nil) != (i > 1) {
			t.Fatalf("session %d: %v", i, fault)
		}
	}
	if got := known.Recall().Broken.Breaks; got != (Breaks{Pipelining: true}) {
		t.Errorf("remembered: %+v", got)
	}
}

// It lost the thread, and then the connection: that is no refusal, whose bounce
// nobody could take back.
func TestWhatAServerSaysThatLostTheThreadIsNoRefusalWhenItCloses(t *testing.T) {
	for _, test := range []struct{ why, says, want string }{
		{"to MAIL, before the others are answered", "S: 503 5.5.1 one at a time", "deferred"},
		{"to MAIL, and not to RCPT", "S: 503 5.5.1 one at a time\n250 ok", "deferred"},
		{"to the data, and in the middle of the second attempt", "S: 250 ok\n250 ok\n503 5.5.1 one at a time", "pending"},
		{"to all, and in the middle of the second attempt", "S: 503 no\n503 no\n503 no", "pending"},
	} {
		s := opened(t, full, remembering(memoryOf(Known{})), "C: MAIL *", "C: RCPT *", "C: BDAT 3 LAST", "C# 3", test.says, "CLOSE")
		m := mail("x\n", "x@d")
		if fault := s.Deliver(t.Context(), &m.Delivery); fault == nil || m.states() != test.want {
			t.Errorf("%s: %v, %s", test.why, fault, m.states())
		}
		s.Close(t.Context())
	}
}

// A reset may be the link's doing; three in a row, and a message that is taken
// without groups, are not. It is tried again with them after a day.
func TestAServerThatResetsOnGroupsIsTriedWithoutForADay(t *testing.T) {
	known, now := memoryOf(Known{}), time.Now()
	for i, play := range [][]string{closedOnGroup(), closedOnGroup(), closedOnGroup(), takenAlone(), takenAlone(), takenInGroup()} {
		if i == 5 {
			now = now.Add(resetFor)
		}
		s := opened(t, full, func(target *Target) {
			target.Memory, target.Now = known, func() time.Time { return now }
			dial := target.Dial
			target.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := dial(ctx, network, address)
				return resetting{conn}, err
			}
		}, play...)
		if fault := takesOne(t, s); (fault == nil) != (i > 2) {
			t.Fatalf("session %d: %v", i, fault)
		}
	}
}

// A resetting connection ends by a reset.
type resetting struct{ net.Conn }

func (r resetting) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	if err == io.EOF {
		err = syscall.ECONNRESET
	}
	return n, err
}

// Where the server closes without groups too, they were not the cause.
func TestAServerThatClosesAnywayIsNotTakenForOneThatBreaks(t *testing.T) {
	known := memoryOf(Known{})
	for _, play := range [][]string{closedOnGroup(), closedOnGroup(), {"C: MAIL *", "QUIET", "CLOSE"}, takenInGroup()} {
		s := opened(t, full, remembering(known), play...)
		takesOne(t, s)
	}
	if got := known.Recall().Broken.Breaks; got != (Breaks{}) {
		t.Errorf("remembered: %+v", got)
	}
}

// Some servers throw away what has come behind AUTH.
func TestAServerThatLosesWhatFollowsALogInIsAskedToAnswerItFirst(t *testing.T) {
	known := memoryOf(Known{LoggedIn: "PLAIN"})
	login := "C: AUTH *"
	start := []string{"TLS", "S: 220 hi", "C: EHLO *", "S: 250-x\n250-PIPELINING\n250-CHUNKING\n250 AUTH PLAIN"}
	lost := append(append(append([]string{}, start...), login), append(flight(true, "x@d"), "S: 235 ok", "CLOSE")...)
	good := append(append(append([]string{}, start...), login, "QUIET", "S: 235 ok"), append(flight(true, "x@d"), "S: 250 ok\n250 ok\n250 ok", "C: QUIT", "CLOSE")...)
	for i, play := range [][]string{lost, good, good} {
		s := logsIn(t, known, play)
		if fault := takesOne(t, s); (fault == nil) != (i > 0) {
			t.Fatalf("session %d: %v", i, fault)
		}
	}
	if got := known.Recall().Broken.Breaks; got != (Breaks{Login: true}) {
		t.Errorf("remembered: %+v", got)
	}
}

// The window that a session begins with shrinks when the link breaks, and
// recovers session by session.
func TestALinkThatBreaksGetsASmallWindow(t *testing.T) {
	s := &Session{target: &Target{Memory: memoryOf(Known{}), Now: time.Now}, window: newWindow()}
	s.window.widen(0)
	var sizes []string
	for _, broke := range []bool{true, true, false, false, false, true} {
		if broke {
			s.shrink()
		} else {
			s.recover()
		}
		window := s.target.Memory.Recall().Link.Window
		s.window.widen(window)
		sizes = append(sizes, string(rune('0'+window)))
	}
	if got := strings.Join(sizes, " "); got != "4 2 4 8 0 4" {
		t.Error(got)
	}
}
