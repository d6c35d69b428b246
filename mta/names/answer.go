package names

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// What is taken of an answer, which may be as long as a packet.
const (
	mostAddresses  = 32
	mostPointers   = 8
	mostExchangers = 32
	mostAliases    = 8
)

// found is what the name service has said, for so long.
type found struct {
	addrs      []netip.Addr
	names      []string
	exchangers []MX
	err        error
	hold       time.Duration
	aliases    int
	alias      string // the name that it is an alias of, "" for none
}

var (
	errAliases = errors.New("its aliases do not end")
	errNoNames = errors.New("its mail exchangers have names that can be none")
)

// read takes what an answer says about a name. It returns the name that must be
// asked for next where the answer ends in an alias for it.
func (f *found) read(m *dns.Msg, name string, kind uint16) (next string, err error) {
	asked := name
	for {
		records, alias := about(m, name, kind)
		if len(records) > 0 {
			return "", f.take(records, kind)
		}
		if alias == nil {
			break
		}
		if f.aliases++; f.aliases > mostAliases {
			return "", errAliases
		}
		f.hold = min(f.hold, seconds(alias.Hdr.Ttl))
		name = strings.ToLower(alias.Target)
		f.alias = name
	}
	end := soa(m)
	if name != asked && m.Rcode == dns.RcodeSuccess && end == nil {
		return name, nil
	}
	f.err = ErrNone
	if end == nil {
		f.hold = 0 // RFC 2308 section 5
		return "", nil
	}
	f.hold = min(f.hold, seconds(end.Hdr.Ttl), seconds(end.Minttl), mostNegative)
	return "", nil
}

// about is what an answer has of a kind for a name, or else its alias.
func about(m *dns.Msg, name string, kind uint16) (records []dns.RR, alias *dns.CNAME) {
	for _, rr := range m.Answer {
		h := rr.Header()
		if h.Class != dns.ClassINET || !strings.EqualFold(h.Name, name) {
			continue
		}
		if h.Rrtype == kind {
			records = append(records, rr)
		} else if c, ok := rr.(*dns.CNAME); ok {
			alias = c
		}
	}
	return records, alias
}

func soa(m *dns.Msg) *dns.SOA {
	for _, rr := range m.Ns {
		if s, ok := rr.(*dns.SOA); ok {
			return s
		}
	}
	return nil
}

// take keeps records, of which there is one at least, in their bounds.
func (f *found) take(records []dns.RR, kind uint16) error {
	for _, rr := range records {
		f.hold = min(f.hold, seconds(rr.Header().Ttl))
		switch rr := rr.(type) {
		case *dns.A:
			f.address(netip.AddrFromSlice(rr.A))
		case *dns.AAAA:
			f.address(netip.AddrFromSlice(rr.AAAA))
		case *dns.PTR:
			if name := strings.TrimSuffix(rr.Ptr, "."); isName(name) && len(f.names) < mostPointers {
				f.names = append(f.names, name)
			}
		case *dns.MX:
			if host := strings.TrimSuffix(rr.Mx, "."); host == "" || isName(host) {
				f.exchangers = append(f.exchangers, MX{Host: host, Preference: rr.Preference})
			}
		}
	}
	slices.SortStableFunc(f.exchangers, func(a, b MX) int { return cmp.Compare(a.Preference, b.Preference) })
	f.exchangers = f.exchangers[:min(len(f.exchangers), mostExchangers)]
	if len(f.addrs)+len(f.names)+len(f.exchangers) > 0 {
		return nil
	}
	if kind == dns.TypeMX {
		return errNoNames // its mail must not go to the domain itself
	}
	f.err = ErrNone
	return nil
}

func (f *found) address(addr netip.Addr, ok bool) {
	if ok && len(f.addrs) < mostAddresses {
		f.addrs = append(f.addrs, addr.Unmap())
	}
}

func seconds(n uint32) time.Duration { return time.Duration(n) * time.Second }
