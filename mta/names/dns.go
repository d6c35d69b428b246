package names

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"mailcrane/internal/config"
	"mailcrane/internal/resolvconf"
)

// What is asked where neither the options nor resolv.conf(5) say it: glibc's.
const (
	usualRetrans = 5 * time.Second
	usualRetry   = 2
)

// port is a name server's (RFC 1035 section 4.2).
const port = 53

const (
	// mostAsked bounds the questions on their way at one time, and with them the
	// sockets: a burst of clients must leave some for the clients. mostSlow more
	// may be on their way that have taken slowAfter already; what takes so long
	// when there is no room among those has failed, so that clients whose zones
	// do not answer leave room for the others.
	mostAsked = 256
	mostSlow  = 256
	slowAfter = time.Second
)

// Options say how a DNS asks; the zero is what resolv.conf(5) says.
type Options struct {
	// Servers are asked in this order; none: those of resolv.conf(5), as it is at
	// the time of each question.
	Servers []netip.AddrPort
	// Retrans is how long each server is waited for before the next one is asked,
	// or the same again, and Retry how often each is asked: sendmail's
	// Timeout.resolver.retrans and .retry. 0 is resolv.conf's, else 5 s and 2.
	Retrans time.Duration
	Retry   int
	// RetransFirst and RetryFirst are for the look-ups of a queue.FirstTry; 0 is as
	// Retrans and Retry.
	RetransFirst time.Duration
	RetryFirst   int
	// Switch says whether DNS is asked at all, and the file of hosts; nil asks the
	// file and then DNS.
	Switch *Switch
	// Flags are sendmail's ResolverOptions.
	Flags config.ResolverFlags
	// KeepAliases has Complete leave a name that is an alias (DontExpandCnames).
	KeepAliases bool
	// Hosts is a file as hosts(5) has it, which is asked first for addresses and
	// pointers; "" is none.
	Hosts string
	// Dial makes connections; nil is net.Dialer's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock; nil is the machine's.
	Now func() time.Time
}

// A DNS is a Resolver that asks name servers (RFC 1035) by UDP, and by TCP what
// does not fit. It keeps answers as long as they hold, and asks each question
// once however many want to know. Its methods are safe for use by several
// goroutines. Search lists are not applied: the names come from outside.
type DNS struct {
	conf    func() resolvconf.Conf
	options Options
	hosts   *hosts
	// services say who is asked.
	services *Switch
	now      func() time.Time
	// slots has a place for each question that may be on its way, slow one for
	// each that takes long.
	slots, slow chan struct{}

	mu      sync.Mutex
	cache   cache
	flights map[flightKey]*flight
}

// New is a DNS.
func New(o Options) *DNS {
	d := &DNS{
		options: o, now: o.Now,
		conf:    func() resolvconf.Conf { return resolvconf.Read(resolvconf.Path) },
		slots:   make(chan struct{}, mostAsked),
		slow:    make(chan struct{}, mostSlow),
		flights: make(map[flightKey]*flight),
	}
	if d.now == nil {
		d.now = time.Now
	}
	if d.options.Dial == nil {
		d.options.Dial = new(net.Dialer).DialContext
	}
	d.hosts = &hosts{path: o.Hosts, now: d.now}
	if d.services = o.Switch; d.services == nil {
		d.services = &Switch{Now: d.now}
	}
	return d
}

// Asks says that it asks as these options have it; its clock, and who makes its
// connections, are not compared.
func (d *DNS) Asks(o Options) bool {
	mine := d.options
	return slices.Equal(mine.Servers, o.Servers) && mine.Hosts == o.Hosts && mine.Flags == o.Flags && mine.KeepAliases == o.KeepAliases &&
		mine.Retrans == o.Retrans && mine.Retry == o.Retry && mine.RetransFirst == o.RetransFirst && mine.RetryFirst == o.RetryFirst &&
		mine.Switch.same(o.Switch)
}

// A question is what is asked: a name in lower case with its last dot.
type question struct {
	name string
	kind uint16
}

func (q question) String() string {
	return strings.TrimSuffix(q.name, ".") + " " + dns.TypeToString[q.kind]
}

