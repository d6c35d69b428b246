package access

import (
	"net/netip"
	"strings"

	"mailcrane/mta/textmap"
)

// TryTLS says whether STARTTLS is used with a server, and which line says so.
func (m *Map) TryTLS(name string, addr netip.Addr) (try bool, where string, err error) {
	e, where, _, err := m.peer(tryTLS, name, addr)
	return !strings.EqualFold(e.Value, "NO"), where, err
}

// TLSServer is what is asked of a server that we are a client of (TLS_Srv).
func (m *Map) TLSServer(name string, addr netip.Addr) (r Requirement, found bool, err error) {
	return m.requirement(m.peer(tlsServer, name, addr))
}

// TLSClient is what is asked of a client (TLS_Clt).
func (m *Map) TLSClient(name string, addr netip.Addr) (r Requirement, found bool, err error) {
	return m.requirement(m.peer(tlsClient, name, addr))
}

// TLSRecipient is what is asked of the connection that a recipient's mail goes
// over (TLS_Rcpt).
func (m *Map) TLSRecipient(recipient string) (r Requirement, found bool, err error) {
	s, err := m.search(tlsRecipient, false)
	if err != nil {
		return r, false, err
	}
	e, found := s.mailbox(recipient, true)
	if !found {
		e, found = s.all()
	}
	if !found {
		return r, false, nil
	}
	return m.requirement(e, s.where(e), true, nil)
}

// requirement reads what was found; OK asks for nothing.
func (m *Map) requirement(e textmap.Entry, where string, found bool, err error) (Requirement, bool, error) {
	if !found || err != nil || strings.EqualFold(e.Value, "OK") {
		return Requirement{Where: where}, found, err
	}
	r, err := parseRequirement(e.Value)
	r.Where = where
	return r, err == nil, err
}

// ServerTLS is what is different for a client's session (TLS_Srv_features).
func (m *Map) ServerTLS(name string, addr netip.Addr) (t TLSOptions, found bool, err error) {
	return m.tlsOptions(tlsServerWith, name, addr)
}

// ClientTLS is what is different for a session with a server (TLS_Clt_features).
func (m *Map) ClientTLS(name string, addr netip.Addr) (t TLSOptions, found bool, err error) {
	return m.tlsOptions(tlsClientWith, name, addr)
}

func (m *Map) tlsOptions(t tag, name string, addr netip.Addr) (TLSOptions, bool, error) {
	e, where, found, err := m.peer(t, name, addr)
	if !found {
		return TLSOptions{}, false, err
	}
	o, err := parseTLSOptions(e.Value)
	o.Where = where
	return o, err == nil, err
}
