package mx

import (
	"crypto/tls"

	"mailcrane/mta/access"
	"mailcrane/mta/certificate"
	"mailcrane/smarthost/relay"
)

// connection is what is known of an open session, in sendmail's words. clear says
// that TLS was not tried here.
func (t *Transport) connection(p Peer, s *relay.Session, clear bool) access.Connection {
	facts := certificate.Server(s.TLS(), t.Roots, t.Now())
	c := access.Connection{
		Verify: facts.Verify, Bits: facts.Bits, Name: p.Host,
		CN: facts.CN, Subject: facts.Subject, Issuer: facts.Issuer,
	}
	switch state := s.TLS(); {
	case state != nil && certifies(state, p.Host):
		c.CN = p.Host // by any of its names (RFC 9525), of which CN may be none
	case state == nil && clear:
		c.Verify = "CLEAR"
	case s.TLSPutOff():
		c.Verify = "TEMP"
	}
	return c
}

func certifies(state *tls.ConnectionState, host string) bool {
	return len(state.PeerCertificates) > 0 && state.PeerCertificates[0].VerifyHostname(host) == nil
}
