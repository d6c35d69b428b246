package names

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"mailcrane/internal/lab"
)

func TestARealNameServiceNamesClients(t *testing.T) {
	d := New(Options{Servers: []netip.AddrPort{lab.DNS(t).Server}, Retrans: 700 * time.Millisecond, Retry: 3})
	for _, c := range []struct {
		why, addr string
		want      Client
	}{
		{"the name leads back", "192.0.2.10", Client{"client.names.test", OK, "client.names.test"}},
		{"IPv6", "2001:db8::10", Client{"client.names.test", OK, "client.names.test"}},
		{"IPv4 inside IPv6", "::ffff:192.0.2.10", Client{"client.names.test", OK, "client.names.test"}},
		{"the name leads elsewhere", "192.0.2.11", Client{"[192.0.2.11]", Forged, "forged.names.test"}},
		{"no PTR record", "192.0.2.12", Client{"[192.0.2.12]", None, ""}},
		{"no PTR record, IPv6", "2001:db8::12", Client{"[IPv6:2001:db8::12]", None, ""}},
		{"the name's own servers fail", "192.0.2.13", Client{"[192.0.2.13]", Temp, "host.ailing.test"}},
		{"the second name leads back", "192.0.2.14", Client{"several.names.test", OK, "several.names.test"}},
		{"a name that is none", "192.0.2.15", Client{"[192.0.2.15]", None, ""}},
		{"a zone that is delegated by aliases (RFC 2317)", "192.0.2.17", Client{"delegated.names.test", OK, "delegated.names.test"}},
		{"nobody answers", "192.0.2.19", Client{"[192.0.2.19]", Temp, ""}},
		{"this machine", "127.0.0.1", Client{"localhost", OK, ""}},
		{"this machine, IPv6", "::1", Client{"localhost", OK, ""}},
	} {
		t.Run(c.why, func(t *testing.T) {
			t.Parallel() // those that nobody answers take their time
			if got := OfClient(t.Context(), d, netip.MustParseAddr(c.addr)); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestARealNameServiceTellsWhereMailGoes(t *testing.T) {
	d := New(Options{Servers: []netip.AddrPort{lab.DNS(t).Server}, Retrans: 700 * time.Millisecond, Retry: 3})
	for _, c := range []struct {
		why, domain string
		want        []MX
		none        bool
		failure     string
	}{
		{why: "two, in their order", domain: "ok.names.test", want: []MX{{"mx1.names.test", 10}, {"mx2.names.test", 20}}},
		{why: "any case, and the last dot", domain: "OK.Names.Test.", want: []MX{{"mx1.names.test", 10}, {"mx2.names.test", 20}}},
		{why: "an alias", domain: "alias.names.test", want: []MX{{"mx1.names.test", 10}, {"mx2.names.test", 20}}},
		{why: "the null MX", domain: "null.names.test", want: []MX{{"", 0}}},
		{why: "a domain without", domain: "only-a.names.test", none: true},
		{why: "no such domain", domain: "none.names.test", none: true},
		{why: "no name of a domain", domain: "a b\r\nc.names.test", none: true},
		{why: "names with control characters", domain: "control.names.test", failure: "names that can be none"},
		{why: "SERVFAIL", domain: "ailing.test", failure: "SERVFAIL"},
		{why: "REFUSED", domain: "refused.test", failure: "REFUSED"},
		{why: "no answer", domain: "mute.test", failure: "no answer"},
	} {
		got, err := d.Exchangers(t.Context(), c.domain)
		switch {
		case errors.Is(err, ErrNone) != c.none:
			t.Errorf("%s: the error is %v", c.why, err)
		case c.failure != "" && (err == nil || !strings.Contains(err.Error(), c.failure)):
			t.Errorf("%s: the error is %v", c.why, err)
		case !cmp.Equal(got, c.want):
			t.Errorf("%s: %v, %v", c.why, got, err)
		}
	}
}

func TestAnAnswerThatDoesNotFitComesByTCP(t *testing.T) {
	d := New(Options{Servers: []netip.AddrPort{lab.DNS(t).Server}, Retrans: 700 * time.Millisecond, Retry: 3})
	addrs, err := d.IPv4(t.Context(), "addresses.big.test")
	if err != nil || len(addrs) != mostAddresses {
		t.Errorf("%d addresses of 200, %v", len(addrs), err)
	}
	all, err := d.Exchangers(t.Context(), "exchangers.big.test")
	if err != nil || len(all) != mostExchangers || all[mostExchangers-1].Preference != 1 {
		t.Errorf("%d exchangers of 2000, %v; the best ones are kept: %v", len(all), err, all)
	}
	if _, err := d.IPv4(t.Context(), "chain0.big.test"); err == nil || errors.Is(err, ErrNone) {
		t.Errorf("a chain of 40 aliases: %v", err)
	}
	got, err := d.IPv4(t.Context(), "chain38.big.test")
	if diff := cmp.Diff([]netip.Addr{netip.MustParseAddr("192.0.2.40")}, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" || err != nil {
		t.Errorf("a chain of two: %v %s", err, diff)
	}
}

func TestDomainsOfSenders(t *testing.T) {
	d := New(Options{Servers: []netip.AddrPort{lab.DNS(t).Server}, Retrans: 700 * time.Millisecond, Retry: 3})
	for _, c := range []struct {
		why, domain string
		exists      error // "temporary" is any other
		bad         string
	}{
		{"a usual one", "ok.names.test", nil, ""},
		{"an address only", "only-a.names.test", nil, ""},
		{"IPv6 too", "client.names.test", nil, ""},
		{"the null MX", "null.names.test", ErrNullMX, ""},
		{"neither MX nor address", "nodata.names.test", ErrNone, ""},
		{"none", "none.names.test", ErrNone, ""},
		{"none, in Unicode", "keine-Tür.names.test", ErrNone, ""},
		{"this machine", "loopback.names.test", nil, "lo.names.test"},
		{"somebody's own network", "ten.names.test", nil, "private.names.test"},
		{"nowhere", "zero.names.test", nil, "unspecified.names.test"},
		{"SERVFAIL", "ailing.test", errTemporary, errTemporary.Error()},
		{"the exchanger's name fails", "elsewhere.names.test", nil, errTemporary.Error()},
	} {
		err := Exists(t.Context(), d, c.domain)
		if isTemporary(err) != (c.exists == errTemporary) || c.exists != errTemporary && !errors.Is(err, c.exists) {
			t.Errorf("%s: %v, want %v", c.why, err, c.exists)
		}
		host, err := BadMX(t.Context(), d, c.domain)
		if err != nil {
			host = errTemporary.Error()
		}
		if host != c.bad {
			t.Errorf("%s: the bad exchanger is %q, %v", c.why, host, err)
		}
	}
}

var errTemporary = errors.New("temporary")

func isTemporary(err error) bool { return err != nil && !errors.Is(err, ErrNone) }

func TestWithoutANameServerAllIsUnknownAtOnce(t *testing.T) {
	nobody := netip.MustParseAddrPort("127.0.0.1:9")
	d := New(Options{Servers: []netip.AddrPort{nobody, nobody, nobody}, Retry: 5})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if got := OfClient(ctx, d, netip.MustParseAddr("192.0.2.10")); got.State != Temp {
		t.Errorf("%+v", got)
	}
	if err := Exists(ctx, d, "ok.names.test"); !isTemporary(err) {
		t.Error(err)
	}
	if ctx.Err() != nil {
		t.Error("it takes seconds")
	}
}

func TestASilentServerIsLeftForTheNext(t *testing.T) {
	d := New(Options{Servers: []netip.AddrPort{lab.Silence(t), lab.DNS(t).Server}, Retrans: 300 * time.Millisecond, Retry: 5})
	if got, err := d.IPv4(t.Context(), "client.names.test"); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
}
