package discover

import (
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"syscall"

	"mailcrane/internal/visible"
)

// mostReason bounds the words of an error from outside, in octets.
const mostReason = 300

// notThere says that the answer was no: the name server knows of no such name,
// or the machine of no such port. Everything else is no answer.
func notThere(err error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.IsNotFound
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// nameNotThere is notThere for a name alone: a refused connection to the name
// server, or to a web server, says nothing about a name.
func nameNotThere(err error) bool {
	dns, ok := errors.AsType[*net.DNSError](err)
	return ok && dns.IsNotFound
}

// reason is why something could not be asked, in few words.
func reason(err error) string {
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return visible.Line("somebody else answers there: "+certificate.Err.Error(), mostReason)
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsTimeout {
			return "no name server answers"
		}
		return visible.Line("the name cannot be looked up: "+dns.Err, mostReason)
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		// Its own words begin with the URL, in which the address may stand.
		if u.Timeout() {
			return "no answer in time"
		}
		err = u.Err
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return "no answer in time"
	}
	return visible.Line(err.Error(), mostReason)
}
