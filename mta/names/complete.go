package names

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// mostSearch bounds a search list: each domain costs three questions.
const mostSearch = 8

// Complete is the whole name of a host as a person has written it, sendmail's
// $[ … $] (canonify): a name with a dot is tried as it is and then with each domain
// of the search list, one without the other way round. An address or an alias
// beats an MX, which is taken only where nothing else is found, since a wildcard MX
// of the own domain has one for every name. An alias is followed to the name that
// it stands for. ErrNone is that there is no such name.
func (d *DNS) Complete(ctx context.Context, host string) (string, error) {
	host = strings.TrimSuffix(host, ".")
	if _, err := absolute(host); err != nil {
		return "", err
	}
	exchanger := ""
	for _, name := range d.candidates(host) {
		whole, mx, err := d.complete(ctx, name)
		if err != nil && !errors.Is(err, ErrNone) {
			return "", err
		}
		if whole != "" {
			return whole, nil
		}
		if mx && exchanger == "" {
			exchanger = name
		}
	}
	if exchanger == "" {
		return "", ErrNone
	}
	return exchanger, nil
}

// candidates are the names to try.
func (d *DNS) candidates(host string) []string {
	search := d.conf().Search
	search = search[:min(len(search), mostSearch)]
	var all []string
	dotted := strings.Contains(host, ".")
	if dotted {
		all = append(all, host)
	}
	switch {
	case dotted && d.options.Flags.NoSearch, !dotted && d.options.Flags.NoDomain:
		search = nil
	case d.options.Flags.NoSearch:
		search = search[:min(len(search), 1)] // the own domain alone
	}
	for _, domain := range search {
		all = append(all, host+"."+domain)
	}
	if !dotted {
		all = append(all, host)
	}
	return all
}

// complete is the whole name of one that may be it, "" where it has no address, and
// whether it has an MX.
func (d *DNS) complete(ctx context.Context, host string) (whole string, mx bool, err error) {
	name, err := absolute(host)
	if err != nil {
		return "", false, err
	}
	if len(d.local(name, d.services.order())) > 0 {
		return strings.TrimSuffix(name, "."), false, nil
	}
	var wrong error
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		if kind == dns.TypeAAAA && d.options.Flags.NoIPv6 {
			continue
		}
		switch f := d.find(ctx, question{name, kind}); {
		case f.err == nil && (f.alias == "" || d.options.KeepAliases):
			return strings.TrimSuffix(name, "."), false, nil
		case f.err == nil:
			return strings.TrimSuffix(f.alias, "."), false, nil
		case !errors.Is(f.err, ErrNone):
			wrong = f.err
		}
	}
	if wrong != nil || d.options.Flags.WildcardMX {
		return "", false, wrong
	}
	f := d.find(ctx, question{name, dns.TypeMX})
	return "", f.err == nil, temporary(f.err)
}

// local is what the file of hosts says, where that is asked at all; localhost is
// this machine whatever is asked (RFC 6761 section 6.3).
func (d *DNS) local(name string, o order) []netip.Addr {
	if !o.files && name != "localhost." && !strings.HasSuffix(name, ".localhost.") {
		return nil
	}
	all := d.hosts.addresses(name)
	if d.options.Flags.NoIPv6 {
		all = onlyIPv4(all)
	}
	return all
}

func onlyIPv4(all []netip.Addr) []netip.Addr {
	var four []netip.Addr
	for _, addr := range all {
		if addr.Is4() {
			four = append(four, addr)
		}
	}
	return four
}
