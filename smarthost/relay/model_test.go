package relay

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"testing"

	"mailcrane/queue"
)

// A moody server keeps the order of RFC 5321, 2920 and 3030, and beyond that
// does what comes into its mind: it refuses, ends the session, or hangs up
// before or after it has taken a message.
type moody struct {
	rand   *rand.Rand
	r      *bufio.Reader
	w      *bufio.Writer
	offers string

	sender, failed bool
	to             []string
	text           strings.Builder
	taken          map[string][]string // by recipient: what the server took
	over           bool
}

// say answers a command, mostly with yes; it says whether it was yes.
func (m *moody) say(yes string, noes ...string) bool {
	switch mood := m.rand.IntN(100); {
	case mood < 2:
		m.over = true
		return false
	case mood < 4:
		m.reply("421 4.3.2 enough")
		m.over = true
		return false
	case mood < 20:
		m.reply(noes[m.rand.IntN(len(noes))])
		return false
	}
	m.reply(yes)
	return true
}

// reply sends one, often as several lines.
func (m *moody) reply(line string) {
	if m.rand.IntN(3) == 0 {
		fmt.Fprintf(m.w, "%s-first\r\n%s-second\r\n", line[:3], line[:3])
	}
	io.WriteString(m.w, line+"\r\n")
}

func (m *moody) reset() {
	m.sender, m.failed, m.to = false, false, nil
	m.text.Reset()
}

func (m *moody) serve(conn net.Conn) {
	defer conn.Close()
	m.r, m.w = bufio.NewReader(conn), bufio.NewWriter(conn)
	m.reply("220 hi")
	for !m.over {
		if m.r.Buffered() == 0 {
			m.w.Flush()
		}
		line, err := m.r.ReadString('\n')
		if err != nil {
			return
		}
		m.command(strings.TrimSuffix(line, "\r\n"))
	}
	m.w.Flush()
}

func (m *moody) command(line string) {
	verb, rest, _ := strings.Cut(line, " ")
	switch {
	case verb == "EHLO":
		fmt.Fprintf(m.w, "250-x\r\n250-%s\r\n250 OK\r\n", strings.ReplaceAll(m.offers, ",", "\r\n250-"))
	case verb == "RSET":
		m.reset()
		m.reply("250 ok")
	case verb == "QUIT":
		m.reply("221 bye")
		m.over = true
	case verb == "MAIL" && m.sender:
		m.reply("503 nested MAIL")
	case verb == "MAIL":
		m.sender = m.say("250 ok", "550 5.7.1 no", "451 4.3.0 later", "530 5.7.0 log in")
	case verb == "RCPT" && !m.sender:
		m.reply("503 no MAIL")
	case verb == "RCPT":
		if m.say("250 ok", "550 5.1.1 who", "450 4.2.0 grey", "452 4.5.3 too many", "552 too many", "530 5.7.0 log in") {
			m.to = append(m.to, strings.Trim(strings.TrimPrefix(rest, "TO:"), "<>"))
		}
	case verb == "DATA" && len(m.to) == 0 && m.rand.IntN(2) == 0:
		m.reply("554 no valid recipients")
	case verb == "DATA":
		if m.say("354 go", "451 4.3.0 later", "554 5.7.1 no") {
			m.w.Flush()
			m.data()
		}
	case verb == "BDAT":
		m.chunk(rest)
	default:
		m.reply("500 what is " + line)
	}
}

func (m *moody) data() {
	for {
		line, err := m.r.ReadString('\n')
		switch {
		case err != nil:
			m.over = true
			return
		case line == ".\r\n":
			m.end()
			return
		}
		m.text.WriteString(strings.TrimPrefix(line, "."))
	}
}

func (m *moody) chunk(rest string) {
	count, last, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(count)
	if err != nil {
		m.over = true
		return
	}
	if _, err := io.CopyN(&m.text, m.r, int64(n)); err != nil {
		m.over = true
		return
	}
	switch {
	case len(m.to) == 0 || m.failed:
		m.failed = true
		m.reply("503 5.5.1 not now")
	case last == "LAST":
		m.end()
	default:
		m.failed = !m.say("250 so far", "452 4.3.1 full", "552 5.3.4 too big")
	}
}

