package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"time"
)

// Server judges what a server has shown to us, its client: OK is that one of roots
// has signed its certificate, whoever that is for; nil are the system's roots.
func Server(state *tls.ConnectionState, roots *x509.CertPool, now time.Time) Facts {
	f := factsOf(state)
	if state == nil || len(state.PeerCertificates) == 0 {
		return f
	}
	between := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		between.AddCert(c)
	}
	f.Verify = "FAIL"
	if _, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now}); err == nil {
		f.Verify = "OK"
	}
	return f
}
