package access

import (
	"net/netip"
	"strings"
	"time"

	"mailcrane/mta/textmap"
)

// Connect is the entry for a client, by its name and then by its address: an
// entry for the name wins over one for the network. A client without a name has
// its address in brackets as one.
func (m *Map) Connect(name string, addr netip.Addr) (Entry, error) {
	s, err := m.search(connect, true)
	if err != nil {
		return Entry{}, err
	}
	return s.decision(s.peer(name, addr)), nil
}

// ConnectName is the entry for the name of a client alone.
func (m *Map) ConnectName(name string) (Entry, error) { return m.Connect(name, netip.Addr{}) }

// ConnectAddress is the entry for the address of a client alone.
func (m *Map) ConnectAddress(addr netip.Addr) (Entry, error) { return m.Connect("", addr) }

// From is the entry for a sender: its address, user@, its domain. There is none
// for the empty reverse-path.
func (m *Map) From(sender string) (Entry, error) { return m.decideMailbox(from, true, sender, true) }

// RelayFrom is the entry From: that may let mail of a sender be relayed: of its
// address, then of its domain, and never without the tag.
func (m *Map) RelayFrom(sender string) (Entry, error) {
	return m.decideMailbox(from, false, sender, false)
}

// ToRelay is the entry that may let mail to recipient be relayed: that of its
// domain, after that of the address itself with RelayToFullAddress.
func (m *Map) ToRelay(recipient string) (Entry, error) {
	s, err := m.search(to, true)
	if err != nil {
		return Entry{}, err
	}
	box := parseMailbox(recipient)
	if s.options.RelayToFullAddress && box.domain != "" {
		if e, ok := s.find(box.fullKeys(box.domain)); ok {
			return s.decision(e, true), nil
		}
	}
	return s.decision(s.domain(box.domain)), nil
}

// ToRefuse is the entry that may refuse a recipient: its address, user@ where
// its domain is local, its domain.
func (m *Map) ToRefuse(recipient string, local bool) (Entry, error) {
	return m.decideMailbox(to, true, recipient, local)
}

// Spam is the entry Spam: for a recipient: Friend, Hater or Nothing.
func (m *Map) Spam(recipient string) (Entry, error) {
	return m.decideMailbox(spam, false, recipient, true)
}

func (m *Map) decideMailbox(t tag, bare bool, address string, user bool) (Entry, error) {
	s, err := m.search(t, bare)
	if err != nil || address == "" || address == "<>" {
		return Entry{}, err
	}
	return s.decision(s.mailbox(address, user)), nil
}

// Compat is the entry Compat: for a sender and a recipient: Discard, Temporary
// or Error.
func (m *Map) Compat(sender, recipient string) (Entry, error) {
	s, err := m.search(compat, false)
	if err != nil {
		return Entry{}, err
	}
	e, ok := s.exact(folded(strings.Trim(sender, "<>")) + "<@>" + folded(strings.Trim(recipient, "<>")))
	if !ok {
		return Entry{}, nil
	}
	d, _, err := parseCompat(e.Value)
	d.Key, d.Where = strings.TrimPrefix(e.Key, string(s.tag)+":"), s.where(e)
	return d, err
}

// CertIssuer is the entry for the issuer of a verified certificate, as it is
// spelled, /C=…/O=…/CN=…, and not encoded: Relay, Subject or Nothing.
func (m *Map) CertIssuer(dn string) (Entry, error) { return m.certificate(certIssuer, dn) }

// CertSubject is the same for its subject: Relay or Nothing.
func (m *Map) CertSubject(dn string) (Entry, error) { return m.certificate(certSubject, dn) }

func (m *Map) certificate(t tag, dn string) (Entry, error) {
	s, err := m.search(t, false)
	if err != nil || dn == "" {
		return Entry{}, err
	}
	return s.decision(s.exact(strings.ToLower(EncodeDN(dn)))), nil
}

// IssuerTagged says whether the map has OK for an issuer under a tag, for the
// extension CITag of a Requirement.
func (m *Map) IssuerTagged(name, dn string) (bool, error) {
	s, err := m.search(tag(strings.ToLower(name)), false)
	if err != nil {
		return false, err
	}
	e, ok := s.exact(strings.ToLower(EncodeDN(dn)))
	return ok && strings.EqualFold(e.Value, "OK"), nil
}

// GreetPause is the pause for a client, where the map says one.
func (m *Map) GreetPause(name string, addr netip.Addr) (pause time.Duration, found bool, err error) {
	ms, found, err := m.number(greetPause, name, addr)
	return time.Duration(ms) * time.Millisecond, found, err
}

// Rate and Connections are the limits for a client, where the map says one; 0 is
// no limit.
func (m *Map) Rate(addr netip.Addr) (most int, found bool, err error) {
	return m.number(clientRate, "", addr)
}

// Connections is the other limit: see Rate.
func (m *Map) Connections(addr netip.Addr) (most int, found bool, err error) {
	return m.number(clientConn, "", addr)
}

func (m *Map) number(t tag, name string, addr netip.Addr) (n int, found bool, err error) {
	e, _, found, err := m.peer(t, name, addr)
	if !found {
		return 0, false, err
	}
	n, err = parseNumber(e.Value)
	return n, err == nil, err
}

// peer is the entry of a tag for a peer, by its name, its address, and for all.
func (m *Map) peer(t tag, name string, addr netip.Addr) (e textmap.Entry, where string, found bool, err error) {
	s, err := m.search(t, false)
	if err != nil {
		return e, "", false, err
	}
	if e, found = s.peerOrAll(name, addr); found {
		where = s.where(e)
	}
	return e, where, found, nil
}

// Features are the letters of Srv_Features for a client.
func (m *Map) Features(name string, addr netip.Addr) (Letters, error) {
	return m.letters(serverFeatures, serverLetters, name, addr)
}

// ClientFeatures are the letters of Clt_Features for a server: d is DANE, m is
// MTA-STS.
func (m *Map) ClientFeatures(name string, addr netip.Addr) (Letters, error) {
	return m.letters(clientFeatures, clientLetters, name, addr)
}

func (m *Map) letters(t tag, known, name string, addr netip.Addr) (Letters, error) {
	e, where, found, err := m.peer(t, name, addr)
	if !found {
		return Letters{}, err
	}
	l, _ := parseLetters(e.Value, known)
	l.Where = where
	return l, nil
}

// QueueGroup is the queue group of a recipient, where the map says one.
func (m *Map) QueueGroup(recipient string) (group string, found bool, err error) {
	s, err := m.search(queueGroup, false)
	if err != nil {
		return "", false, err
	}
	e, found := s.mailbox(recipient, true)
	return e.Value, found, nil
}

// AuthInfo is what to log in with at a server, where the map says it.
func (m *Map) AuthInfo(name string, addr netip.Addr) (info AuthInfo, found bool, err error) {
	e, where, found, err := m.peer(authInfo, name, addr)
	if !found {
		return AuthInfo{}, false, err
	}
	info, err = parseAuthInfo(e.Value)
	info.Where = where
	return info, err == nil, err
}