// Addresses are those of the file of hosts, or else of the name service, as the
// service switch has it. Where the one kind of address is known and the other is
// not known just now, it returns the one, and an error besides.
func (d *DNS) Addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	name, err := absolute(host)
	if err != nil {
		return nil, err
	}
	o := d.services.order()
	local := d.local(name, o)
	if len(local) > 0 && (!o.dnsFirst || !o.files) {
		return local, nil
	}
	all, err := d.addresses(ctx, name)
	if len(all) == 0 && len(local) > 0 {
		return local, nil
	}
	return all, err
}

// addresses are those of the name service.
func (d *DNS) addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	six := make(chan found, 1)
	if d.options.Flags.NoIPv6 {
		six <- found{err: ErrNone}
	} else {
		go func() { six <- d.find(ctx, question{name, dns.TypeAAAA}) }()
	}
	a := d.find(ctx, question{name, dns.TypeA})
	aaaa := <-six
	if d.options.Flags.BrokenAAAA && errors.Is(aaaa.err, errFailed) {
		aaaa.err = ErrNone
	}
	all := append(slices.Clone(a.addrs), aaaa.addrs...)
	for _, err := range []error{a.err, aaaa.err} {
		if err != nil && !errors.Is(err, ErrNone) {
			return all, err
		}
	}
	if len(all) == 0 {
		return nil, a.err
	}
	return all, nil
}

// find asks the name service where the service switch has it; else there is
// nothing to be known.
func (d *DNS) find(ctx context.Context, q question) found {
	if !d.services.order().dns {
		return found{err: errNoDNS}
	}
	return d.look(ctx, q)
}

// errNoDNS is a system without DNS, in which an MX cannot be.
var errNoDNS = fmt.Errorf("%w: dns is not in the line hosts of the service switch", ErrNone)

// IPv4 are those of the name service alone.
func (d *DNS) IPv4(ctx context.Context, host string) ([]netip.Addr, error) {
	name, err := absolute(host)
	if err != nil {
		return nil, err
	}
	f := d.find(ctx, question{name, dns.TypeA})
	return slices.Clone(f.addrs), f.err
}

// Pointers are those of the file of hosts, or else of the name service; names
// that cannot be a host's are left out.
func (d *DNS) Pointers(ctx context.Context, addr netip.Addr) ([]string, error) {
	addr = addr.Unmap().WithZone("")
	o := d.services.order()
	var local []string
	if o.files {
		local = d.hosts.names(addr)
	}
	if len(local) > 0 && !o.dnsFirst {
		return local, nil
	}
	name, err := dns.ReverseAddr(addr.String())
	if err != nil {
		return nil, ErrNone
	}
	f := d.find(ctx, question{name, dns.TypePTR})
	if len(f.names) == 0 && len(local) > 0 {
		return local, nil
	}
	return slices.Clone(f.names), f.err
}

// Exchangers are asked of the name service alone; names that cannot be a host's
// are left out.
func (d *DNS) Exchangers(ctx context.Context, domain string) ([]MX, error) {
	name, err := absolute(domain)
	if err != nil {
		return nil, err
	}
	f := d.find(ctx, question{name, dns.TypeMX})
	return slices.Clone(f.exchangers), f.err
}

// Configured are the options that a configuration has. Its error is that of an
// address which is none, or of a word that is no flag.
func Configured(c *config.Config) (Options, error) {
	t, r := c.Timeout, c.MTA.Resolver
	o := Options{
		Retrans: cmp.Or(t.RetransNormal, t.Retrans), Retry: cmp.Or(t.RetryNormal, t.Retry),
		RetransFirst: cmp.Or(t.RetransFirst, t.Retrans), RetryFirst: cmp.Or(t.RetryFirst, t.Retry),
		Hosts: r.HostsFile, KeepAliases: r.KeepAliases,
	}
	var err error
	if o.Switch, err = SwitchOf(c); err != nil {
		return o, err
	}
	flags, err := config.ParseResolver(r.Options)
	if err != nil {
		return o, fmt.Errorf("mta.resolver_options: %w", err)
	}
	o.Flags = flags
	for _, text := range c.MTA.NameServers {
		server, err := netip.ParseAddrPort(text)
		if err != nil {
			var addr netip.Addr
			if addr, err = netip.ParseAddr(strings.Trim(text, "[]")); err != nil {
				return o, fmt.Errorf("mta.name_servers: %w", err)
			}
			server = netip.AddrPortFrom(addr, port)
		}
		o.Servers = append(o.Servers, server)
	}
	return o, nil
}
