package netwatch

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/config"
	"mailcrane/queue"
)

const accounts = `[account.work]
from = ["me@work.example"]
smarthost = "smtps://smtp.work.example"
user = "me"
[account.home]
from = ["me@home.example"]
smarthost = "smtps://smtp.home.example"
user = "me"
`

func rules(t *testing.T, text string) []config.Rule {
	t.Helper()
	c, err := config.Parse("m.toml", []byte(accounts+text), func(string) string { return "/home/me" })
	if err != nil {
		t.Fatal(err)
	}
	return c.Rules
}

// cafe is a moment in which every condition has something to look at.
func cafe() *moment {
	return &moment{
		State: State{
			Level: Way, Interface: "wlan0", SSID: "Cafe Central", Connection: "Cafe", VPN: []string{"office-vpn"}, Portal: true,
			Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("2001:db8::9")},
		},
		metered: func(account string) bool { return account == "home" },
		now:     time.Date(2026, 11, 22, 23, 30, 0, 0, time.UTC), // a Sunday
	}
}

func TestTheFirstRuleThatMatchesDecides(t *testing.T) {
	for _, c := range []struct {
		reason, rules string
		rule, why     string // of account home
	}{
		{"without a rule mail is sent", "", "", ""},
		{"a rule without a condition", "[policy.a]\ndo = \"hold\"", "a", ""},
		{"the first of two", "[policy.a]\ndo = \"send\"\n[policy.b]\ndo = \"hold\"", "a", ""},
		{"an interface", "[policy.a]\ninterface = [\"eth*\", \"wl*\"]\ndo = \"hold\"", "a", "the way out is wlan0"},
		{"another interface", "[policy.a]\ninterface = [\"eth*\"]\ndo = \"hold\"", "", "the way out is wlan0, not eth*"},
		{"a wireless network, case does not count", "[policy.a]\nssid = [\"cafe*\"]\ndo = \"hold\"", "a", "the wireless network is Cafe Central"},
		{"another wireless network", "[policy.a]\nssid = [\"Home\", \"Work\"]\ndo = \"hold\"", "", "the wireless network is Cafe Central, not Home or Work"},
		{"a connection", "[policy.a]\nconnection = [\"Cafe\"]\ndo = \"hold\"", "a", "the connection is Cafe"},
		{"another connection", "[policy.a]\nconnection = [\"Caf\"]\ndo = \"hold\"", "", "the connection is Cafe, not Caf"},
		{"a VPN is up", "[policy.a]\nvpn = \"up\"\ndo = \"hold\"", "a", "the VPN office-vpn is up"},
		{"none is", "[policy.a]\nvpn = \"down\"\ndo = \"hold\"", "", "the VPN office-vpn is up"},
		{"this one is", "[policy.a]\nvpn = \"office*\"\ndo = \"hold\"", "a", "the VPN office-vpn is up"},
		{"this one is not", "[policy.a]\nvpn = \"!home\"\ndo = \"hold\"", "a", "the VPN office-vpn is up, not home"},
		{"it is after all", "[policy.a]\nvpn = \"!office*\"\ndo = \"hold\"", "", "the VPN office-vpn is up"},
		{"metered, by the account's own way", "[policy.a]\nmetered = true\ndo = \"hold\"", "a", "the way out is metered"},
		{"not metered", "[policy.a]\nmetered = false\ndo = \"hold\"", "", "the way out is metered"},
		{"a portal", "[policy.a]\nportal = true\ndo = \"hold\"", "a", "a captive portal is in the way"},
		{"no portal", "[policy.a]\nportal = false\ndo = \"hold\"", "", "a captive portal is in the way"},
		{"hours", "[policy.a]\nhours = [\"8-9\", \"22-6\"]\ndo = \"hold\"", "a", "it is Sun 23:30, within 8-9, 22-6"},
		{"other hours", "[policy.a]\nhours = [\"Mon\"]\ndo = \"hold\"", "", "it is Sun 23:30, not Mon"},
		{"an address", "[policy.a]\naddress = [\"10.0.0.0/8\", \"2001:db8::/32\"]\ndo = \"hold\"", "a", "this machine has the address 2001:db8::9"},
		{"an address alone", "[policy.a]\naddress = [\"192.0.2.9\"]\ndo = \"hold\"", "a", "this machine has the address 192.0.2.9"},
		{"no such address", "[policy.a]\naddress = [\"10.0.0.0/8\"]\ndo = \"hold\"", "", "this machine has the address 192.0.2.9, 2001:db8::9, none in 10.0.0.0/8"},
		{"for another account", "[policy.a]\naccount = [\"work\"]\ndo = \"hold\"", "", "it is for account work"},
		{"for this one", "[policy.a]\naccount = [\"work\", \"home\"]\ndo = \"hold\"", "a", ""},
		{"all conditions are met", "[policy.a]\nssid = [\"Cafe*\"]\nhours = [\"Sun\"]\ndo = \"hold\"", "a", "the wireless network is Cafe Central, it is Sun 23:30, within Sun"},
		{"one of them is not", "[policy.a]\nssid = [\"Cafe*\"]\nhours = [\"Mon\"]\nportal = true\ndo = \"hold\"", "", "it is Sun 23:30, not Mon"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			d := decide(rules(t, c.rules), "home", cafe())
			if d.Rule != c.rule {
				t.Errorf("rule %q decides, want %q", d.Rule, c.rule)
			}
			if n := len(d.Looked); c.rules != "" && (d.Looked[n-1].Why != c.why || d.Looked[n-1].Matches != (c.rule != "")) {
				t.Errorf("looked %+v, want %q", d.Looked[n-1], c.why)
			}
			if d.Hold != (c.rule == "a" && !strings.Contains(c.rules, "send")) {
				t.Errorf("hold is %v", d.Hold)
			}
		})
	}
}

