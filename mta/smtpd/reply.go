package smtpd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/visible"
)

// Bounds of replies (RFC 5321 section 4.5.3.1.5: 512 octets a line).
const (
	mostReplyText  = 480
	mostReplyLines = 50
	mostUnsaid     = 8 << 10 // octets of replies that wait for more of them
)

// errOver says that the connection ends, and that the client was told why.
var errOver = errors.New("the connection is over")

// flush sends the replies at hand: those to all that came in one segment go
// out in one.
func (d *dialogue) flush() error {
	if len(d.out) == 0 {
		return nil
	}
	err := d.await(itsReading, time.Now().Add(writeTimeout))
	if err == nil {
		_, err = d.net.Write(d.out)
		d.goOn()
	}
	if cap(d.out) > mostUnsaid {
		d.out = nil
	} else {
		d.out = d.out[:0]
	}
	if err != nil {
		d.over = true
	}
	return err
}

// say adds a reply of one line.
func (d *dialogue) say(code int, enhanced, text string) {
	d.line(code, ' ', enhanced, text)
	d.said(code)
}

func (d *dialogue) line(code int, more byte, enhanced, text string) {
	from := len(d.out)
	d.out = strconv.AppendInt(d.out, int64(code), 10)
	d.out = append(d.out, more)
	if enhanced != "" {
		d.out = append(d.out, enhanced...)
		d.out = append(d.out, ' ')
	}
	d.out = append(d.out, d.clean(text)...)
	d.out = append(d.out, '\r', '\n')
	d.tellReply(from)
}

// said counts what was wrong, and sends what has grown long.
func (d *dialogue) said(code int) {
	if code >= 500 {
		d.wrong()
	}
	if len(d.out) > mostUnsaid {
		// The error comes again with the next read.
		_ = d.flush()
	}
}

// clean makes text fit for a reply: one line, and UTF-8 only where the client
// asked for it (RFC 6531 section 3.7.4.2).
func (d *dialogue) clean(text string) string {
	text = visible.Line(text, mostReplyText)
	if d.tx.utf8 {
		return text
	}
	for i := range len(text) {
		if text[i] >= 0x80 {
			return ascii(text)
		}
	}
	return text
}

func ascii(text string) string {
	text = strings.ReplaceAll(text, "…", "...")
	return strings.Map(func(r rune) rune {
		if r >= 0x80 {
			return '?'
		}
		return r
	}, text)
}

// cut says the last word to a client of whose next octets nobody can tell what
// they mean, or that is to go.
func (d *dialogue) cut(code int, enhanced, text string) {
	if d.over {
		return
	}
	d.over, d.lingers = true, true
	d.line(code, ' ', enhanced, text)
	d.limits.Log.Info("a client was cut off", "client", d.shownClient(), "reply", strconv.Itoa(code)+" "+enhanced+" "+d.clean(text))
}

// lost ends the dialogue after a failed read.
func (d *dialogue) lost(err error) {
	why, interrupted := errors.AsType[ending](err)
	if !interrupted && errors.Is(err, os.ErrDeadlineExceeded) {
		d.mu.Lock()
		why = d.ending
		d.mu.Unlock()
	}
	host := d.limits.Hostname
	if why != serverStops && why != crowdedOut {
		d.tellLost(err)
	}
	switch {
	case d.over:
	case errors.Is(err, errLineTooLong):
		d.cut(500, "5.5.2", "Line too long; closing the connection")
	case why == serverStops && !d.body:
		d.cut(421, "4.3.2", host+" This server is stopping; try again later")
	case why == crowdedOut:
		d.cut(421, "4.3.2", host+" Nothing came for long and others wait; try again later")
	case errors.Is(err, os.ErrDeadlineExceeded) && d.body:
		d.cut(421, "4.4.1", "collect: read timeout on connection from "+d.shownClient())
	case errors.Is(err, os.ErrDeadlineExceeded):
		d.cut(421, "4.4.1", host+" Lost input channel from "+d.shownClient())
	case errors.Is(err, io.EOF) && d.body:
		d.cut(421, "4.4.2", "The connection ended in the middle of a message, which is not taken")
		d.lingers = false
	}
	d.over = true
}

// soft says of which codes SoftBounce makes 4yz: those about mail, not those
// about what a command looks like.
func soft(code int) bool { return code >= 550 && code <= 556 && code != 555 }

// answer is the reply to what a Session has judged: text and code where it has
// no objection. It is false if there is one.
func (d *dialogue) answer(err error, code int, enhanced, text string) bool {
	got := d.outcome(err, code, enhanced, text)
	d.said(got)
	return got < 400
}

// outcome is answer for what is no fault of the client's program: a recipient
// or a message is refused. It returns the code.
func (d *dialogue) outcome(err error, code int, enhanced, text string) int {
	if err == nil {
		d.line(code, ' ', enhanced, text)
		return code
	}
	reply := d.replyTo(err)
	if reply.Code == 421 {
		d.lingers, d.over = true, true
	}
	d.sayAll(reply, enhanced)
	return reply.Code
}

// replyTo is the reply that an error of a Session is.
func (d *dialogue) replyTo(err error) *smtp.SMTPError {
	reply, ok := errors.AsType[*smtp.SMTPError](err)
	if !ok || reply.Code < 200 || reply.Code > 599 {
		d.limits.Log.Error("a session could not answer", "client", d.shownClient(), "error", err)
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Temporary system failure; try again later"}
	}
	if d.limits.SoftBounce && soft(reply.Code) {
		milder := *reply
		milder.Code -= 100
		if milder.EnhancedCode[0] == 5 {
			milder.EnhancedCode[0] = 4
		}
		return &milder
	}
	return reply
}

// sayAll says a reply line by line; enhanced is for a success without one.
func (d *dialogue) sayAll(e *smtp.SMTPError, enhanced string) {
	enhanced = enhancedOf(e, enhanced)
	lines := strings.Split(strings.ReplaceAll(strings.Trim(e.Message, "\r\n"), "\r\n", "\n"), "\n")
	lines = lines[:min(len(lines), mostReplyLines)]
	for _, text := range lines[:len(lines)-1] {
		d.line(e.Code, '-', enhanced, text)
	}
	d.line(e.Code, ' ', enhanced, lines[len(lines)-1])
}

// enhancedOf is the enhanced code of e; success is that of one that succeeded
// and has none.
func enhancedOf(e *smtp.SMTPError, success string) string {
	c := e.EnhancedCode
	switch {
	case c == smtp.NoEnhancedCode:
		return ""
	case c != smtp.EnhancedCodeNotSet:
		return fmt.Sprintf("%d.%d.%d", c[0], c[1], c[2])
	case e.Code/100 > 3:
		return fmt.Sprintf("%d.0.0", e.Code/100)
	}
	return success
}
