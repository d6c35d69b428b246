package listen

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/emersion/go-smtp"

	"mailcrane/queue"
)

// Submit takes a message in: it is durable when Submit returns nil (law 1).
// The method Put of queue.Spool is one. message gives lines that end in CRLF,
// with no NUL and no bare CR or LF; the last line may lack its end if the
// client sent chunks. An error of message must be returned, or wrapped.
// Addresses are in wire form and may lack a domain. Submit must end soon after ctx does.
//
// The client is told the error in one line: by its exit code if it is one of
// sysexits (DataErr and Usage 554, NoUser and NoHost 550 5.1.1, NoPerm 550
// 5.7.1, Config 451 4.3.5), a full disk as 452, all else as 451.
type Submit func(ctx context.Context, env *queue.Envelope, message io.Reader) (queue.ID, error)

// errShort cannot reach a client in good order: a Submit that stops early
// without an error is a fault of this program.
var errShort = errors.New("the message was not read to its end")

// A session is one client's transactions. During BDAT, go-smtp runs Data in a
// goroutine of its own and may call Reset or Logout beside it: hence the lock.
type session struct {
	ctx       context.Context
	submit    Submit
	submitter string
	owner     string
	guard     *guard // for the command in hand, before go-smtp changed it

	mu     sync.Mutex
	env    queue.Envelope
	closed bool
	active sync.WaitGroup // Data calls
}

func (s *session) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.env = queue.Envelope{}
}

func (s *session) Logout() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// wait returns when no message is being taken in and none can be any more.
func (s *session) wait() {
	_ = s.Logout()
	s.active.Wait()
}

func (s *session) Mail(string, *smtp.MailOptions) error {
	cmd := s.guard.cmd
	_, utf8 := cmd.params["SMTPUTF8"]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.env = queue.Envelope{
		From:      cmd.path,
		Ret:       strings.ToUpper(cmd.params["RET"]),
		EnvID:     cmd.params["ENVID"],
		UTF8:      utf8,
		NotBefore: cmd.notBefore,
		Submitter: s.submitter, Owner: s.owner, Submission: cmd.params[submissionKeyword],
	}
	return nil
}

func (s *session) Rcpt(string, *smtp.RcptOptions) error {
	cmd := s.guard.cmd
	s.mu.Lock()
	defer s.mu.Unlock()
	s.env.To = append(s.env.To, queue.Recipient{
		Address: cmd.path,
		Notify:  strings.ToUpper(cmd.params["NOTIFY"]),
		ORcpt:   cmd.params["ORCPT"],
	})
	return nil
}

// Data answers 250 only after Submit returned nil and had read all of r.
func (s *session) Data(r io.Reader) error {
	s.guard.dataBegun()
	env, err := s.begin()
	if err != nil {
		return err
	}
	defer s.active.Done()
	message := &watched{r: r}
	id, err := s.submit(s.ctx, env, message)
	if err == nil && !message.ended() {
		err = errShort
	}
	if reply, ok := errors.AsType[*smtp.SMTPError](message.err); ok {
		return reply // whatever Submit made of it
	}
	if err != nil {
		return replyTo(err)
	}
	return refuse(250, smtp.EnhancedCode{2, 0, 0}, "%s queued", id)
}

func (s *session) begin() (*queue.Envelope, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.env.To) == 0 {
		return nil, smtp.ErrDataReset // RSET or the end of the session came first
	}
	s.active.Add(1)
	env := s.env
	return &env, nil
}

// A watched reader remembers how the message ended.
type watched struct {
	r   io.Reader
	err error
}

func (w *watched) Read(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.r.Read(p)
	w.err = err
	return n, err
}

// ended says that the message was read whole; a reader may say so only after
// the last octet.
func (w *watched) ended() bool {
	if w.err == nil {
		_, w.err = io.ReadFull(w.r, make([]byte, 1))
	}
	return errors.Is(w.err, io.EOF)
}
