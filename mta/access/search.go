package access

import (
	"fmt"
	"iter"
	"net/netip"
	"strings"

	"mailcrane/mta/textmap"
)

// A search is for one question to the map: all keys are looked up in the same
// state of it.
type search struct {
	table   *textmap.Table
	options Options
	tag     tag
	// bare: each key is also tried without the tag, after that with it.
	bare bool
}

// search begins one; the table may be nil.
func (m *Map) search(t tag, bare bool) (search, error) {
	table, err := m.table()
	s := search{table: table, tag: t, bare: bare}
	if m != nil {
		s.options = m.options
	}
	return s, err
}

// find is the entry of the first key that there is.
func (s search) find(keys iter.Seq[string]) (textmap.Entry, bool) {
	if s.table.Len() == 0 {
		return textmap.Entry{}, false
	}
	for key := range keys {
		if e, ok := s.table.Find(string(s.tag) + ":" + key); ok {
			return e, true
		}
		if !s.bare {
			continue
		}
		if e, ok := s.table.Find(key); ok {
			return e, true
		}
	}
	return textmap.Entry{}, false
}

// host is the entry of a host, a domain or a network, whose SKIP ends the search
// with nothing found.
func (s search) host(keys iter.Seq[string]) (textmap.Entry, bool) {
	e, ok := s.find(keys)
	if ok && s.options.Skip && strings.EqualFold(e.Value, "SKIP") {
		return textmap.Entry{}, false
	}
	return e, ok
}

func (s search) domain(name string) (textmap.Entry, bool) {
	return s.host(hostKeys(name, s.options.LookupDotDomain))
}

// localDomain is the other name of localhost, by which maps for sendmail have it.
const localDomain = "localhost.localdomain"

// peer is the entry of a host by its name, and then by its address.
func (s search) peer(name string, addr netip.Addr) (textmap.Entry, bool) {
	if strings.EqualFold(name, "localhost") {
		if e, ok := s.domain(localDomain); ok {
			return e, true
		}
	}
	if e, ok := s.domain(name); ok {
		return e, true
	}
	return s.host(addressKeys(addr))
}

// peerOrAll is peer, and then the tag alone.
func (s search) peerOrAll(name string, addr netip.Addr) (textmap.Entry, bool) {
	if e, ok := s.peer(name, addr); ok {
		return e, true
	}
	return s.all()
}

// all is the entry of the tag alone.
func (s search) all() (textmap.Entry, bool) { return s.exact("") }

func (s search) exact(key string) (textmap.Entry, bool) {
	if s.table.Len() == 0 {
		return textmap.Entry{}, false
	}
	return s.table.Find(string(s.tag) + ":" + key)
}

// mailbox is the entry of an address: whole, by its user where that counts, by
// its domain.
func (s search) mailbox(address string, user bool) (textmap.Entry, bool) {
	m := parseMailbox(address)
	if m.domain != "" {
		if e, ok := s.find(m.fullKeys(m.domain)); ok {
			return e, true
		}
	}
	if user || m.domain == "" {
		if e, ok := s.find(m.userKeys()); ok {
			return e, true
		}
	}
	return s.domain(m.domain)
}

// decision is what the entry says, where there is one.
func (s search) decision(e textmap.Entry, found bool) Entry {
	if !found {
		return Entry{}
	}
	d, _, err := parseEntry(e.Value, s.options)
	if err != nil { // it was read, so that its value is good
		return Entry{}
	}
	if d.Verb == Skip { // the search ends with nothing found
		return Entry{}
	}
	d.Key, d.Where = strings.TrimPrefix(e.Key, string(s.tag)+":"), s.where(e)
	return d
}

func (s search) where(e textmap.Entry) string { return fmt.Sprintf("%s:%d", s.table.Name(), e.Line) }
