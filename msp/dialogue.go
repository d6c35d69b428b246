package msp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"mailcrane/internal/address"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

// A dialogue is SMTP with the machine's agent, as a client.
type dialogue struct {
	conn agentConn
	in   *bufio.Reader
	// offered are the keywords of EHLO.
	offered []string
}

// Bounds of what the agent may say and of what is said at once: replies that
// nobody reads while their commands are written fill the socket.
const (
	replyLines   = 100
	rcptsAtOnce  = 100
	longestReply = 4 << 10
)

// An agentConn is a connection to the agent; patience is how long each read and
// write may take from then on.
type agentConn interface {
	io.ReadWriteCloser
	patience(d time.Duration) error
}

// How long the agent may take: for the connection and its greeting, for an
// answer, and for the message, since a spool on a slow disk takes its time to
// sync. A submission waits no longer than that before it drops its message.
const (
	greetingTime = 5 * time.Second
	answerTime   = 20 * time.Second
	messageTime  = time.Minute
)

func newDialogue(conn agentConn) *dialogue {
	return &dialogue{conn: conn, in: bufio.NewReaderSize(conn, longestReply)}
}

// submit hands a message in. Beside errUnsaid and errUncertain, its errors are
// the agent's refusals, of sysexits.
func (d *dialogue) submit(p *parcel) (queue.ID, error) {
	if err := d.begin(p); err != nil {
		return "", err
	}
	if err := d.conn.patience(messageTime); err != nil {
		return "", fmt.Errorf("%w: %w", errUnsaid, err)
	}
	if _, err := fmt.Fprintf(d.conn, "BDAT %d LAST\r\n", p.survey.onWire()); err != nil {
		return "", fmt.Errorf("%w: %w", errUnsaid, err)
	}
	// Before its last octet the agent cannot have taken the message in.
	if err := p.sendTo(d.conn); err != nil {
		if code, text, rerr := d.reply(); rerr == nil && code/100 != 2 {
			return "", refusal(code, text) // which it did not read on for
		}
		return "", fmt.Errorf("%w: %w", errUnsaid, err)
	}
	code, text, err := d.reply()
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: %w", errUncertain, err)
	case code == 421: // it stops, and has taken nothing in
		return "", fmt.Errorf("%w: %s", errUnsaid, text)
	case code/100 != 2:
		return "", refusal(code, text)
	}
	io.WriteString(d.conn, "QUIT\r\n") //nolint:errcheck // the message is safe
	return queuedAs(text), nil
}

// begin is all up to the message itself.
func (d *dialogue) begin(p *parcel) error {
	if _, err := io.WriteString(d.conn, "EHLO localhost\r\n"); err != nil {
		return fmt.Errorf("%w: %w", errUnsaid, err)
	}
	// Whatever it says before it has heard of a message is not about that: one
	// that is too busy, or about to stop, says so here.
	if code, text, err := d.reply(); err != nil || code != 220 {
		return fmt.Errorf("%w: %d %s", errUnsaid, code, text)
	}
	if err := d.conn.patience(answerTime); err != nil {
		return fmt.Errorf("%w: %w", errUnsaid, err)
	}
	code, text, err := d.reply()
	if err != nil || code != 250 {
		return fmt.Errorf("%w: %d %s", errUnsaid, code, text)
	}
	d.offered = strings.Split(text, "\n")
	e := p.envelope
	if err := d.say(d.mailFrom(e, &p.survey), 1); err != nil {
		return err
	}
	for to := e.To; len(to) > 0; to = to[min(len(to), rcptsAtOnce):] {
		group := to[:min(len(to), rcptsAtOnce)]
		var lines []byte
		for _, r := range group {
			lines = d.appendRcpt(lines, r)
		}
		if err := d.say(lines, len(group)); err != nil {
			return err
		}
	}
	return nil
}

// say sends commands and reads their replies; the first refusal is its error.
func (d *dialogue) say(lines []byte, replies int) error {
	if _, err := d.conn.Write(lines); err != nil {
		return fmt.Errorf("%w: %w", errUnsaid, err)
	}
	for range replies {
		code, text, err := d.reply()
		switch {
		case err != nil:
			return fmt.Errorf("%w: %w", errUnsaid, err)
		case code == 421:
			return fmt.Errorf("%w: %s", errUnsaid, text)
		case code/100 != 2:
			return refusal(code, text)
		}
	}
	return nil
}

