package smtpd

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

// welcome opens the session and greets the client. It is false if the
// connection is over.
func (d *dialogue) welcome() bool {
	session, err := d.server.backend.Open(d.ctx, d.Conn)
	if err != nil {
		return d.turnAway(err)
	}
	d.session = session
	d.witness, _ = session.(Witness)
	if d.isImplicit() && !d.handshake() {
		return false
	}
	text, pause := session.Greeting()
	if pause > 0 && d.tls == nil {
		switch talks, err := d.talksEarly(pause); {
		case err != nil:
			d.lost(err)
			return false
		case talks:
			d.limits.Log.Info("a client talked before it was greeted", "client", d.shownClient())
			d.line(554, ' ', "", d.limits.Hostname+" ESMTP not accepting messages")
			d.refused = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 0, 0}, Message: "Command rejected"}
			return true
		}
	}
	d.line(220, ' ', "", text)
	return true
}

// turnAway greets a client that may not come in.
func (d *dialogue) turnAway(err error) bool {
	reply := d.replyTo(err)
	if _, ok := errors.AsType[*smtp.SMTPError](err); !ok {
		reply = &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: d.limits.Hostname + " Temporary system failure; try again later"}
	}
	if reply.Code == 421 {
		d.over, d.lingers = true, true
		d.sayAll(reply, "")
		return false
	}
	d.refused = reply
	greeting := *reply
	if greeting.Code/100 == 5 {
		greeting.Code = 554 // RFC 5321 section 3.1 has no other
	}
	d.sayAll(&greeting, "")
	return true
}

// talksEarly waits, and says whether the client spoke before it was greeted:
// one that does is no mail server, and does not listen (FEATURE(greet_pause)).
func (d *dialogue) talksEarly(pause time.Duration) (bool, error) {
	d.deadline = time.Now().Add(pause)
	err := d.in.fill(d)
	d.mu.Lock()
	stopped := d.ending != goesOn
	d.mu.Unlock()
	if errors.Is(err, os.ErrDeadlineExceeded) && !stopped {
		return false, nil
	}
	return err == nil, err
}

// hello answers EHLO and HELO.
func (d *dialogue) hello(extended bool, name string) {
	verb := "HELO"
	if extended {
		verb = "EHLO"
	}
	d.slowed(&d.counts.helo, mostHELO)
	if !d.limits.AllowBogusHELO {
		switch {
		case name == "":
			d.say(501, "5.0.0", verb+" requires domain address")
			return
		case len(name) > 255 || !isHost(name):
			d.say(501, "5.0.0", "Invalid domain name")
			return
		}
	}
	err := d.session.Helo(name, extended)
	text := d.limits.Hostname + " Hello " + name + " " + d.shownClient() + ", pleased to meet you"
	if reply, ok := errors.AsType[*smtp.SMTPError](err); ok && reply.Code == 250 {
		text, err = reply.Message, nil
	}
	if err != nil {
		d.answer(err, 250, "", "")
		return
	}
	d.reset()
	d.helo, d.esmtp = name, extended
	if !extended {
		d.say(250, "", text)
		return
	}
	d.line(250, '-', "", text)
	d.offer(d.session.Features())
}

// isHost says that name has no octet that neither a name nor an address
// literal has; sendmail's set, and what RFC 6531 adds.
func isHost(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		return r < 0x80 && !('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || strings.ContainsRune("[].-_#:", r))
	})
}

// offer lists the extensions, in sendmail's order and then ours.
func (d *dialogue) offer(f Features) {
	add := func(is bool, keyword string) {
		if is {
			d.line(250, '-', "", keyword)
		}
	}
	size := "SIZE"
	if f.Size > 0 {
		size += " " + strconv.FormatInt(f.Size, 10)
	}
	mechanisms := d.mechanisms(f)
	d.line(250, '-', "", "ENHANCEDSTATUSCODES")
	add(f.Pipelining, "PIPELINING")
	add(f.Expand, "EXPN")
	add(f.Verbose, "VERB")
	d.line(250, '-', "", "8BITMIME")
	d.line(250, '-', "", size)
	add(f.DSN, "DSN")
	add(f.ETRN, "ETRN")
	add(f.ATRN, "ATRN")
	add(len(mechanisms) > 0, "AUTH "+strings.Join(mechanisms, " "))
	add(f.StartTLS && d.tls == nil, "STARTTLS")
	d.line(250, '-', "", "SMTPUTF8")
	d.line(250, '-', "", "CHUNKING")
	d.line(250, '-', "", "BINARYMIME")
	add(f.MaxRecipients > 0, "LIMITS RCPTMAX="+strconv.Itoa(f.MaxRecipients))
	if f.FutureRelease > 0 {
		latest := d.limits.Now().Add(f.FutureRelease).UTC().Format(time.RFC3339)
		d.line(250, '-', "", "FUTURERELEASE "+strconv.FormatInt(int64(f.FutureRelease/time.Second), 10)+" "+latest)
	}
	add(f.Priority, "MT-PRIORITY")
	add(f.XClient, "XCLIENT "+xclientNames)
	d.say(250, "", "HELP")
}

// mechanisms are those that the client may log in with now.
func (d *dialogue) mechanisms(f Features) []string {
	if !f.Auth || d.authed {
		return nil
	}
	return d.session.AuthMechanisms()
}
