package smtpd

import (
	"bytes"
	"strings"

	"mailcrane/internal/syntax"
)

// Bounds of a command line, its end too. RFC 5321 section 4.5.3.1.4 has 512;
// MAIL and RCPT may have more by their parameters, and RFC 4954 section 4 has
// 12288 for AUTH.
const (
	mostCommand  = 512
	mostEnvelope = 4096
	mostAuth     = 12288
)

// mostOf is the most octets that a line of this start may have.
func mostOf(start []byte) int {
	if len(start) >= 5 && bytes.EqualFold(start[:5], []byte("AUTH ")) {
		return mostAuth
	}
	return mostEnvelope
}

// verbOf is the first word of a line in upper case, and what follows.
func verbOf(line string) (verb, rest string) {
	i := strings.IndexAny(line, " \t")
	if i < 0 {
		return strings.ToUpper(line), ""
	}
	return strings.ToUpper(line[:i]), strings.Trim(line[i:], " \t")
}

// obey does what a line asks for.
func (d *dialogue) obey(raw []byte) {
	line, lf := syntax.CutLineEnd(string(raw))
	if lf {
		d.cut(500, "5.5.2", "A line ended in a bare LF, not in CR LF; closing the connection")
		return
	}
	verb, rest := verbOf(line)
	d.heard(verb, line)
	first, afterData := d.first, d.failed
	d.first, d.failed = false, false
	switch {
	case d.notMail(verb, line, first, afterData):
	case !syntax.Printable(line):
		d.say(500, "5.5.2", "A command holds a control character or is not UTF-8")
	case len(raw) > mostCommand && verb != "MAIL" && verb != "RCPT" && verb != "AUTH":
		d.say(500, "5.5.2", "Line too long")
	case verb == "QUIT":
		d.quit()
	case d.refused != nil:
		d.sayAll(d.refused, "")
		d.said(d.refused.Code)
	default:
		d.dispatch(verb, rest)
	}
}

func (d *dialogue) dispatch(verb, rest string) {
	switch verb {
	case "EHLO", "HELO":
		d.hello(verb == "EHLO", rest)
	case "MAIL":
		d.mail(rest)
	case "RCPT":
		d.rcpt(rest)
	case "DATA":
		d.data(rest)
	case "BDAT":
		d.bdat(rest)
	case "RSET":
		d.reset()
		d.say(250, "2.0.0", "Reset state")
	case "AUTH":
		d.auth(rest)
	case "STARTTLS":
		d.startTLS(rest)
	case "XCLIENT":
		d.sayFor(rest)
	case "ATRN":
		d.turn(rest)
	default:
		d.ask(verb, rest)
	}
}

// notMail ends a connection on which it is no mail client that talks.
func (d *dialogue) notMail(verb, line string, first, afterData bool) bool {
	switch verb {
	case "GET", "POST", "CONNECT", "USER":
		if first || d.session != nil && d.session.Features().DropHTTP {
			d.cut(421, "4.7.0", d.limits.Hostname+" Rejecting open proxy "+d.shownClient())
			return true
		}
	case "EHLO", "HELO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "QUIT", "NOOP", "AUTH",
		"STARTTLS", "XCLIENT", "VRFY", "EXPN", "ETRN", "ATRN", "VERB", "HELP":
		return false
	}
	switch {
	case afterData:
		d.cut(421, "4.7.0", "DATA was refused and a message was sent all the same; closing the connection")
	case isField(line):
		d.cut(421, "4.7.0", "That is a line of a message and no command; closing the connection")
	default:
		return false
	}
	return true
}

// isField says that line looks like a field of a header (RFC 5322 section 2.2):
// a client that sends one is out of step, or is made to talk by another.
func isField(line string) bool {
	name, rest, ok := strings.Cut(line, ":")
	if !ok || name == "" || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

func (d *dialogue) quit() {
	d.say(221, "2.0.0", d.limits.Hostname+" closing connection")
	d.over = true
}

// reset forgets the transaction.
func (d *dialogue) reset() {
	d.tx = transaction{}
	d.extras = Extras{}
	d.session.Reset()
}

// ask answers what is not about a transaction.
func (d *dialogue) ask(verb, rest string) {
	f := d.session.Features()
	const sorry = "Sorry, we do not allow this operation"
	switch verb {
	case "NOOP":
		d.slowed(&d.counts.noop, d.limits.MaxNOOP)
		d.say(250, "2.0.0", "OK")
	case "HELP":
		d.slowed(&d.counts.noop, d.limits.MaxNOOP)
		d.help(rest)
	case "VERB":
		d.slowed(&d.counts.noop, d.limits.MaxNOOP)
		if !f.Verbose {
			d.say(502, "5.7.0", "Verbose unavailable")
			return
		}
		d.verbose = true
		d.say(250, "2.0.0", "Verbose mode")
	case "VRFY", "EXPN":
		d.slowed(&d.counts.vrfy, mostVRFY)
		switch {
		case rest == "":
			d.say(501, "5.5.2", "Argument required")
		case verb == "VRFY":
			d.answer(d.session.Verify(rest), 252, "2.5.2", "Cannot VRFY user; try RCPT to attempt delivery")
		case !f.Expand:
			d.say(502, "5.7.0", sorry)
		default:
			d.answer(d.session.Expand(rest), 250, "2.1.5", rest)
		}
	case "ETRN":
		d.slowed(&d.counts.etrn, mostETRN)
		switch {
		case !f.ETRN:
			d.say(502, "5.7.0", sorry)
		case rest == "":
			d.say(500, "5.5.2", "Parameter required")
		default:
			d.answer(d.session.ETRN(rest), 250, "2.0.0", "Queuing for node "+rest+" started")
		}
	default:
		d.say(500, "5.5.1", `Command unrecognized: "`+short(verb)+`"`)
	}
}

// short is a word of a client's as a reply shows it.
func short(word string) string {
	if len(word) > 40 {
		return word[:40] + "..."
	}
	return word
}

func (d *dialogue) help(topic string) {
	lines := []string{
		"This is mailcrane; commands:",
		"    HELO    EHLO    MAIL    RCPT    DATA",
		"    BDAT    RSET    NOOP    QUIT    HELP",
		"    VRFY    EXPN    VERB    ETRN    ATRN",
		"    AUTH    DSN     STARTTLS",
	}
	if d.limits.Help != nil {
		own, ok := d.limits.Help(topic)
		if !ok {
			d.say(504, "5.3.0", `HELP topic "`+short(topic)+`" unknown`)
			return
		}
		lines = own
	}
	for _, line := range lines {
		d.line(214, '-', "2.0.0", line)
	}
	d.say(214, "2.0.0", "End of HELP info")
}
