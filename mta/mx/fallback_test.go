package mx

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/mta/names"
	"mailcrane/queue"
	"mailcrane/queue/hoststatus"
)

func TestTheFallbackHostIsTheLastExchanger(t *testing.T) {
	for _, c := range []struct {
		why, fallback, route string
		change               func(w *world)
		calls                string
	}{
		{
			"after all others", "plain.test", "esmtp:example.org", func(w *world) { w.servers["192.0.2.1:25"].refuses = true; w.servers["192.0.2.2:25"].refuses = true },
			"192.0.2.1:25 192.0.2.2:25 192.0.2.3:25",
		},
		{"its own exchangers", "example.org", "esmtp:other.test", func(w *world) { w.hosts["other.test"] = []string{"192.0.2.50"} }, "192.0.2.50:25 192.0.2.1:25"},
		{"in brackets, itself", "[plain.test]", "esmtp:other.test", func(w *world) {
			w.mx["plain.test"] = []names.MX{{Host: "mx1.example.org"}}
			w.hosts["other.test"] = []string{"192.0.2.50"}
		}, "192.0.2.50:25 192.0.2.3:25"},
		{"where the name service does not know", "plain.test", "esmtp:example.org", func(w *world) { w.wrong["example.org MX"] = true }, "192.0.2.3:25"},
		{"not for a host in brackets", "plain.test", "esmtp:[mx2.example.org]", func(w *world) { w.servers["192.0.2.2:25"].refuses = true }, "192.0.2.2:25"},
		{"not for a host that does not exist", "plain.test", "esmtp:none.test", nil, ""},
		{
			"not where it is ourselves", "us.example", "esmtp:example.org", func(w *world) { w.servers["192.0.2.1:25"].refuses = true; w.servers["192.0.2.2:25"].refuses = true },
			"192.0.2.1:25 192.0.2.2:25",
		},
	} {
		t.Run(c.why, func(t *testing.T) {
			w := standard()
			w.hosts["mx1.example.org"] = []string{"192.0.2.1"}
			if c.change != nil {
				c.change(w)
			}
			tr := w.transport(t, func(o *Options) { o.Config.MTA.Exchange.FallbackMX = c.fallback })
			send(t, tr, c.route)
			if w.calls() != c.calls {
				t.Errorf("connections: %q, want %q", w.calls(), c.calls)
			}
		})
	}
}

// Coverage: A42.
func TestAFallbackHostWithoutTLSTakesMailWhereTLSFails(t *testing.T) {
	w := standard()
	cert, _ := shown(t, "mx1.example.org")
	for _, at := range []string{"192.0.2.1:25", "[2001:db8::1]:25", "192.0.2.2:25"} {
		w.servers[at].offers, w.servers[at].breaksTLS = []string{"STARTTLS"}, true
	}
	w.servers["192.0.2.3:25"].offers, w.servers["192.0.2.3:25"].cert = []string{"STARTTLS"}, cert
	tr := w.transport(t, func(o *Options) {
		o.Config.MTA.Exchange.FallbackMX = "[plain.test]"
		o.Access = accessMap(t, "Try_TLS:plain.test NO\n")
	})
	got, fault := send(t, tr, "esmtp:example.org")
	if fault != nil || got[0].State() != queue.Delivered {
		t.Fatalf("%v, %v", got, fault)
	}
	if heard := w.servers["192.0.2.3:25"].heard(); strings.Contains(heard, "STARTTLS") || !strings.Contains(heard, "MAIL") {
		t.Errorf("the fallback host heard %q", heard)
	}
}

func TestTheFallbackSmartHostIsAskedOnceWhereAHostIsUnknown(t *testing.T) {
	for _, c := range []struct{ why, route, calls, outcome string }{
		{"no such host", "esmtp:none.test", "192.0.2.3:25", "delivered"},
		{"nobody is there", "esmtp:[192.0.2.60]", "192.0.2.60:25 192.0.2.3:25", "delivered"},
		{"null MX is an answer", "esmtp:null.test", "", "failed"},
	} {
		w := standard()
		tr := w.transport(t, func(o *Options) { o.Config.MTA.Exchange.FallbackSmartHost = "smtp:[plain.test]" })
		got, fault := send(t, tr, c.route)
		if fault != nil || got[0].State().String() != c.outcome || w.calls() != c.calls {
			t.Errorf("%s: %v, %v, %q", c.why, got, fault, w.calls())
		}
	}
	w := standard()
	delete(w.servers, "192.0.2.3:25")
	tr := w.transport(t, func(o *Options) { o.Config.MTA.Exchange.FallbackSmartHost = "smtp:[plain.test]" })
	got, fault := send(t, tr, "esmtp:none.test")
	if fault != nil || got[0].Reply().Enhanced != "5.1.2" || w.calls() != "192.0.2.3:25" {
		t.Errorf("where it is down too, what holds of the host holds: %v, %v, %q", got, fault, w.calls())
	}
}

