package relay

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"mailcrane/queue"
)

// A misstep is what a server does wrong, or says, at one step of a session.
type misstep struct {
	why string
	// line is the reply in place of the command's own; the command is not
	// obeyed. "" obeys it.
	line string
	// mute: no reply. close: the connection ends behind it. extra: one more reply
	// than commands. late: the reply comes behind the next one.
	mute, close, extra, late bool
}

// lies says that replies no longer stand for what the server did.
func (m misstep) lies() bool { return m.extra || m.late || m.mute && !m.close }

var missteps = []misstep{
	{why: "refused for now", line: "450 4.7.1 not now"},
	{why: "refused for good", line: "550 5.7.1 no"},
	{why: "no such command", line: "500 5.5.1 what"},
	{why: "bad sequence", line: "503 5.5.1 not here"},
	{why: "421, and closed", line: "421 4.3.2 enough", close: true},
	{why: "421, and on it goes", line: "421 4.3.2 enough"},
	{why: "554, and closed", line: "554 5.5.0 enough", close: true},
	{why: "obeyed, and closed without a reply", mute: true, close: true},
	{why: "closed before it was obeyed", line: "-", mute: true, close: true},
	{why: "obeyed, and closed behind the reply", close: true},
	{why: "a reply is missing", mute: true},
	{why: "a reply too many", extra: true},
	{why: "two replies the wrong way round", late: true},
}

// A straight server keeps the order of RFC 5321, 2920 and 3030 and takes
// everything, but for one misstep.
type straight struct {
	misstep
	at     int // the step of the misstep, from 1; every reply after EHLO is one
	offers string

	r    *bufio.Reader
	conn net.Conn
	step int
	held string // a late reply
	over bool

	from   string
	to     []string
	text   strings.Builder
	broken bool // a chunk was refused
	// hit is what the misstep was about: the verb, and the sender of the
	// transaction, or of the one that it begins.
	verb, hit string
	taken     map[string]int // copies, by recipient
	altered   []string       // what was taken and is not what was sent
}

func (s *straight) serve() {
	defer s.conn.Close()
	s.r = bufio.NewReader(s.conn)
	s.say("220 hi")
	for !s.over {
		line, err := s.r.ReadString('\n')
		if err != nil {
			return
		}
		s.command(strings.TrimSuffix(line, "\r\n"))
	}
}

func (s *straight) say(line string) { io.WriteString(s.conn, line+"\r\n") }

// answer obeys a command and replies, unless this is the step of the misstep.
// It says whether it has obeyed.
func (s *straight) answer(verb, about, line string, obey func()) bool {
	s.step++
	if s.step != s.at {
		obey()
		s.say(line)
		if s.held != "" {
			s.say(s.held)
			s.held = ""
		}
		return true
	}
	s.verb, s.hit = verb, about
	if s.line == "" {
		obey()
	} else {
		line = s.line
	}
	switch {
	case s.mute:
	case s.late:
		s.held = line
	default:
		s.say(line)
	}
	if s.extra {
		s.say("250 2.0.0 by the way")
	}
	s.over = s.close
	return s.line == ""
}

func (s *straight) command(line string) {
	verb, rest, _ := strings.Cut(line, " ")
	switch {
	case verb == "EHLO":
		s.say("250-x\r\n250-" + strings.ReplaceAll(s.offers, ",", "\r\n250-") + "\r\n250 OK")
	case verb == "RSET":
		s.answer(verb, "", "250 ok", s.reset)
	case verb == "QUIT":
		s.say("221 bye")
		s.over = true
	case verb == "MAIL" && s.from != "":
		s.answer(verb, bracketed(rest), "503 nested MAIL", func() {})
	case verb == "MAIL":
		s.answer(verb, bracketed(rest), "250 ok", func() { s.from = bracketed(rest) })
	case verb == "RCPT" && s.from == "":
		s.answer(verb, "", "503 no MAIL", func() {})
	case verb == "RCPT":
		s.answer(verb, s.from, "250 ok", func() { s.to = append(s.to, bracketed(rest)) })
	case verb == "DATA" && len(s.to) == 0:
		s.answer(verb, s.from, "554 no valid recipients", func() {})
	case verb == "DATA":
		if s.answer(verb, s.from, "354 go", func() {}) && !s.over {
			s.data()
		}
	case verb == "BDAT":
		s.chunk(rest)
	default:
		s.answer(verb, "", "500 what is "+line, func() {})
	}
}

// bracketed is what stands between angle brackets.
func bracketed(rest string) string {
	_, rest, _ = strings.Cut(rest, "<")
	rest, _, _ = strings.Cut(rest, ">")
	return rest
}

func (s *straight) reset() {
	s.from, s.to, s.broken = "", nil, false
	s.text.Reset()
}

func (s *straight) data() {
	for {
		line, err := s.r.ReadString('\n')
		switch {
		case err != nil:
			s.over = true
			return
		case line == ".\r\n":
			s.end()
			return
		}
		s.text.WriteString(strings.TrimPrefix(line, "."))
	}
}

func (s *straight) chunk(rest string) {
	count, last, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(count)
	if err == nil {
		_, err = io.CopyN(&s.text, s.r, int64(n))
	}
	switch {
	case err != nil:
		s.over = true
	case len(s.to) == 0 || s.broken:
		s.broken = true
		s.answer("BDAT", s.from, "503 5.5.1 not now", func() {})
	case last == "LAST":
		s.end()
	default:
		s.broken = !s.answer("BDAT", s.from, "250 so far", func() {})
	}
}

