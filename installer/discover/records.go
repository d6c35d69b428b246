package discover

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"

	"mailcrane/internal/config"
)

const nameServer = "your name server"

// records asks for the SRV records of RFC 6186 section 3.1 and RFC 8314 section
// 5.1: TLS at once is preferred where the domain offers both.
func (s *search) records(ctx context.Context) *Settings {
	refused := 0
	for _, service := range [...]struct {
		name string
		tls  config.TLSMode
	}{{"submissions", config.Implicit}, {"submission", config.StartTLS}} {
		what := fmt.Sprintf("SRV record _%s._tcp.%s", service.name, s.domain)
		found, err := s.lookupSRV(ctx, service.name)
		switch {
		case nameNotThere(err) || err == nil && len(found) == 0:
			s.absent(what, nameServer, "there is none")
			continue
		case err != nil:
			s.unknown(what, nameServer, err)
			continue
		}
		host := strings.ToLower(strings.TrimSuffix(found[0].Target, "."))
		switch {
		case host == "": // RFC 2782: decidedly not available
			refused++
			s.absent(what, nameServer, "it says that there is no such service")
			continue
		case !hostName(host) || found[0].Port == 0:
			s.absent(what, nameServer, "it names no server that can be called")
			continue
		}
		settings := s.users(&Settings{Server: config.Smarthost{Host: host, Port: strconv.Itoa(int(found[0].Port)), TLS: service.tls}})
		if !s.within(host) {
			settings.Confirm = fmt.Sprintf("the SRV record of %s names a server in another domain: %s", s.domain, host)
		}
		if p := providerOf(host); p != nil {
			// Of a known provider's server more is known than the record says.
			p.describe(settings)
		}
		return s.found(what, nameServer, settings)
	}
	s.none = refused == 2
	return nil
}

// lookupSRV is the records of a service, sorted as RFC 2782 says.
func (s *search) lookupSRV(ctx context.Context, service string) ([]*net.SRV, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	_, found, err := s.Resolver.LookupSRV(ctx, service, "tcp", s.domain)
	if len(found) > 0 {
		return found, nil // also where others among them were unfit
	}
	return nil, err
}

// within says that host belongs to whom the domain belongs to.
func (s *search) within(host string) bool {
	return host == s.domain || strings.HasSuffix(host, "."+s.domain) || ownedPart(host) == ownedPart(s.domain)
}

// ownedPart is the part of a name that somebody has registered: example.co.uk of
// mx.example.co.uk. It is the name itself where there is none.
func ownedPart(name string) string {
	if owned, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil {
		return owned
	}
	return name
}

// exchangers asks for the domain's MX, and whether that is a known provider's.
func (s *search) exchangers(ctx context.Context) *Settings {
	what := "MX record of " + s.domain
	limited, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	found, err := s.Resolver.LookupMX(limited, s.domain)
	switch {
	case len(found) > 0:
	case nameNotThere(err) || err == nil:
		s.absent(what, nameServer, "there is none")
		return nil
	default:
		s.unknown(what, nameServer, err)
		return nil
	}
	for _, mx := range found {
		host := strings.ToLower(strings.TrimSuffix(mx.Host, "."))
		if hostName(host) {
			s.mx = append(s.mx, host)
		}
	}
	if len(s.mx) == 0 { // RFC 7505: a null MX
		s.absent(what, nameServer, "the domain takes no mail")
		return nil
	}
	for _, host := range s.mx {
		if p := providerOf(host); p != nil {
			settings := p.settings(s.address, s.local)
			settings.Confirm = fmt.Sprintf("the mail of %s is taken in by %s: %s", s.domain, p.name, host)
			return s.found(what, nameServer, settings)
		}
	}
	s.absent(what, nameServer, s.mx[0]+", of whom nothing is known here")
	return nil
}