// Regression: the bounds of connections and of their time were used up by the very
// hosts that the fallback smart host stands in for.
func TestTheFallbackSmartHostIsAskedHoweverManyHostsAreDead(t *testing.T) {
	for _, c := range []struct {
		why      string
		aconnect time.Duration
		drops    bool
	}{
		{"more addresses than are tried at one go", 0, false},
		{"all the time for connects is up", 40 * time.Second, true},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := standard()
				for i := range 3 {
					host := fmt.Sprintf("dead%d.test", i)
					w.mx["many.test"] = append(w.mx["many.test"], names.MX{Host: host, Preference: uint16(i)})
					for j := range 7 {
						addr := fmt.Sprintf("192.0.2.%d", 100+10*i+j)
						w.hosts[host] = append(w.hosts[host], addr)
						w.servers[addr+":25"] = &server{refuses: !c.drops, drops: c.drops}
					}
				}
				tr := w.transport(t, func(o *Options) {
					o.Config.MTA.Exchange.FallbackSmartHost = "[plain.test]"
					o.Config.Timeout.AConnect = c.aconnect
				})
				got, fault := send(t, tr, "esmtp:many.test")
				if fault != nil || got[0].State() != queue.Delivered {
					t.Errorf("%v, %v, calls %s", got, fault, w.calls())
				}
				tr.Close(context.Background())
				synctest.Wait()
			})
		})
	}
}

func TestEachOptionOfExchangersIsObeyed(t *testing.T) {
	for _, c := range []struct {
		why, route string
		change     func(w *world, o *Options)
		calls      string
	}{
		{"another port", "esmtp:plain.test", func(w *world, o *Options) { o.Config.MTA.Exchange.Port = 2525 }, "192.0.2.3:2525"},
		{"ConnectOnlyTo", "esmtp:example.org", func(w *world, o *Options) { o.Config.MTA.Exchange.ConnectOnlyTo = "192.0.2.8" }, "192.0.2.8:25"},
		{"ConnectOnlyTo with a port", "esmtp:none.test", func(w *world, o *Options) { o.Config.MTA.Exchange.ConnectOnlyTo = "[2001:db8::1]:2525" }, "[2001:db8::1]:2525"},
		{"TryNullMXList", "esmtp:loop.test", func(w *world, o *Options) {
			w.mx["loop.test"], w.hosts["loop.test"] = []names.MX{{Host: "us.example", Preference: 1}}, []string{"192.0.2.3"}
			o.Config.MTA.Exchange.TryNullMXList = true
		}, "192.0.2.3:25"},
		{"TryNullMXList does not send to ourselves", "esmtp:loop.test", func(w *world, o *Options) {
			w.mx["loop.test"], w.hosts["loop.test"] = []names.MX{{Host: "us.example", Preference: 1}}, []string{"192.0.2.99"}
			o.Here = func(at netip.AddrPort) bool { return at.String() == "192.0.2.99:25" }
			o.Config.MTA.Exchange.TryNullMXList = true
		}, ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			w := standard()
			tr := w.transport(t, func(o *Options) { c.change(w, o) })
			send(t, tr, c.route)
			if w.calls() != c.calls {
				t.Errorf("connections: %q, want %q", w.calls(), c.calls)
			}
		})
	}
}