// end answers the whole message. One that is taken may still go unanswered.
func (m *moody) end() {
	defer m.reset()
	if len(m.to) == 0 {
		m.reply("554 no valid recipients")
		return
	}
	if m.rand.IntN(100) < 4 {
		m.over = true
		if m.rand.IntN(2) == 0 {
			return
		}
	} else if !m.say("250 2.0.0 taken", "554 5.6.0 spam", "452 4.3.1 full") {
		return
	}
	for _, to := range m.to {
		m.taken[to] = append(m.taken[to], m.text.String())
	}
}

// TestNoReplyIsTakenForAnother holds what is reported against what the server
// has done, whatever it did: nobody gets a message twice or less than whole,
// nothing delivered is taken for undelivered, and the other way round.
func TestNoReplyIsTakenForAnother(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		random := rand.New(rand.NewPCG(seed, 1))
		offers := []string{"8BITMIME", "PIPELINING", "CHUNKING", "PIPELINING,CHUNKING"}[seed%4]
		server := &moody{rand: random, offers: offers, taken: map[string][]string{}}
		ours, theirs := buffered()
		served := make(chan struct{})
		go func() { defer close(served); server.serve(theirs) }()
		s := beginOn(t, ours)
		var mails []*outcomes
		var texts []string
		var last *queue.RouteFault
		for n := 0; n < 4 && last == nil; n++ {
			var to []string
			for i := range 1 + n%3 {
				to = append(to, fmt.Sprintf("r%d-%d@d", n, i))
			}
			// Two of them are beyond oneFlight, and go in several chunks.
			text := fmt.Sprintf("Subject: %d\r\n\r\n", n) + strings.Repeat(".dot\r\n", []int{0, 3, 12000, 15000}[(n+int(seed/4))%4])
			m := mail(text, to...)
			mails, texts = append(mails, m), append(texts, text)
			last = s.Deliver(t.Context(), &m.Delivery)
		}
		s.Close(t.Context())
		<-served
		for n, m := range mails {
			fault := last
			if n < len(mails)-1 {
				fault = nil
			}
			m.holdAgainst(t, fmt.Sprintf("seed %d, mail %d, %s", seed, n, offers), server.taken, texts[n], fault)
		}
		if t.Failed() {
			return
		}
	}
}

func beginOn(t *testing.T, conn net.Conn) *Session {
	t.Helper()
	s := newSession(&Target{Server: "smtp.example.org", Mode: Insecure}, &wire{Conn: conn})
	s.target.fill()
	s.portionSize = 20_000
	if fault := s.begin(); fault != nil {
		t.Fatal(fault.Sentence())
	}
	s.dialogue.listen()
	return s
}

func (o *outcomes) holdAgainst(t *testing.T, which string, taken map[string][]string, text string, fault *queue.RouteFault) {
	for i, r := range o.To {
		copies := taken[r.Address]
		state := o.got[i].State()
		if state == 0 && fault == nil {
			t.Errorf("%s, %s: no outcome and no fault", which, r.Address)
		}
		if state == 0 && fault != nil && o.committed > 0 && !fault.Untaken {
			state = queue.Uncertain // says the queue
		}
		switch {
		case len(copies) > 1:
			t.Errorf("%s, %s: taken %d times", which, r.Address, len(copies))
		case len(copies) == 1 && copies[0] != text:
			t.Errorf("%s, %s: %d octets were taken, of %d", which, r.Address, len(copies[0]), len(text))
		case len(copies) == 1 && state != queue.Delivered && state != queue.Uncertain:
			t.Errorf("%s, %s: taken, and reported as %v (%v)", which, r.Address, state, o.got[i].Reply())
		case len(copies) == 0 && state == queue.Delivered:
			t.Errorf("%s, %s: not taken, and reported as delivered", which, r.Address)
		}
	}
}