// end takes the message.
func (s *straight) end() {
	s.answer("the end", s.from, "250 2.0.0 taken", func() {
		for _, to := range s.to {
			s.taken[to]++
		}
		if text := s.text.String(); text != stepText(s.from) {
			s.altered = append(s.altered, fmt.Sprintf("from %s: %.40q", s.from, text))
		}
	})
	s.reset()
}

// stepText is the message of a sender: that of large@d is beyond oneFlight.
func stepText(from string) string {
	lines := 2
	if from == "large@d" {
		lines = 8000
	}
	return "Subject: " + from + "\r\n\r\n" + strings.Repeat(".a line\r\n", lines)
}

// A stepTrial is three messages to a straight server with one misstep.
type stepTrial struct {
	t      *testing.T
	why    string
	from   []string
	server *straight
	mails  []*outcomes
	faults []*queue.RouteFault
}

func (s *stepTrial) run() {
	synctest.Test(s.t, func(t *testing.T) {
		ours, theirs := buffered()
		s.server.conn = theirs
		served := make(chan struct{})
		go func() { defer close(served); s.server.serve() }()
		session := beginOn(t, ours)
		s.mails = nil
		for _, from := range s.from {
			m := mail(stepText(from), "a."+from, "b."+from)
			m.Envelope.From = from
			s.mails = append(s.mails, m)
		}
		s.faults = deliverSide(t, session, s.mails...)
		session.Close(t.Context())
		<-served
	})
}

func (s *stepTrial) errorf(format string, args ...any) {
	s.t.Helper()
	s.t.Errorf("%s: %s", s.why, fmt.Sprintf(format, args...))
}

// check holds each recipient's outcome against what the server did.
func (s *stepTrial) check() {
	s.t.Helper()
	if len(s.server.altered) > 0 {
		s.errorf("taken otherwise than sent: %q", s.server.altered)
	}
	for n, m := range s.mails {
		for i, to := range m.To {
			state := m.got[i].State()
			if fault := s.faults[n]; state == 0 && fault != nil && m.committed > 0 && !fault.Untaken {
				state = queue.Uncertain // says the queue
			}
			copies := s.server.taken[to.Address]
			mine := s.server.hit == m.Envelope.From
			switch {
			case copies > 1:
				s.errorf("%s was sent %d times", to.Address, copies)
			case state == 0 && s.faults[n] == nil:
				s.errorf("%s has neither outcome nor fault", to.Address)
			case copies == 0 && state == queue.Delivered && !s.server.lies():
				s.errorf("%s was not taken, and is delivered", to.Address)
			case copies == 1 && state != queue.Delivered && state != queue.Uncertain && !s.server.lies():
				s.errorf("%s was taken, and is %v (%v)", to.Address, state, m.got[i].Reply())
			case state == queue.Failed && !(mine && s.server.line != "" && s.server.line[0] == '5'),
				state == queue.Deferred && !(mine && s.server.line != "" && s.server.line[0] == '4'):
				s.errorf("%s is %v for another's doing: %v", to.Address, state, m.got[i].Reply())
			case state == queue.Uncertain && !s.server.lies() && !s.server.close:
				s.errorf("%s is uncertain though the server answered: %v", to.Address, m.got[i].Reply())
			case state == queue.Uncertain && strings.HasPrefix(s.server.line, "421"):
				s.errorf("%s is uncertain after a 421", to.Address)
			}
		}
		if fault := s.faults[n]; fault != nil && !s.server.close && !s.server.lies() && !strings.HasPrefix(s.server.line, "421") {
			s.errorf("%s ended the session: %s", m.Envelope.From, fault.Sentence())
		}
	}
}

// TestEveryMisstepAtEveryStep: whatever a server does wrong, wherever in a run
// of three messages, nobody gets a message twice, nothing is taken for delivered
// that was not, nothing that was is sent again unmarked, and no message suffers
// for another or for the route.
func TestEveryMisstepAtEveryStep(t *testing.T) {
	t.Parallel()
	small, mixed := []string{"m1@d", "m2@d", "m3@d"}, []string{"m1@d", "large@d", "m3@d"}
	for _, c := range []struct {
		offers string
		from   []string
	}{
		{"8BITMIME", small},
		{"CHUNKING", mixed},
		{"PIPELINING", small},
		{"PIPELINING", mixed},
		{"PIPELINING,CHUNKING", small},
		{"PIPELINING,CHUNKING", mixed},
	} {
		for _, m := range missteps {
			t.Run(fmt.Sprintf("%s, %s, %s", c.offers, c.from[1], m.why), func(t *testing.T) {
				const most = 100
				for at := 1; ; at++ {
					s := &straight{misstep: m, at: at, offers: c.offers, taken: map[string]int{}}
					trial := &stepTrial{t: t, from: c.from, server: s}
					trial.run()
					trial.why = fmt.Sprintf("step %d, %s of %s", at, s.verb, s.hit)
					if s.step < at {
						break // the run had no such step
					}
					trial.check()
					if at == most {
						t.Fatal("the run does not end")
					}
				}
			})
		}
	}
}

func TestErrorsOfTheNetworkAreInWords(t *testing.T) {
	at := func(err error) error {
		end := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 40000}
		return &net.OpError{Op: "read", Net: "tcp", Source: end, Addr: end, Err: os.NewSyscallError("read", err)}
	}
	for _, c := range []struct {
		why, want string
		err       error
	}{
		{"given up by the system", "the connection was lost: this machine's system gave it up, as it does when the network changes", at(syscall.ECONNABORTED)},
		{"not known here, with addresses that are nobody's business", "read: " + syscall.EIO.Error(), at(syscall.EIO)},
		{"a person stopped it", "mailcrane was stopped before it was done", context.Canceled},
	} {
		got := plainly(c.err)
		if got.Error() != c.want {
			t.Errorf("%s: %v", c.why, got)
		}
	}
}