func TestWhoIsNoBetterThanWeAreIsNotTried(t *testing.T) {
	w := standard()
	w.mx["backup.test"] = []names.MX{{Host: "mx1.example.org", Preference: 1}, {Host: "us.example", Preference: 5}, {Host: "mx2.example.org", Preference: 5}, {Host: "plain.test", Preference: 9}}
	w.servers = nil
	send(t, w.transport(t, nil), "esmtp:backup.test")
	if w.calls() != "192.0.2.1:25 [2001:db8::1]:25" {
		t.Errorf("by our name: %q", w.calls())
	}
	w = standard()
	w.mx["backup.test"] = []names.MX{{Host: "mx1.example.org", Preference: 1}, {Host: "alias.test", Preference: 5}, {Host: "plain.test", Preference: 9}}
	w.hosts["alias.test"] = []string{"192.0.2.99"}
	w.servers = nil
	send(t, w.transport(t, func(o *Options) { o.Here = func(at netip.AddrPort) bool { return at.String() == "192.0.2.99:25" } }), "esmtp:backup.test")
	if w.calls() != "192.0.2.1:25 [2001:db8::1]:25" {
		t.Errorf("by our address: %q", w.calls())
	}
}

func TestHostsOfTheSamePreferenceAreTriedInAnyOrder(t *testing.T) {
	first := map[string]bool{}
	for _, dice := range []float64{0, 0.999} {
		w := standard()
		w.mx["example.org"] = []names.MX{{Host: "mx2.example.org", Preference: 5}, {Host: "plain.test", Preference: 5}}
		send(t, w.transport(t, func(o *Options) { o.Dice = func() float64 { return dice } }), "esmtp:example.org")
		first[w.calls()] = true
	}
	if len(first) != 2 {
		t.Errorf("first were %v", first)
	}
}

// Coverage: B9, B10, B11.
func TestAllConnectsToDeadHostsShareTheirTime(t *testing.T) {
	for _, c := range []struct {
		why      string
		i, a     time.Duration
		first    bool
		took     time.Duration
		fallback bool
	}{
		{"Timeout.connect for each", 0, 0, false, 60 * time.Second, false},
		{"Timeout.iconnect on the first try", 5 * time.Second, 0, true, 10 * time.Second, false},
		{"Timeout.connect on the next", 5 * time.Second, 0, false, 60 * time.Second, false},
		{"Timeout.aconnect for all", 0, 40 * time.Second, false, 40 * time.Second, false},
		{"FallbackMXhost is tried past it", 0, 20 * time.Second, false, 20 * time.Second, true},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := standard()
				w.hosts["mx1.example.org"] = []string{"192.0.2.1"}
				w.servers["192.0.2.1:25"].drops, w.servers["192.0.2.2:25"].drops = true, true
				tr := w.transport(t, func(o *Options) {
					o.Config.Timeout.IConnect, o.Config.Timeout.AConnect = c.i, c.a
					if c.fallback {
						o.Config.MTA.Exchange.FallbackMX = "plain.test"
					}
				})
				ctx := t.Context()
				if c.first {
					ctx = queue.FirstTry(ctx)
				}
				began := time.Now()
				s, fault := tr.Open(ctx, "esmtp:example.org")
				if took := time.Since(began); took != c.took || (s != nil) != c.fallback {
					t.Errorf("it took %v, %v", took, fault)
				}
				if s != nil {
					s.Close(context.Background())
				}
				synctest.Wait()
			})
		})
	}
}

// Coverage: B29.
func TestAHostThatFailedLatelyIsTriedLast(t *testing.T) {
	w := standard()
	now := time.Now()
	w.servers["192.0.2.1:25"].refuses, w.servers["[2001:db8::1]:25"].refuses = true, true
	hosts := hoststatus.Dir(t.TempDir())
	ours := func(o *Options) { o.Now = func() time.Time { return now }; o.Hosts = hosts }
	tr := w.transport(t, ours)
	for i, step := range []struct {
		why   string
		after time.Duration
		tr    *Transport
		calls string
	}{
		{"at first", 0, tr, "192.0.2.1:25 [2001:db8::1]:25 192.0.2.2:25"},
		{"it failed lately", time.Minute, tr, "192.0.2.2:25"},
		{"another process knows too", 0, w.transport(t, ours), "192.0.2.2:25"},
		{"the time is over", 31 * time.Minute, tr, "192.0.2.1:25 [2001:db8::1]:25 192.0.2.2:25"},
	} {
		now = now.Add(step.after)
		w.dialed = nil
		if _, fault := send(t, step.tr, "esmtp:example.org"); fault != nil || w.calls() != step.calls {
			t.Errorf("%d, %s: %q, %v", i, step.why, w.calls(), fault)
		}
	}
}
