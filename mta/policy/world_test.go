package policy

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/mta/access"
	"mailcrane/mta/dnsbl"
	"mailcrane/mta/names"
)

// A zone is a name service that is made up.
type zone struct {
	exchangers map[string][]names.MX
	addresses  map[string][]netip.Addr
	fails      map[string]bool
	asked      int
}

var errBusy = errors.New("no server answers")

func (z *zone) Addresses(_ context.Context, host string) ([]netip.Addr, error) {
	return found(z, z.addresses, host)
}

func (z *zone) IPv4(_ context.Context, host string) ([]netip.Addr, error) {
	return found(z, z.addresses, host)
}

func (z *zone) Pointers(context.Context, netip.Addr) ([]string, error) { return nil, names.ErrNone }

func (z *zone) Exchangers(_ context.Context, domain string) ([]names.MX, error) {
	return found(z, z.exchangers, domain)
}

func found[T any](z *zone, all map[string][]T, name string) ([]T, error) {
	z.asked++
	if z.fails[name] {
		return nil, errBusy
	}
	if len(all[name]) == 0 {
		return nil, names.ErrNone
	}
	return all[name], nil
}

// listed is a block list.
type listed struct {
	result dnsbl.Result
	asked  int
}

func (l *listed) Check(context.Context, netip.Addr) (dnsbl.Result, error) {
	l.asked++
	return l.result, nil
}

// A world is what a Policy is made of in a test.
type world struct {
	mta    string // the lines below [mta] and after
	access string
	zone   zone
	parts  Parts
}

func (w *world) policy(t testing.TB) *Policy {
	t.Helper()
	c, err := config.Parse("m.toml", []byte(w.mta+"\n"), func(name string) string {
		if name == "HOME" {
			return "/home/me"
		}
		return ""
	})
	if err != nil {
		t.Fatal(err)
	}
	w.parts.Config = c
	if w.parts.Hostname == "" {
		w.parts.Hostname = "mail.example.org"
	}
	if w.zone.exchangers == nil {
		w.zone.exchangers = map[string][]names.MX{"away.example": {{Host: "mx.away.example", Preference: 10}}}
	}
	w.parts.Names = &w.zone
	if w.access != "" {
		if w.parts.Access, err = access.Parse("access", w.access, access.Options{
			Skip: true, LookupDotDomain: c.MTA.Policy.LookUpDotDomain, RelayToFullAddress: c.MTA.Policy.RelayToFullAddress,
		}); err != nil {
			t.Fatal(err)
		}
	}
	if w.parts.Now == nil {
		w.parts.Now = time.Now
	}
	p, err := New(w.parts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// from is a client at an address, with a name that leads back to it where one is
// given.
func from(address, name string) Client {
	c := Client{Helo: "client.away.example"}
	if address != "" {
		c.Addr = netip.MustParseAddr(address)
		c.Client = names.Client{Name: names.Literal(c.Addr), State: names.None}
	}
	if name != "" {
		c.Client = names.Client{Name: name, State: names.OK, Pointer: name}
	}
	return c
}

// heard is a verdict as the client hears it.
func (v Verdict) heard() string {
	if v.Refusal == nil {
		switch {
		case v.Discard:
			return "discard"
		case v.Quarantine != "":
			return "quarantine " + v.Quarantine
		}
		return "ok"
	}
	e := v.Refusal
	return strings.TrimSpace(strings.Join([]string{strconv.Itoa(e.Code), strconv.Itoa(e.EnhancedCode[0]) + "." + strconv.Itoa(e.EnhancedCode[1]) + "." + strconv.Itoa(e.EnhancedCode[2]), e.Message}, " "))
}
