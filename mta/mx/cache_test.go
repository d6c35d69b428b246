package mx

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/mta/names"
	"mailcrane/queue"
)

func cached(size int, keep time.Duration) func(*Options) {
	return func(o *Options) { o.Config.MTA.Exchange.CacheSize, o.Config.MTA.Exchange.CacheTime = size, keep }
}

// Coverage: B111, B112.
func TestASessionWaitsForTheNextMessageToItsHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := standard()
		w.mx["other.test"] = []names.MX{{Host: "MX1.example.org", Preference: 1}}
		tr := w.transport(t, cached(2, 5*time.Second))
		s := w.servers["192.0.2.1:25"]
		for i, r := range []string{"esmtp:example.org", "esmtp:example.org", "smtp:other.test"} {
			if got, fault := send(t, tr, r); fault != nil || got[0].State() != queue.Delivered {
				t.Fatalf("%d: %v, %v", i, got, fault)
			}
			time.Sleep(time.Second)
		}
		connections, open, mails := s.count()
		if connections != 1 || open != 1 || mails != 3 {
			t.Errorf("%d connections, %d open, %d mails", connections, open, mails)
		}
		if n := strings.Count(s.heard(), "RSET"); n < 2 {
			t.Errorf("it heard %q", s.heard())
		}
		tr.Close(t.Context())
		synctest.Wait()
		if _, open, _ := s.count(); open != 0 || !strings.HasSuffix(s.heard(), "QUIT") {
			t.Errorf("%d are open, it heard %q", open, s.heard())
		}
	})
}

// Coverage: B19, B112.
func TestASessionThatDiedInTheCacheIsOpenedAnewAndNobodyHearsOfIt(t *testing.T) {
	for _, c := range []struct {
		why  string
		says map[string]string
		took time.Duration
	}{
		{"closed at the probe", map[string]string{"RSET": "CLOSE"}, 0},
		{"refused", map[string]string{"RSET": "421 4.4.2 too long"}, 0},
		{"silence ends with Timeout.rset", map[string]string{"RSET": ""}, 7 * time.Second},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := standard()
				tr := w.transport(t, func(o *Options) {
					cached(2, time.Minute)(o)
					o.Config.Timeout.Rset = 7 * time.Second
				})
				s := w.servers["192.0.2.3:25"]
				send(t, tr, "esmtp:plain.test")
				s.says = c.says
				began := time.Now()
				got, fault := send(t, tr, "esmtp:plain.test")
				if fault != nil || got[0].State() != queue.Delivered || time.Since(began) != c.took {
					t.Errorf("%v, %v after %v", got, fault, time.Since(began))
				}
				if connections, _, mails := s.count(); connections != 2 || mails != 2 {
					t.Errorf("%d connections, %d mails", connections, mails)
				}
				s.says = nil
				tr.Close(t.Context())
				synctest.Wait()
			})
		})
	}
}

// Coverage: B113.
func TestAsManySessionsStayOpenAsTheCacheTakes(t *testing.T) {
	for _, c := range []struct {
		why  string
		size int
		each bool
		open string
	}{
		{"none", 0, false, ""},
		{"one", 1, false, "192.0.2.3:25"},
		{"two", 2, false, "192.0.2.2:25 192.0.2.3:25"},
		{"a session for each message", 2, true, ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := standard()
				tr := w.transport(t, func(o *Options) {
					cached(c.size, time.Minute)(o)
					o.Config.Queue.SeparateSessions = c.each
				})
				for _, r := range []string{"esmtp:example.org", "esmtp:[mx2.example.org]", "esmtp:plain.test"} {
					send(t, tr, r)
				}
				synctest.Wait()
				var open []string
				for _, at := range []string{"192.0.2.1:25", "192.0.2.2:25", "192.0.2.3:25"} {
					if _, n, _ := w.servers[at].count(); n > 0 {
						open = append(open, at)
					}
				}
				if strings.Join(open, " ") != c.open {
					t.Errorf("open are %q", open)
				}
				tr.Close(t.Context())
				synctest.Wait()
			})
		})
	}
}

