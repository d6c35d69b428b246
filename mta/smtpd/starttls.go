package smtpd

import (
	"context"
	"crypto/tls"
	"time"

	"mailcrane/internal/config"
)

func (d *dialogue) isImplicit() bool {
	return d.Port != nil && d.Port.TLS == config.ListenImplicit
}

// startTLS answers STARTTLS (RFC 3207).
func (d *dialogue) startTLS(rest string) {
	switch {
	case rest != "":
		d.say(501, "5.5.2", "Syntax error (no parameters allowed)")
		return
	case d.tls != nil:
		d.say(503, "5.5.0", "TLS is active already")
		return
	case !d.session.Features().StartTLS:
		d.say(503, "5.5.0", "TLS not available")
		return
	case len(d.in.unread()) > 0:
		// What came before the handshake is not under TLS, and must not be taken
		// for what is.
		d.in.forget()
		d.cut(554, "5.7.0", "More was sent behind STARTTLS, in the clear; closing the connection")
		return
	}
	conf, err := d.session.TLS()
	if err != nil || conf == nil {
		d.limits.Log.Error("TLS is not available", "client", d.shownClient(), "error", err)
		d.say(454, "4.3.3", "TLS not available")
		return
	}
	d.say(220, "2.0.0", "Ready to start TLS")
	if d.flush() == nil && d.secure(conf) {
		d.forget()
	}
}

// handshake is TLS from the first octet on. It is false if the connection is over.
func (d *dialogue) handshake() bool {
	conf, err := d.session.TLS()
	if err != nil || conf == nil {
		d.limits.Log.Error("TLS is not available", "client", d.shownClient(), "error", err)
		d.over = true
		return false
	}
	return d.secure(conf)
}

// secure puts TLS on the connection.
func (d *dialogue) secure(conf *tls.Config) bool {
	secured := tls.Server(d.net, conf)
	ctx, cancel := context.WithTimeout(d.ctx, d.limits.StartTLS)
	defer cancel()
	// A client that stalls here makes room for others as any that waits does.
	err := d.await(itsWords, time.Now().Add(d.limits.StartTLS))
	if err == nil {
		_ = d.net.SetWriteDeadline(time.Now().Add(d.limits.StartTLS))
		err = secured.HandshakeContext(ctx)
		d.goOn()
	}
	if err != nil {
		if d.witness != nil {
			d.witness.Insecure(err)
		}
		d.over = true
		return false
	}
	state := secured.ConnectionState()
	d.net, d.tls = secured, &state
	if err := d.session.Secured(); err != nil {
		reply := d.replyTo(err)
		reply.Code = max(reply.Code, 400)
		d.sayAll(reply, "")
		d.over, d.lingers = true, true
		return false
	}
	return true
}

// forget drops all that was said before TLS (RFC 3207 section 4.2).
func (d *dialogue) forget() {
	d.reset()
	d.helo, d.esmtp, d.verbose, d.authed, d.counts.helo = "", false, false, false, 0
}