func (d *dialogue) mailFrom(e *queue.Envelope, s *survey) []byte {
	b := append(append([]byte("MAIL FROM:<"), e.From...), '>')
	if s.eightBit {
		b = append(b, " BODY=8BITMIME"...)
	}
	if e.UTF8 {
		b = append(b, " SMTPUTF8"...)
	}
	if d.offers("DSN") {
		b = appendParameter(b, "RET", e.Ret)
		b = appendParameter(b, "ENVID", e.EnvID)
	}
	if !e.NotBefore.IsZero() {
		b = appendParameter(b, "HOLDUNTIL", e.NotBefore.UTC().Format(time.RFC3339))
	}
	if d.offers(SubmissionKeyword) {
		b = appendParameter(b, SubmissionKeyword, e.Submission)
	}
	return append(b, "\r\n"...)
}

// SubmissionKeyword is the parameter of MAIL, and the keyword of EHLO, by which
// an agent knows a message again that is handed in once more.
const SubmissionKeyword = "XSUBMISSION"

func (d *dialogue) appendRcpt(b []byte, r queue.Recipient) []byte {
	b = append(append(append(b, "RCPT TO:<"...), r.Address...), '>')
	if d.offers("DSN") {
		b = appendParameter(b, "NOTIFY", r.Notify)
		b = appendParameter(b, "ORCPT", r.ORcpt)
	}
	return append(b, "\r\n"...)
}

func appendParameter(b []byte, keyword, value string) []byte {
	if value == "" {
		return b
	}
	return append(append(append(append(b, ' '), keyword...), '='), value...)
}

func (d *dialogue) offers(keyword string) bool {
	for _, line := range d.offered {
		word, _, _ := strings.Cut(line, " ")
		if strings.EqualFold(word, keyword) {
			return true
		}
	}
	return false
}

var errGarbled = errors.New("what it said is no reply of SMTP")

// reply reads one reply, of several lines divided by line feeds.
func (d *dialogue) reply() (code int, text string, err error) {
	var all []byte
	for range replyLines {
		line, err := d.in.ReadSlice('\n')
		if err != nil {
			return 0, "", err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) < 3 {
			return 0, "", errGarbled
		}
		if code, err = strconv.Atoi(string(line[:3])); err != nil || code < 200 || code > 599 {
			return 0, "", errGarbled
		}
		rest := line[3:]
		if len(rest) > 0 {
			rest = rest[1:]
		}
		all = append(all, rest...)
		if len(line) == 3 || line[3] == ' ' {
			return code, string(all), nil
		}
		all = append(all, '\n')
	}
	return 0, "", errGarbled
}

// refusal is the agent's answer as an error with an exit code: those that it
// made its answer from, where the answer tells (see listen.Submit).
func refusal(code int, text string) error {
	status, _, _ := strings.Cut(text, " ")
	exit := sysexits.Unavailable
	switch {
	case status == "4.3.5":
		exit = sysexits.Config
	case code/100 == 4:
		exit = sysexits.TempFail
	case strings.HasPrefix(status, "5.1."):
		exit = sysexits.NoUser
	case strings.HasPrefix(status, "5.7."):
		exit = sysexits.NoPerm
	case strings.HasPrefix(status, "5.6."), strings.HasPrefix(status, "5.5."), code == 552, code == 554:
		exit = sysexits.DataErr
	}
	return sysexits.Errorf(exit, "", "the mail agent of this machine did not take the message: %d %s", code, address.Shown(text))
}

// queuedAs is the id in "2.0.0 ID queued", or what stands there.
func queuedAs(text string) queue.ID {
	words := strings.Fields(text)
	if len(words) > 1 {
		if id, err := queue.ParseID(words[1]); err == nil {
			return id
		}
	}
	return "accepted"
}

// sendTo writes the message as it stands on the wire.
func (p *parcel) sendTo(conn io.Writer) error {
	if p.survey.bare == 0 {
		_, err := io.Copy(conn, p.message())
		return err
	}
	_, err := io.Copy(&crlfWriter{to: conn}, p.message())
	return err
}
