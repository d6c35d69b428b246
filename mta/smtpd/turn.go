package smtpd

import (
	"net"
	"time"
)

// turn answers ATRN (RFC 2645): what the client asks for is sent over the same
// connection, on which it is the server then.
func (d *dialogue) turn(rest string) {
	d.slowed(&d.counts.etrn, mostETRN)
	turner, can := d.session.(Turner)
	switch {
	case !can || !d.session.Features().ATRN:
		d.say(502, "5.5.1", "ATRN is not offered here")
		return
	case d.tx.begun:
		d.say(503, "5.5.0", "ATRN not permitted during a mail transaction")
		return
	case !d.authed:
		d.say(530, "5.7.0", "Authentication required")
		return
	case len(d.in.unread()) > 0:
		// What stands behind it would be taken for the replies of a server.
		d.in.forget()
		d.cut(554, "5.5.0", "More was sent behind ATRN; closing the connection")
		return
	}
	run, err := turner.Turn(rest)
	if err != nil {
		d.answer(err, 451, "4.3.0", "Unable to process ATRN request now")
		return
	}
	d.say(250, "2.0.0", "OK now reversing the connection")
	d.over, d.turned = true, run
}

// reverse hands the connection over. What has been asked for is released also
// where the client has gone, or the session has failed.
func (d *dialogue) reverse(told bool) {
	run := d.turned
	if run == nil {
		return
	}
	d.turned = nil
	var conn net.Conn
	if told && d.net.SetDeadline(time.Time{}) == nil {
		conn = d.net
	}
	defer d.survive()
	run(d.serving, conn)
}