func TestConditionsOnWhatIsNotThereAreNotMet(t *testing.T) {
	nowhere := &moment{State: State{Level: LinkOnly}, metered: func(string) bool { return false }, now: time.Now()}
	for _, c := range []struct {
		reason, rule string
		met          bool
		why          string
	}{
		{"no way out has no interface", `interface = ["*"]`, false, "there is no way out"},
		{"no wireless network", `ssid = ["*"]`, false, "the way out is by no wireless network that is known"},
		{"no connection", `connection = ["*"]`, false, "the way out has no connection that is known by name"},
		{"no VPN", `vpn = "*"`, false, "no VPN is up"},
		{"no VPN is one that is not up", `vpn = "!office"`, true, "no VPN is up"},
		{"no address", `address = ["0.0.0.0/0"]`, false, "this machine has no address in a network"},
		{"no portal", `portal = false`, true, "no captive portal is known to be in the way"},
	} {
		d := decide(rules(t, "[policy.a]\ndo = \"hold\"\n"+c.rule), "home", nowhere)
		if d.Hold != c.met || d.Looked[0].Why != c.why {
			t.Errorf("%s: %v, %q", c.reason, d.Hold, d.Looked[0].Why)
		}
	}
}

func TestTheRulesOfTheCarrierHoldToo(t *testing.T) {
	for _, c := range []struct {
		reason, rules string
		account       string
		smarthost     string
		hold          bool
		below         int64
		sentence      string
	}{
		{
			"another account", "[policy.a]\nssid = [\"Cafe*\"]\nby = \"work\"", "work", "", false, 0,
			"the rule a has account work carry it (the wireless network is Cafe Central)",
		},
		{
			"which its own rule holds", "[policy.a]\naccount = [\"home\"]\nby = \"work\"\n[policy.b]\nvpn = \"!private\"\naccount = [\"work\"]\ndo = \"hold\"",
			"work", "", true, 0,
			"the rule a has account work carry it, and the rule b keeps mail of account work back: the VPN office-vpn is up, not private",
		},
		{
			"another server", "[policy.a]\naccount = [\"home\"]\nsmarthost = \"smtps://relay.example\"", "home", "smtps://relay.example:465", false, 0,
			"the rule a sends it to relay.example:465",
		},
		{
			"another server of another account", "[policy.a]\naccount = [\"home\"]\nby = \"work\"\n[policy.b]\naccount = [\"work\"]\nsmarthost = \"smtp://relay.example\"",
			"work", "smtp://relay.example:587", false, 0,
			"the rule a has account work carry it, and the rule b sends it to relay.example:587",
		},
		{
			"the lower bound", "[policy.a]\naccount = [\"home\"]\nby = \"work\"\nbelow = \"10k\"\n[policy.b]\nbelow = \"20k\"", "work", "", false, 10_000,
			"the rule a has account work carry it, and the rule a sends only messages up to 10k",
		},
		{
			"a circle that no look at the file could find", "[policy.a]\naccount = [\"home\"]\naddress = [\"192.0.2.9\"]\nby = \"work\"\n" +
				"[policy.b]\naccount = [\"work\"]\nportal = true\ninterface = [\"wlan0\"]\nby = \"home\"\n[policy.c]\ndo = \"send\"",
			"work", "", true, 0, "",
		},
	} {
		t.Run(c.reason, func(t *testing.T) {
			var all []config.Rule
			if c.sentence == "" {
				all = rules(t, strings.Replace(c.rules, "by = \"home\"", "do = \"send\"", 1))
				all[1].By = "home" // as if the file had been taken
			} else {
				all = rules(t, c.rules)
			}
			d := decide(all, "home", cafe())
			if d.Account != c.account || d.Smarthost.String() != c.smarthost || d.Hold != c.hold || d.Below != c.below {
				t.Errorf("account %s, server %s, hold %v, below %d", d.Account, d.Smarthost, d.Hold, d.Below)
			}
			if c.sentence != "" && d.sentence() != c.sentence {
				t.Errorf("says %q, want %q", d.sentence(), c.sentence)
			}
		})
	}
}

