package local

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"mailcrane/internal/address"
	"mailcrane/queue"
)

// maxOnWay is how many commands are sent before their replies are read, so that
// neither side waits for the other to read.
const maxOnWay = 50

// byLMTP hands one message over for all its recipients in one transaction
// (RFC 2033). Before MAIL is answered all faults are the server's: their reply is a
// 421, which belongs to the route and to no message.
func (d *Deliverer) byLMTP(ctx context.Context, jobs []Job) []queue.Reply {
	replies := make([]queue.Reply, len(jobs))
	s, err := d.openLMTP(ctx)
	if err != nil {
		return all(replies, reply(421, "4.4.1", "the LMTP server "+d.rest+" cannot be reached: "+shown(err.Error())))
	}
	defer s.close()
	if r, ok := s.mail(jobs[0]); !ok {
		return all(replies, r)
	}
	accepted := s.rcpt(jobs, replies)
	if len(accepted) > 0 {
		s.data(jobs[0], accepted, replies)
	}
	s.quit(d.Timeout.Quit)
	return replies
}

func all(replies []queue.Reply, r queue.Reply) []queue.Reply {
	for i := range replies {
		replies[i] = r
	}
	return replies
}

// openLMTP connects and says LHLO.
func (d *Deliverer) openLMTP(ctx context.Context) (*lmtpSession, error) {
	network, to := "tcp", d.rest
	if path := strings.TrimPrefix(d.rest, "unix:"); strings.HasPrefix(path, "/") {
		network, to = "unix", path
	}
	dialing, cancel := context.WithTimeout(ctx, d.Timeout.Connect)
	defer cancel()
	conn, err := d.Dial(dialing, network, to)
	if err != nil {
		return nil, err
	}
	s := newLMTPSession(ctx, conn, d.Timeout)
	if err = s.hello(d.Hostname); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// hello reads the greeting and what the server can do.
func (s *lmtpSession) hello(name string) error {
	r, err := s.read(s.timeout.LHLO)
	if err == nil && r.code/100 != 2 {
		err = fmt.Errorf("it greets with: %v", r.said())
	}
	if err != nil {
		return err
	}
	if err = s.say("LHLO " + name); err != nil {
		return err
	}
	r, err = s.read(s.timeout.LHLO)
	if err == nil && r.code/100 != 2 {
		err = fmt.Errorf("it answers LHLO with: %v", r.said())
	}
	for _, line := range r.lines {
		keyword, value, _ := strings.Cut(line, " ")
		s.offers[strings.ToUpper(keyword)] = value
	}
	return err
}

// mail begins the transaction; ok says that the server has.
func (s *lmtpSession) mail(j Job) (r queue.Reply, ok bool) {
	line := "MAIL FROM:<" + j.Sender + ">"
	if s.offer("SIZE") && j.Size > 0 {
		line += fmt.Sprintf(" SIZE=%d", j.Size)
	}
	if s.offer("8BITMIME") {
		line += " BODY=8BITMIME"
	}
	if address.NeedsUTF8(j.Sender) || address.NeedsUTF8(j.recipient()) {
		if !s.offer("SMTPUTF8") {
			return reply(553, "5.6.7", "the LMTP server takes no addresses beyond ASCII (SMTPUTF8)"), false
		}
		line += " SMTPUTF8"
	}
	err := s.say(line)
	var answer answer
	if err == nil {
		answer, err = s.read(s.timeout.Mail)
	}
	switch {
	case err != nil:
		return reply(421, "4.4.2", "no answer to MAIL: "+shown(err.Error())), false
	case answer.code/100 != 2:
		return answer.said(), false
	}
	return answer.said(), true
}

// rcpt names the recipients and says which ones are accepted; replies has the
// others'.
func (s *lmtpSession) rcpt(jobs []Job, replies []queue.Reply) (accepted []int) {
	atOnce := 1
	if s.offer("PIPELINING") {
		atOnce = maxOnWay
	}
	for from := 0; from < len(jobs); from += atOnce {
		batch := min(from+atOnce, len(jobs))
		var lines []string
		for _, j := range jobs[from:batch] {
			lines = append(lines, "RCPT TO:<"+j.recipient()+">")
		}
		err := s.say(lines...)
		for i := from; i < batch; i++ {
			var r answer
			if err == nil {
				r, err = s.read(s.timeout.Rcpt)
			}
			switch {
			case err != nil:
				for k := i; k < len(jobs); k++ {
					replies[k] = reply(451, "4.4.2", "no answer to RCPT: "+shown(err.Error()))
				}
				// Whoever was accepted gets no message by a connection that is gone.
				for _, k := range accepted {
					replies[k] = replies[i]
				}
				return nil
			case r.code/100 == 2:
				accepted = append(accepted, i)
			default:
				replies[i] = r.ofMailbox()
			}
		}
	}
	return accepted
}

// data sends the message, and reads one reply for each recipient that was accepted,
// in their order (RFC 2033 section 4.2).
func (s *lmtpSession) data(j Job, accepted []int, replies []queue.Reply) {
	give := func(from int, r queue.Reply) {
		for _, i := range accepted[from:] {
			replies[i] = r
		}
	}
	in, err := j.Open()
	if err != nil {
		give(0, reply(451, "4.3.0", "the message cannot be read from the queue: "+shown(err.Error())))
		return
	}
	defer in.Close()
	var r answer
	if err = s.say("DATA"); err == nil {
		r, err = s.read(s.timeout.DataInit)
	}
	switch {
	case err != nil:
		give(0, reply(451, "4.4.2", "no answer to DATA: "+shown(err.Error())))
		return
	case r.code != 354:
		give(0, r.said())
		return
	}
	source := &watchedSource{in: in}
	if err = s.send(source); err != nil {
		// Without its dot the message is none.
		s.conn.Close()
		text := "the LMTP server took no more of the message: "
		if source.failed != nil {
			err, text = source.failed, "the message cannot be read from the queue: "
		}
		give(0, reply(451, "4.4.2", text+shown(err.Error())))
		return
	}
	for n, i := range accepted {
		if r, err = s.read(s.timeout.DataFinal); err != nil {
			give(n, reply(451, "4.4.2", "the whole message was sent and there is no answer; it is sent again: "+shown(err.Error())))
			return
		}
		replies[i] = r.ofMailbox()
	}
}

// send writes the message with its dot.
func (s *lmtpSession) send(message io.Reader) error {
	w := s.text.DotWriter()
	if _, err := io.Copy(w, message); err != nil {
		return err
	}
	return w.Close()
}

// quit is polite, and waits no longer than that is worth.
func (s *lmtpSession) quit(patience time.Duration) {
	if s.say("QUIT") == nil {
		s.read(patience) //nolint:errcheck // it ends either way
	}
}

// A paced connection gives each write its time.
type paced struct {
	net.Conn
	patience time.Duration
}

func (p paced) Write(b []byte) (int, error) {
	if err := p.SetWriteDeadline(time.Now().Add(p.patience)); err != nil {
		return 0, err
	}
	return p.Conn.Write(b)
}
