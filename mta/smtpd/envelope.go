package smtpd

import (
	"strings"
	"time"

	"mailcrane/internal/address"
	"mailcrane/internal/syntax"
)

// mail answers MAIL.
func (d *dialogue) mail(rest string) {
	f := d.session.Features()
	switch {
	case d.tx.begun:
		d.say(503, "5.5.0", "Sender already specified")
		return
	case f.NeedAuth && !d.authed:
		d.say(530, "5.7.0", "Authentication required")
		return
	}
	path, params, ok := d.path("MAIL", "FROM:", rest)
	if !ok {
		return
	}
	d.extras = Extras{}
	opts, bad := d.mailOptions(params, f)
	if bad != nil {
		d.refuse(bad)
		return
	}
	if !opts.UTF8 && address.NeedsUTF8(path) {
		d.say(553, "5.6.7", "The address is not ASCII: add SMTPUTF8 to MAIL FROM")
		return
	}
	tx := transaction{begun: true, utf8: opts.UTF8, binary: opts.Body == "BINARYMIME", limit: f.Size}
	d.tx.utf8 = opts.UTF8
	if !d.answer(d.session.Mail(path, opts), 250, "2.1.0", "<"+path+">... Sender ok") {
		d.tx = transaction{}
		return
	}
	d.tx = tx
}

// rcpt answers RCPT.
func (d *dialogue) rcpt(rest string) {
	if !d.tx.begun {
		d.say(503, "5.0.0", "Need MAIL before RCPT")
		return
	}
	f := d.session.Features()
	if f.MaxRecipients > 0 && d.tx.rcpts >= f.MaxRecipients {
		d.say(452, "4.5.3", "Too many recipients")
		return
	}
	if most := d.limits.BadRcptThrottle; most > 0 && d.tx.refused >= most {
		if d.witness != nil && !d.tx.flooded {
			d.tx.flooded = true
			d.witness.Flood()
		}
		d.sleep(time.Second)
	}
	path, params, ok := d.path("RCPT", "TO:", rest)
	if !ok {
		return
	}
	opts, bad := d.rcptOptions(params, f)
	switch {
	case path == "":
		d.say(553, "5.0.0", "<>... User address required")
		return
	case bad != nil:
		d.refuse(bad)
		return
	case !d.tx.utf8 && address.NeedsUTF8(path):
		d.say(553, "5.6.7", "The address is not ASCII: add SMTPUTF8 to MAIL FROM")
		return
	}
	if d.outcome(d.session.Rcpt(path, opts), 250, "2.1.5", "<"+path+">... Recipient ok") < 400 {
		d.tx.rcpts++
		return
	}
	d.tx.refused++
	if most := d.limits.BadRcptShutdown; most > 0 && d.tx.refused >= most {
		d.cut(421, "4.7.0", d.limits.Hostname+" Too many bad recipients; closing the connection")
	}
}

// path takes the path and the parameters off what follows MAIL or RCPT.
func (d *dialogue) path(verb, keyword, rest string) (path string, params []string, ok bool) {
	if len(rest) < len(keyword) || !strings.EqualFold(rest[:len(keyword)], keyword) {
		d.say(501, "5.5.2", "Syntax error in parameters: write "+verb+" "+keyword+"<address>")
		return "", nil, false
	}
	text := strings.TrimLeft(rest[len(keyword):], " ")
	path, rest, err := syntax.CutPath(text)
	if err != nil {
		if d.witness != nil {
			d.witness.Malformed(verb, text, err)
		}
		d.say(553, "5.1.3", "Bad address: "+err.Error())
		return "", nil, false
	}
	return path, strings.Fields(rest), true
}