// policed runs f in a bubble with a Watcher of both accounts under the rules.
func policed(t *testing.T, text string, f func(t *testing.T, s *script, w *Watcher)) {
	t.Helper()
	o := Options{
		Rules: rules(t, text), Routes: []queue.Route{"work", "home"},
		Server: func(r queue.Route) Server { return Server{Host: "smtp." + string(r) + ".example"} },
		Bound: func(r queue.Route, _ bool) int64 {
			return map[queue.Route]int64{"work": 1000, "home": 2000}[r]
		},
		Now: func() time.Time { return time.Now().UTC() },
	}
	scripted(t, o, f)
}

// withVPN has a tunnel beside the way out.
func withVPN() *facts {
	return with(atHome(), func(f *facts) {
		f.links = append(f.links, link{index: 9, name: "wg0", up: true, carrier: true, tunnel: true})
		f.addrs = append(f.addrs, addr(9, "10.9.0.2/24"))
		f.routes = append(f.routes, onto(9, "10.9.0.0/24"))
	})
}

func TestOneAccountWaitsForTheVPNWhileTheOtherSends(t *testing.T) {
	policed(t, "[policy.only-over-the-vpn]\naccount = [\"work\"]\nvpn = \"down\"\ndo = \"hold\"", func(t *testing.T, s *script, w *Watcher) {
		if v := w.Verdict("work"); v.Try || v.Rule != "" || v.Withholds() {
			t.Errorf("without a way out the rule is not why: %+v", v)
		}
		s.happen(atHome(), nil)
		pass(time.Minute)
		v := w.Verdict("work")
		if want := "the rule only-over-the-vpn keeps mail of account work back: no VPN is up"; v.Try || v.Why != want || v.Rule != "only-over-the-vpn" {
			t.Errorf("%+v, want %q", v, want)
		}
		if v := w.Verdict("home"); !v.Try || v.Rule != "" || v.MaxSize != 2000 {
			t.Errorf("the other account: %+v", v)
		}
		if st := w.Standing("work"); st.Prospect != Withheld || st.Reacts != "a VPN to come up" || len(st.Looked) != 1 {
			t.Errorf("%+v", st)
		}
		s.happen(withVPN(), nil)
		pass(settling / 2)
		s.happen(withVPN(), nil) // as its routes come
		changed(w)
		if v := w.Verdict("work"); v.Try || !strings.HasSuffix(v.Why, "the VPN wg0 is coming up") {
			t.Errorf("while the VPN comes up: %+v", v)
		}
		pass(settling/2 - time.Millisecond)
		if changed(w) || w.Verdict("work").Try {
			t.Error("before the VPN's routes can be there")
		}
		pass(time.Millisecond)
		if v := w.Verdict("work"); !v.Try || v.Rule != "" || !changed(w) {
			t.Errorf("with the VPN: %+v", v)
		}
		pass(time.Hour)
		began := time.Now()
		s.happen(atHome(), nil)
		pass(time.Minute)
		if v := w.Verdict("work"); v.Try || !v.Since.Equal(began) || !changed(w) {
			t.Errorf("without it again: %+v, since %v", v, began)
		}
	})
}