// Coverage: B114, B20.
func TestASessionIsClosedWhenItsTimeInTheCacheIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := standard()
		tr := w.transport(t, cached(4, 10*time.Second))
		s := w.servers["192.0.2.3:25"]
		send(t, tr, "esmtp:plain.test")
		time.Sleep(10*time.Second - time.Millisecond)
		synctest.Wait()
		if _, open, _ := s.count(); open != 1 {
			t.Errorf("before the time, %d are open", open)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if _, open, _ := s.count(); open != 0 || !strings.HasSuffix(s.heard(), "QUIT") {
			t.Errorf("after it, %d are open; it heard %q", open, s.heard())
		}
	})
}

// Coverage: B115.
func TestOnlyWhatIsReachedByANetworkIsOpenedAndKept(t *testing.T) {
	tr := standard().transport(t, cached(4, time.Minute))
	for _, r := range []queue.Route{"local:", "procmail:/etc/rules", "sort:", "work"} {
		if s, fault := tr.Open(t.Context(), r); s != nil || fault == nil || fault.Step != queue.StepConfig {
			t.Errorf("%s: %v, %v", r, s, fault)
		}
	}
}

func TestWhenTheWayOutChangesNobodyWaitsInTheCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := standard()
		tr := w.transport(t, cached(4, time.Minute))
		send(t, tr, "esmtp:plain.test")
		tr.Stir()
		synctest.Wait()
		if _, open, _ := w.servers["192.0.2.3:25"].count(); open != 0 {
			t.Errorf("%d are open", open)
		}
	})
}

func TestASessionInUseThatHearsOfAChangeHasTheCacheEmptied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := standard()
		tr := w.transport(t, cached(4, time.Minute))
		send(t, tr, "esmtp:plain.test")
		ctx, stir, end := queue.WithStir(t.Context())
		defer end()
		used, fault := tr.Open(ctx, "esmtp:example.org")
		if fault != nil {
			t.Fatal(fault.Sentence())
		}
		stir()
		synctest.Wait()
		_, idle, _ := w.servers["192.0.2.3:25"].count()
		_, busy, _ := w.servers["192.0.2.1:25"].count()
		if idle != 0 || busy != 1 {
			t.Errorf("%d idle ones are open, and %d in use", idle, busy)
		}
		used.Close(t.Context())
		send(t, tr, "esmtp:plain.test")
		stir() // nobody in use hears it
		synctest.Wait()
		if _, idle, _ := w.servers["192.0.2.3:25"].count(); idle != 1 {
			t.Errorf("%d are open", idle)
		}
		tr.Close(t.Context())
		synctest.Wait()
	})
}

func TestASessionThatBrokeIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := standard()
		tr := w.transport(t, cached(4, time.Minute))
		s := w.servers["192.0.2.3:25"]
		s.says = map[string]string{"MAIL": "421 4.3.2 going down"}
		if _, fault := send(t, tr, "esmtp:plain.test"); fault == nil || fault.NeedsPerson {
			t.Errorf("the fault is %+v", fault)
		}
		synctest.Wait()
		if _, open, _ := s.count(); open != 0 || tr.cache.take("plain.test", 25) != nil {
			t.Errorf("%d are open", open)
		}
	})
}

func TestEachUseOfASessionCostsWhatItCosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := standard()
		tr := w.transport(t, cached(4, time.Minute))
		var costs []queue.Cost
		for range 2 {
			s, fault := tr.Open(t.Context(), "esmtp:plain.test")
			if fault != nil {
				t.Fatal(fault.Sentence())
			}
			deliver(t, s)
			s.Close(context.Background())
			costs = append(costs, s.(queue.Coster).Cost())
		}
		if a, b := costs[0], costs[1]; b.Sent == 0 || b.Sent >= a.Sent || b.RoundTrips >= a.RoundTrips {
			t.Errorf("first %+v, then %+v", a, b)
		}
		tr.Close(t.Context())
		synctest.Wait()
	})
}
