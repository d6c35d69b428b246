package policy

import (
	"errors"

	"mailcrane/mta/access"
)

// tlsClient is sendmail's tls_client: what TLS_Clt: in the access map asks of a
// client's TLS and certificate.
func (p *Policy) tlsClient(c *Client) Verdict {
	asks, found, err := p.parts.Access.TLSClient(c.Name, c.Addr)
	if err != nil {
		return unknown()
	}
	if !found {
		return Verdict{}
	}
	verify := c.Peer.Verify
	if !c.Encrypted {
		verify = "" // nothing was shown
	}
	err = asks.Judge(access.Connection{
		Verify: verify, Bits: c.Bits, Name: c.Name, CN: c.Peer.CN, Subject: c.Peer.Subject, Issuer: c.Peer.Issuer,
	}, p.parts.Access.IssuerTagged)
	if err == nil {
		return Verdict{}
	}
	verdict := unknown()
	if wrong, ok := errors.AsType[*access.Refusal](err); ok {
		verdict = refuse(wrong.Code, wrong.Status, wrong.Text)
	}
	verdict.Rule, verdict.Where = "tls_client", asks.Where
	return verdict
}