func TestARulesWordGoesBeforeMaxSize(t *testing.T) {
	policed(t, "[policy.a]\naccount = [\"work\"]\nbelow = \"5k\"\n[policy.b]\naccount = [\"home\"]\nby = \"work\"\nssid = [\"x\"]", func(t *testing.T, s *script, w *Watcher) {
		s.happen(atHome(), nil)
		if v := w.Verdict("work"); v.MaxSize != 5000 || v.Rule != "a" || !v.Try {
			t.Errorf("with a rule: %+v", v)
		}
		if v := w.Verdict("home"); v.MaxSize != 2000 || v.Rule != "" {
			t.Errorf("without one: %+v", v)
		}
		s.happen(with(atHome(), func(f *facts) { f.links[1].ssid = "x" }), nil)
		pass(time.Minute)
		if v := w.Verdict("home"); v.MaxSize != 5000 || v.Rule != "a" || v.Via != "work" {
			t.Errorf("carried by another account: %+v", v)
		}
	})
}

func TestTheClockAloneChangesWhatARuleSays(t *testing.T) {
	policed(t, "[policy.night]\naccount = [\"work\"]\nhours = [\"22-6\"]\ndo = \"hold\"", func(t *testing.T, s *script, w *Watcher) {
		s.happen(atHome(), nil) // a bubble begins on Saturday, 2000-01-01 00:00 UTC
		pass(time.Minute)
		changed(w)
		if st := w.Standing("work"); st.Prospect != Withheld || st.Until.Format("Mon 15:04") != "Sat 06:00" || st.Reacts != "the end of these hours" {
			t.Errorf("at night: %+v", st)
		}
		if st := w.Standing("home"); !st.Until.IsZero() {
			t.Errorf("an account that the rule is not about: %+v", st)
		}
		pass(6*time.Hour - time.Minute - time.Second)
		if changed(w) || w.Verdict("work").Try {
			t.Error("a second too early")
		}
		pass(time.Second)
		if !changed(w) || !w.Verdict("work").Try {
			t.Error("not at the time")
		}
		pass(16 * time.Hour)
		if v := w.Verdict("work"); !changed(w) || v.Try || v.Since.Format("15:04:05") != "22:00:00" {
			t.Errorf("at night again: %+v", v)
		}
	})
}

func TestNoTimerWhereTheClockChangesNothing(t *testing.T) {
	for _, c := range []struct {
		reason, rules string
		timer         bool
	}{
		{"no rule has hours", "[policy.a]\nvpn = \"down\"\ndo = \"hold\"", false},
		{"hours that matter", "[policy.a]\nhours = [\"22-6\"]\ndo = \"hold\"", true},
		{"hours of a rule that another condition keeps from matching", "[policy.a]\nhours = [\"22-6\"]\nssid = [\"x\"]\ndo = \"hold\"", false},
		{"hours of a rule behind one that decides", "[policy.a]\ninterface = [\"*\"]\ndo = \"send\"\n[policy.b]\nhours = [\"22-6\"]\ndo = \"hold\"", false},
		{"hours that never end", "[policy.a]\nhours = [\"0-24\"]\ndo = \"hold\"", false},
		{"hours for no account that there is", "[policy.a]\naccount = [\"home\"]\nhours = [\"22-6\"]\nby = \"work\"\n", true},
	} {
		policed(t, c.rules, func(t *testing.T, s *script, w *Watcher) {
			s.happen(atHome(), nil)
			pass(time.Minute)
			if next := w.nextByClock(); next.IsZero() == c.timer {
				t.Errorf("%s: a timer for %v", c.reason, next)
			}
		})
	}
}

func TestAClockThatWasSetIsFollowedAtTheNextEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ahead := time.Duration(0)
		s := &script{facts: atHome()}
		w := start(t.Context(), Options{
			Rules: rules(t, "[policy.night]\nhours = [\"22-6\"]\ndo = \"hold\""), Routes: []queue.Route{"work"},
			Now: func() time.Time { return time.Now().UTC().Add(ahead).Round(0) },
		}, func(poke func()) ([]source, error) {
			s.poke = poke
			return []source{s}, nil
		})
		if w.Verdict("work").Try {
			t.Error("it is night")
		}
		ahead = 7 * time.Hour // as after a sleep
		s.poke()
		pass(time.Second)
		if !changed(w) || !w.Verdict("work").Try {
			t.Error("the morning was not noticed")
		}
	})
}

