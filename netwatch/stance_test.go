package netwatch

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/config"
	"mailcrane/netwatch/network"
	"mailcrane/queue"
)

// hours are spans as they stand in the configuration.
func hours(t *testing.T, spans ...string) (all config.Hours) {
	t.Helper()
	for _, text := range spans {
		span, err := config.ParseSpan(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, span)
	}
	return all
}

// policed runs f in a bubble with a Watcher of both accounts under the rules.
func policed(t *testing.T, rules []config.Rule, f func(t *testing.T, s *script, w *Watcher)) {
	t.Helper()
	o := Options{
		Rules: rules, Routes: []queue.Route{"work", "home"},
		Server: func(r queue.Route) Server { return Server{Host: "smtp." + string(r) + ".example"} },
		Bound: func(r queue.Route, _ bool) int64 {
			return map[queue.Route]int64{"work": 1000, "home": 2000}[r]
		},
		Now: func() time.Time { return time.Now().UTC() },
		Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("nothing is dialled in a bubble")
		},
	}
	scripted(t, o, f)
}

func TestOneAccountWaitsForTheVPNWhileTheOtherSends(t *testing.T) {
	policed(t, []config.Rule{{Name: "only-over-the-vpn", Accounts: []string{"work"}, VPN: config.VPNDown, Do: config.Hold}}, func(t *testing.T, s *script, w *Watcher) {
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
	policed(t, []config.Rule{
		{Name: "a", Accounts: []string{"work"}, Below: 5000},
		{Name: "b", Accounts: []string{"home"}, SSID: []string{"x"}, By: "work"},
		{Name: "c", SSID: []string{"y"}},
	}, func(t *testing.T, s *script, w *Watcher) {
		s.happen(atHome(), nil)
		if v := w.Verdict("work"); v.MaxSize != 5000 || v.Rule != "a" || !v.Try {
			t.Errorf("with a rule: %+v", v)
		}
		if v := w.Verdict("home"); v.MaxSize != 2000 || v.Rule != "" {
			t.Errorf("without one: %+v", v)
		}
		s.happen(with(atHome(), func(n *network.State) { n.SSID = "x" }), nil)
		pass(time.Minute)
		if v := w.Verdict("home"); v.MaxSize != 5000 || v.Rule != "a" || v.Via != "work" {
			t.Errorf("carried by another account: %+v", v)
		}
		s.happen(with(atHome(), func(n *network.State) { n.SSID = "y" }), nil)
		pass(time.Minute)
		if v := w.Verdict("home"); v.MaxSize != 0 || !v.Try {
			t.Errorf("sent by a rule, whatever its size: %+v", v)
		}
	})
}

// Coverage: hours.
func TestTheClockAloneChangesWhatARuleSays(t *testing.T) {
	policed(t, []config.Rule{{Name: "night", Accounts: []string{"work"}, Hours: hours(t, "22-6"), Do: config.Hold}}, func(t *testing.T, s *script, w *Watcher) {
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

// Coverage: hours.
func TestNoTimerWhereTheClockChangesNothing(t *testing.T) {
	night := hours(t, "22-6")
	for _, c := range []struct {
		reason string
		rules  []config.Rule
		timer  bool
	}{
		{"no rule has hours", []config.Rule{{Name: "a", VPN: config.VPNDown, Do: config.Hold}}, false},
		{"hours that matter", []config.Rule{{Name: "a", Hours: night, Do: config.Hold}}, true},
		{"hours of a rule that another condition keeps from matching", []config.Rule{{Name: "a", SSID: []string{"x"}, Hours: night, Do: config.Hold}}, false},
		{"hours of a rule behind one that decides", []config.Rule{{Name: "a", Interface: []string{"*"}}, {Name: "b", Hours: night, Do: config.Hold}}, false},
		{"hours that never end", []config.Rule{{Name: "a", Hours: hours(t, "0-24"), Do: config.Hold}}, false},
		{"hours for no account that there is", []config.Rule{{Name: "a", Accounts: []string{"home"}, Hours: night, By: "work"}}, true},
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
		var ahead atomic.Int64
		s := &script{state: atHome()}
		w := start(t.Context(), Options{
			Rules: []config.Rule{{Name: "night", Hours: hours(t, "22-6"), Do: config.Hold}}, Routes: []queue.Route{"work"},
			Now: func() time.Time { return time.Now().UTC().Add(time.Duration(ahead.Load())).Round(0) },
		}, func(_ Options, poke func()) (reader, sleeper, error) {
			s.poke = poke
			return s, nil, nil
		})
		if w.Verdict("work").Try {
			t.Error("it is night")
		}
		ahead.Store(int64(7 * time.Hour)) // as after a sleep
		s.poke()
		pass(time.Second)
		if !changed(w) || !w.Verdict("work").Try {
			t.Error("the morning was not noticed")
		}
	})
}

func TestWhatWasProvedOfOneServerIsNotKnownOfTheNext(t *testing.T) {
	policed(t, []config.Rule{{Name: "morning", Accounts: []string{"home"}, Hours: hours(t, "6-7"), By: "work"}}, func(t *testing.T, s *script, w *Watcher) {
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
	policed(t, []config.Rule{{Name: "morning", Accounts: []string{"home"}, Hours: hours(t, "6-7"), By: "work"}}, func(t *testing.T, s *script, w *Watcher) {
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
