package mta

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"mailcrane/mta/expand"
	"mailcrane/mta/names"
	"mailcrane/queue"
)

// searched is a name service that has no record, and a search list.
type searched struct{}

func (searched) Addresses(context.Context, string) ([]netip.Addr, error) { return nil, names.ErrNone }

func (searched) IPv4(context.Context, string) ([]netip.Addr, error) { return nil, names.ErrNone }

func (searched) Pointers(context.Context, netip.Addr) ([]string, error) { return nil, names.ErrNone }

func (searched) Exchangers(context.Context, string) ([]names.MX, error) { return nil, names.ErrNone }

func (searched) Complete(_ context.Context, host string) (string, error) {
	return host + ".far.example", nil
}

// Coverage: B124.
func TestAServerSortsWhatItHasToCompleteFirst(t *testing.T) {
	dir := at(t.TempDir())
	r, err := NewRouting(dir.config(t, `hostname = "mx.example.org"`), RoutingOptions{Names: searched{}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]queue.Route{"you@hub": "", "you@far.example": "esmtp:far.example"} {
		if door, _ := r.Straight(&queue.Envelope{To: []queue.Recipient{{Address: to}}}); door != want {
			t.Errorf("%s goes straight to %q, not %q", to, door, want)
		}
	}
	a, err := r.Expander.Expand(t.Context(), []expand.Question{{Recipient: queue.Recipient{Address: "you@hub"}}})
	if err != nil || len(a[0].Destinations) != 1 || a[0].Destinations[0].Route != "esmtp:hub.far.example" || a[0].Destinations[0].Address != "you@hub.far.example" {
		t.Errorf("%+v, %v", a, err)
	}
}

// Coverage: B116.
func TestTheServiceSwitchOfAServerIsAboutAliasesToo(t *testing.T) {
	for line, want := range map[string]string{"hosts dns\n": "esmtp:far.example", "aliases nis files\n": "esmtp:far.example", "aliases nis\n": ""} {
		dir := at(t.TempDir())
		dir.write(t, "switch", line)
		dir.write(t, "aliases", "staff: joe@far.example\n")
		c := dir.config(t, "service_switch_file = \"DIR/switch\"\nmap.aliases = [\"DIR/aliases\"]\n")
		r, err := NewRouting(c, RoutingOptions{Names: searched{}, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		a, err := r.Expander.Expand(t.Context(), []expand.Question{{Recipient: queue.Recipient{Address: "staff"}}})
		if err != nil || string(a[0].Destinations[0].Route) != want {
			t.Errorf("%q: %+v, %v", line, a, err)
		}
		if left := NotAsked(c); (left == "") != (want != "") {
			t.Errorf("%q: %q is said not to be asked", line, left)
		}
	}
}