func TestEdgesFollowTheLocalClock(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zones here: ", err)
	}
	all := rules(t, "[policy.a]\nhours = [\"2:30-8\"]\ndo = \"hold\"")
	at := func(text string) time.Time {
		then, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
		if err != nil {
			t.Fatal(err)
		}
		return then
	}
	for _, c := range []struct {
		reason    string
		from, now time.Time
	}{
		{"an ordinary day", at("2026-11-20 12:00"), at("2026-11-21 02:30")},
		{"the night without 2:30 begins them at 3", at("2026-03-28 12:00"), at("2026-03-29 01:59").Add(time.Minute)},
		{"the night with 2:30 twice, by the first", at("2026-10-24 12:00"), at("2026-10-25 00:30").Add(2 * time.Hour)},
		{"which is over when the clock is put back", at("2026-10-25 00:30").Add(2 * time.Hour), at("2026-10-25 00:00").Add(3 * time.Hour)},
		{"and begins once more", at("2026-10-25 00:00").Add(3 * time.Hour), at("2026-10-25 00:00").Add(3*time.Hour + 30*time.Minute)},
	} {
		m := &moment{metered: func(string) bool { return false }, now: c.from}
		if got := until(all, "work", m); !got.Equal(c.now) {
			t.Errorf("%s: from %v it is %v, want %v", c.reason, c.from, got, c.now)
		}
	}
}

func TestTheAddressesOfARuleAreThoseThatLast(t *testing.T) {
	temporary := addr(2, "2001:db8::1234/64")
	temporary.fading = true
	alone := addr(2, "2001:db8:1::1234/64")
	alone.fading = true
	pending := addr(2, "192.0.2.77/24")
	pending.pending = true
	for _, c := range []struct {
		reason string
		change func(f *facts)
		want   string
	}{
		{"those of a network", func(*facts) {}, "192.0.2.9"},
		{"none that changes by itself beside another", func(f *facts) { f.addrs = append(f.addrs, temporary, addr(2, "2001:db8::9/64")) }, "192.0.2.9 2001:db8::9"},
		{"but one that is alone in its network", func(f *facts) { f.addrs = append(f.addrs, alone) }, "192.0.2.9 2001:db8:1::1234"},
		{"none that may not be unique", func(f *facts) { f.addrs = append(f.addrs, pending) }, "192.0.2.9"},
		{"none of the link", func(f *facts) { f.addrs = append(f.addrs, addr(2, "fe80::9/64")) }, "192.0.2.9"},
		{
			"none of a container", func(f *facts) {
				f.links = append(f.links, link{index: 7, name: "docker0", up: true, carrier: true, shared: true, inner: true})
				f.addrs = append(f.addrs, addr(7, "172.17.0.1/16"))
			}, "192.0.2.9",
		},
		{"but those in a container", func(f *facts) { f.links[1].inner = true }, "192.0.2.9"},
	} {
		var got []string
		for _, a := range judge(with(atHome(), c.change)).Addresses {
			got = append(got, a.String())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", c.reason, got, c.want)
		}
	}
}

func TestWhatWasProvedOfOneServerIsNotKnownOfTheNext(t *testing.T) {
	policed(t, "[policy.morning]\naccount = [\"home\"]\nhours = [\"6-7\"]\nby = \"work\"", func(t *testing.T, s *script, w *Watcher) {
		s.happen(atHome(), nil)
		pass(time.Minute)
		w.Prove(transport(reached)).Open(t.Context(), "home")
		w.Prove(transport(reached)).Open(t.Context(), "work")
		if st := w.Standing("home"); st.Prospect != Reachable {
			t.Fatalf("%+v", st)
		}
		pass(6 * time.Hour)
		if st := w.Standing("home"); st.Prospect != Untried || st.Policy != "the rule morning has account work carry it (it is Sat 06:01, within 6-7)" {
			t.Errorf("by another account: %+v", st)
		}
		if st := w.Standing("work"); st.Prospect != Reachable {
			t.Errorf("the other account's own mail: %+v", st)
		}
	})
}

// The decision under which a session is opened is the one that its server was
// looked at by, though the clock strikes in between.
func TestASessionIsOpenedByOneDecision(t *testing.T) {
	policed(t, "[policy.morning]\naccount = [\"home\"]\nhours = [\"6-7\"]\nby = \"work\"", func(t *testing.T, s *script, w *Watcher) {
		s.happen(atHome(), nil)
		pass(time.Minute)
		w.Prove(transport(func(ctx context.Context) *queue.RouteFault {
			pass(6 * time.Hour)
			if d, ok := Decided(ctx); !ok || d.Account != "home" {
				t.Errorf("decided %+v, %v", d, ok)
			}
			if d := w.Decision("home"); d.Account != "work" {
				t.Errorf("by now it is %+v", d)
			}
			return nil
		})).Open(t.Context(), "home")
		if st := w.Standing("home"); st.Prospect != Untried {
			t.Errorf("what one server has shown is taken for the other's: %+v", st)
		}
	})
}
