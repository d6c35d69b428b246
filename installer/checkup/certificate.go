package checkup

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"mailcrane/internal/sysexits"
	"mailcrane/smarthost"
	"mailcrane/smarthost/relay"
)

// soon is how long before its end a certificate is told of: who renews by a timer
// does it a month ahead, so that this one has failed.
const soon = 14 * 24 * time.Hour

// badCertificate says what is wrong with the server's certificate. Somebody else's
// says nothing of dates or authorities, so that the name is looked at first.
func (w *way) badCertificate(ctx context.Context, bad *tls.CertificateVerificationError) {
	leaf, host, now := bad.UnverifiedCertificates[0], w.account.Smarthost.Host, w.Now()
	f := Finding{State: Broken, Code: sysexits.Protocol, Why: "nothing is sent to a server that does not prove that it is the right one"}
	pin := fmt.Sprintf("if it is your own server, after comparing the fingerprint there: tls.pin = [%q]", relay.CertificatePin(leaf))
	_, unknown := errors.AsType[x509.UnknownAuthorityError](bad.Err)
	switch {
	case len(leaf.DNSNames)+len(leaf.IPAddresses) > 0 && leaf.VerifyHostname(host) != nil:
		if w.portal(ctx, "what answers shows the certificate of "+line(nameOf(leaf))) {
			return
		}
		f.ID, f.What = "certificate-name", fmt.Sprintf("the certificate is for %s, not for %s", line(nameOf(leaf)), host)
		f.Mend, f.Command = "correct the name in smarthost; "+pin, w.edit(w.lineOf(w.account, "smarthost"))
	case now.Before(leaf.NotBefore):
		f.ID, f.What = "certificate-early", fmt.Sprintf("the certificate is good only from %s on, and the clock says %s", day(leaf.NotBefore), day(now))
		f.Why = "most likely the clock of this machine is behind"
		f.Command = w.sudo("timedatectl set-ntp true")
	case now.After(leaf.NotAfter):
		f.ID, f.What = "certificate-expired", fmt.Sprintf("the server's certificate ended on %s, and the clock says %s", day(leaf.NotAfter), day(now))
		f.Mend = "if the clock is right, tell the server's administrator to renew it; mail waits"
		f.Command = "timedatectl"
	case unknown && w.account.TLS.CA == "" && w.noAuthorities():
		f.ID, f.What = "no-authorities", "this machine has no list of certificate authorities"
		f.Why = "without it no server can prove that it is the right one"
		f.Command = w.sudo("apt-get install ca-certificates")
	case unknown && bytes.Equal(leaf.RawIssuer, leaf.RawSubject):
		f.ID, f.What = "certificate-self-signed", fmt.Sprintf("the certificate of %s is signed by nobody but itself", host)
		f.Mend, f.Command = pin+"; else do not use this network", w.edit(w.lineOf(w.account, "smarthost"))
	case unknown:
		f.ID, f.What = "certificate-authority", fmt.Sprintf("the certificate of %s is signed by %q, which is not trusted here", host, line(leaf.Issuer.CommonName))
		f.Mend = "if it is your own server, set tls.ca to the file of its authority, or: " + pin + "; else do not use this network"
		f.Command = w.edit(w.lineOf(w.account, "smarthost"))
	default:
		f.ID, f.What, f.Mend = "certificate", "the server's certificate is not valid: "+line(bad.Err.Error()), pin
	}
	w.tell(f)
}

func nameOf(cert *x509.Certificate) string {
	if len(cert.DNSNames) > 0 {
		return cert.DNSNames[0]
	}
	return cert.Subject.CommonName
}

// noAuthorities says that none of the lists is there that crypto/x509 reads on
// Linux and the BSDs, and that no variable names another.
func (w *way) noAuthorities() bool {
	for _, path := range []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem", "/usr/local/etc/ssl/cert.pem"} {
		if info, err := os.Stat(filepath.Join(w.Root, path)); err == nil && info.Size() > 0 {
			return false
		}
	}
	return w.Getenv("SSL_CERT_FILE") == "" && w.Getenv("SSL_CERT_DIR") == ""
}

// certificateEnds warns ahead of the end.
func (w *way) certificateEnds(r *smarthost.Report) {
	left := r.Expires.Sub(w.Now())
	switch {
	case r.TLS == "":
		w.tell(Finding{
			ID: "no-tls", State: Note, What: "mail goes to " + r.Server + " without TLS, as smtp+insecure:// says",
			Why: "who is on the way can read it",
		})
	case left < soon && len(w.account.TLS.Pin) == 0:
		w.tell(Finding{
			ID: "certificate-ending", State: Warning, What: fmt.Sprintf("the server's certificate ends on %s", day(r.Expires)),
			Why:  "after that nothing is sent to it; it should have been renewed by now",
			Mend: "tell the server's administrator; to see it, type the command", Command: fmt.Sprintf("openssl s_client -connect %s -servername %s </dev/null | openssl x509 -noout -dates", r.Server, w.account.Smarthost.Host),
		})
	default:
		w.tell(Finding{ID: "certificate", State: OK, What: fmt.Sprintf("%s, certificate good until %s", r.TLS, day(r.Expires))})
	}
}

// clientCertificate looks at our own, where one is shown.
func (w *way) clientCertificate() bool {
	own := w.account.TLS
	if own.Cert == "" {
		return true
	}
	pair, err := tls.LoadX509KeyPair(own.Cert, own.Key)
	if err != nil {
		return true // the session says so
	}
	f := Finding{ID: "client-certificate", Why: "a server that wants it lets nobody in with one that has ended", Command: "openssl x509 -noout -dates -in " + shell(own.Cert)}
	switch left := pair.Leaf.NotAfter.Sub(w.Now()); {
	case left < 0:
		f.State, f.Code = Broken, sysexits.NoPerm
		f.What = fmt.Sprintf("your own certificate %s ended on %s", own.Cert, day(pair.Leaf.NotAfter))
	case left < soon:
		f.State, f.What = Warning, fmt.Sprintf("your own certificate %s ends on %s", own.Cert, day(pair.Leaf.NotAfter))
	default:
		return true
	}
	f.Mend = "get a new one from who gave you this, and put it in its place"
	w.tell(f)
	return f.State != Broken
}
