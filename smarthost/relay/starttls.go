package relay

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"mailcrane/queue"
)

// startTLSIfOffered is for a session that goes on in the clear where the server
// has no TLS, or none just now. A handshake that fails ends it all the same: what then would be said
// in the clear is for the caller to decide, on another connection.
func (s *Session) startTLSIfOffered() *queue.RouteFault {
	if !s.caps.StartTLS {
		return nil
	}
	if fault := s.startTLS(); fault != nil || s.tls == nil {
		return fault
	}
	return s.hello()
}

// startTLS asks for TLS on a connection that began in the clear (RFC 3207).
// Where it cannot be had, the session ends: it never goes on in the clear.
func (s *Session) startTLS() *queue.RouteFault {
	switch before := s.target.Memory.Recall().Capabilities; {
	case s.caps.StartTLS:
	case !before.same(Capabilities{}):
		// Over TLS a session has gone well before: it is not the configuration.
		return s.fault(queue.StepTLS, "someone on this network is hiding it: use another one; if this goes on everywhere, ask the provider whether smtps:// (port 465) works",
			"the server does not offer STARTTLS any more, without which nothing is sent")
	default:
		return s.personFault(queue.StepTLS, "someone between may be hiding it: try another network; where the provider offers TLS at once, write smtps:// in smarthost",
			"the server does not offer STARTTLS, without which nothing is sent")
	}
	r, err := s.dialogue.ask("STARTTLS", s.target.Timeouts.StartTLS)
	switch {
	case err != nil:
		return s.broken(queue.StepTLS, err)
	case r.code/100 == 4 && s.target.Mode == Opportunistic:
		s.putOff = true // RFC 3207 section 4: it is ours whether to go on
		return nil
	case r.code != 220:
		f := s.fault(queue.StepTLS, "if this goes on, ask the provider whether smtps:// (port 465) works", "the server refuses STARTTLS: %v", r)
		f.NeedsPerson = r.code/100 == 5
		return f
	case s.dialogue.r.Buffered() > 0:
		// What came in the clear behind the 220 would be taken for the
		// server's own words under TLS (CVE-2011-0411).
		return s.personFault(queue.StepTLS, "someone on this network meddles with the connection: use another one",
			"the server, or someone in between, sent more in the clear after agreeing to STARTTLS")
	}
	return s.handshake()
}

// handshake puts TLS on the wire and checks the certificate.
func (s *Session) handshake() *queue.RouteFault {
	t, w := s.target, s.dialogue.wire
	known := t.Memory.Recall()
	settings := t.TLS.config(t.Server, t.Now, known.Link)
	sessions := t.TLS.resume(settings)
	secured := tls.Client(w, settings)
	sent, received := w.sent.Load(), w.received.Load()
	defer func() {
		s.handshakeSent, s.handshakeReceived = w.sent.Load()-sent, w.received.Load()-received
	}()
	w.hurry(t.Timeouts.StartTLS)
	err := w.patience(t.Timeouts.StartTLS)
	began := time.Now()
	if err == nil {
		err = secured.Handshake()
	}
	took := time.Since(began)
	sessions.settle(err)
	w.hurry(t.Timeouts.DataBlock)
	if err != nil {
		if w.received.Load() > received {
			s.dialogue.trips++
		}
		_, s.reached.stale = errors.AsType[*stale](err)
		return s.tlsFault(w.why(err))
	}
	state := secured.ConnectionState()
	s.tls = &state
	s.dialogue.trips++
	s.dialogue.onto(secured)
	// What the server says next answers our end of the handshake.
	s.dialogue.counted = -1
	if state.Version < tls.VersionTLS13 && !state.DidResume {
		// Here the last word is the server's, and its greeting may follow at once
		// (RFC 5246 section 7.3).
		s.dialogue.trips++
		s.dialogue.counted = 0
	}
	s.learnLink(w.sent.Load()+w.received.Load()-sent-received, took)
	what := "verified"
	if s.unverified = t.TLS.unverified(state, t.Server, t.Now()); s.unverified != nil {
		what = "not verified"
	}
	s.dialogue.tell(nil, "*** ", fmt.Sprintf("%s with %s, certificate of %s %s", tls.VersionName(state.Version), t.Server, names(state.PeerCertificates[0]), what))
	return nil
}

// tlsFault says in one sentence why there is no TLS, and what mends it.
func (s *Session) tlsFault(err error) *queue.RouteFault {
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(bad.UnverifiedCertificates) > 0 {
		f := s.certificateFault(bad.UnverifiedCertificates[0], bad.Err)
		f.Err = &worded{f.Err.Error(), bad} // who advises a person looks at the certificate
		return f
	}
	if s.target.TLS.KeyExchange == PostQuantum && noExchange(err) {
		return s.personFault(queue.StepTLS, `set tls.key_exchange = "auto" in the account, which takes another where the server knows none`,
			"the server knows no post-quantum key exchange, and tls.key_exchange wants one")
	}
	other, isUnpinned := errors.AsType[*unpinned](err)
	clear, isClear := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case isUnpinned:
		return s.fault(queue.StepTLS, fmt.Sprintf("only if you know that the server has a new certificate: tls.pin = [%q]; else do not use this network", CertificatePin(other.cert)),
			"the server's certificate (for %s) is not the one pinned in tls.pin", names(other.cert))
	case isClear:
		return s.clearFault(clear)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return s.fault(queue.StepTLS, "where the port does not speak TLS at once, write smtp:// in place of smtps:// in smarthost",
			"the server did not finish the TLS handshake within %v", s.target.Timeouts.StartTLS)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return s.fault(queue.StepTLS, "check that the port in smarthost speaks TLS; "+s.target.hintPorts(), "the server closed the connection during the TLS handshake")
	case tooOld(err):
		return s.personFault(queue.StepTLS, "ask the provider for a server with TLS 1.2 or later", "the server speaks only TLS older than 1.2, which is not safe")
	}
	if alert := remoteAlert(err); alert != "" {
		return s.tlsRefused(alert)
	}
	return s.broken(queue.StepTLS, err)
}

