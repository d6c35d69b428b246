package relay

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"time"
)

// stale: the session that was resumed is of a server whose certificate is not
// good any more. It is no word about the server as it is now.
type stale struct{ err error }

func (e *stale) Error() string { return "the TLS session is out of date: " + e.err.Error() }
func (e *stale) Unwrap() error { return e.err }

// checkAgain checks what crypto/tls does not: pins, always; and on resumption,
// where the server shows no certificate, the one that it showed back then, since
// the CAs of this machine, the pins, or the date may be others today.
func (p TLS) checkAgain(server string, now func() time.Time) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		err := p.checkPin(state)
		if err == nil && state.DidResume && len(p.Pins) == 0 && !p.Anybody {
			err = p.verify(state.PeerCertificates, server, now())
		}
		if err != nil && state.DidResume {
			return &stale{err}
		}
		return err
	}
}

// unverified is what is wrong with a certificate that was taken from anybody; nil
// is nothing.
func (p TLS) unverified(state tls.ConnectionState, server string, now time.Time) error {
	switch {
	case !p.Anybody:
		return nil
	case len(state.PeerCertificates) == 0:
		return errors.New("the server showed no certificate")
	}
	return p.verify(state.PeerCertificates, server, now)
}

// verify is the check of crypto/tls itself. The first certificate is there.
func (p TLS) verify(shown []*x509.Certificate, server string, now time.Time) error {
	between := x509.NewCertPool()
	for _, cert := range shown[1:] {
		between.AddCert(cert)
	}
	_, err := shown[0].Verify(x509.VerifyOptions{Roots: p.Roots, Intermediates: between, DNSName: server, CurrentTime: now})
	return err
}

// resumption is the sessions of one handshake. crypto/tls drops the session
// that was offered whenever the handshake fails; a link over which nothing came
// says nothing about it, and gives it back.
type resumption struct {
	tls.ClientSessionCache
	anew    bool
	name    string
	offered *tls.ClientSessionState
}

// resume has a handshake use the sessions that are kept.
func (p TLS) resume(c *tls.Config) *resumption {
	r := &resumption{ClientSessionCache: p.Sessions, anew: p.anew}
	if p.Sessions != nil {
		c.ClientSessionCache = r
	}
	return r
}

// Get implements tls.ClientSessionCache.
func (r *resumption) Get(name string) (*tls.ClientSessionState, bool) {
	if r.anew {
		return nil, false
	}
	state, ok := r.ClientSessionCache.Get(name)
	if ok {
		r.name, r.offered = name, state
	}
	return state, ok
}

// settle draws the conclusions from how the handshake went: of a stale session,
// the server's others are no better.
func (r *resumption) settle(err error) {
	if r.offered == nil || err == nil {
		return
	}
	if _, ok := errors.AsType[*stale](err); ok {
		const most = 16 // a cache that drops nothing must not hold us up
		for range most {
			if _, more := r.ClientSessionCache.Get(r.name); !more {
				return
			}
			r.Put(r.name, nil)
		}
		return
	}
	if broke, ok := errors.AsType[net.Error](err); ok && broke.Timeout() {
		r.Put(r.name, r.offered)
	}
}