// tooOld says that server and we have no version of TLS in common.
func tooOld(err error) bool {
	return strings.Contains(err.Error(), "unsupported protocol version") || remoteAlert(err) == "protocol version not supported"
}

// noExchange says that they have no key exchange in common, as far as the
// server tells (RFC 8446 section 4.1.1).
func noExchange(err error) bool {
	alert := remoteAlert(err)
	return tooOld(err) || alert == "handshake failure" || alert == "insufficient security level"
}

// tlsRefused reads the alert by which the server broke off (RFC 8446 section
// 6.2). Only those that can be about our side need a person: a portal's web
// server, which does not know the name we ask for, sends others.
func (s *Session) tlsRefused(alert string) *queue.RouteFault {
	for _, word := range []string{"certificate", "handshake failure", "access denied", "protocol version", "insufficient security"} {
		if strings.Contains(alert, word) {
			return s.personFault(queue.StepTLS, "where the server wants a client certificate, set tls.cert and tls.key", "the server refused TLS: %s", alert)
		}
	}
	return s.fault(queue.StepTLS, hintPortal, "the server refused TLS: %s", alert)
}

// certificateFault says what is wrong with a certificate that no pin allows.
// Another server's certificate, or one of a CA that nobody knows, is what the
// log-in page of a network shows: that passes without a change here.
func (s *Session) certificateFault(cert *x509.Certificate, why error) *queue.RouteFault {
	t := s.target
	pin := fmt.Sprintf("tls.pin = [%q]", CertificatePin(cert))
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](why)
	_, isUnknown := errors.AsType[x509.UnknownAuthorityError](why)
	switch {
	case len(cert.DNSNames)+len(cert.IPAddresses) > 0 && cert.VerifyHostname(t.Server) != nil:
		// Before the dates, and before the CA: what is somebody else's says
		// nothing about our server.
		return s.fault(queue.StepTLS, "check the name in smarthost; "+hintPortal+"; if it is your own server, after comparing the fingerprint on the server: "+pin,
			"the certificate is for %s, not for %s", names(cert), t.Server)
	case isInvalid && invalid.Reason == x509.Expired && t.Now().Before(cert.NotBefore):
		return s.personFault(queue.StepTLS, "check this machine's clock",
			"the certificate is good only from %s on, and this machine's clock says %s", day(cert.NotBefore), day(t.Now()))
	case isInvalid && invalid.Reason == x509.Expired:
		return s.personFault(queue.StepTLS, "check this machine's clock; if it is right, tell the server's administrator to renew the certificate",
			"the certificate expired on %s, and this machine's clock says %s", day(cert.NotAfter), day(t.Now()))
	case isUnknown:
		return s.fault(queue.StepTLS, "if it is your own server, set tls.ca to the file of its CA, or after comparing the fingerprint on the server: "+pin+"; else do not use this network: it may have a log-in page, or read along",
			"the certificate for %s is signed by %q, a CA that is not trusted here", names(cert), clean(issuer(cert)))
	}
	return s.personFault(queue.StepTLS, "if it is your own server, after comparing the fingerprint on the server: "+pin,
		"the certificate for %s is not valid: %s", names(cert), clean(why.Error()))
}

func issuer(cert *x509.Certificate) string {
	if cert.Issuer.CommonName != "" {
		return cert.Issuer.CommonName
	}
	return cert.Issuer.String()
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006 15:04 UTC") }

// clearFault: what answers speaks no TLS. Its first octets tell what it is.
func (s *Session) clearFault(e tls.RecordHeaderError) *queue.RouteFault {
	t, start := s.target, string(e.RecordHeader[:])
	switch {
	case t.Mode == StartTLS, t.Mode == Opportunistic:
		return s.fault(queue.StepTLS, "try another network; if this goes on, ask the provider", "the server agreed to STARTTLS and then did not speak TLS")
	case webPage(start):
		return s.fault(queue.StepTLS, hintPortal, "a web server answers, not a mail server")
	case strings.HasPrefix(start, "220"):
		return s.personFault(queue.StepTLS, "write smtp:// in place of smtps:// in smarthost, for STARTTLS",
			"the server does not speak TLS at once on this port, but plain SMTP")
	case strings.HasPrefix(start, "4"), strings.HasPrefix(start, "5"):
		return s.fault(queue.StepTLS, s.target.hintPorts(), "the server refuses the connection in plain SMTP (%s) before TLS", clean(start))
	}
	return s.fault(queue.StepTLS, "check the port in smarthost; "+hintPortal, "what answers does not speak TLS: %q", start)
}

// remoteAlert is the alert by which the server broke off TLS, or "".
func remoteAlert(err error) string {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "remote error" {
		return ""
	}
	return strings.TrimPrefix(op.Err.Error(), "tls: ")
}
