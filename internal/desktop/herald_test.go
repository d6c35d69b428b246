package desktop

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// screen is a desktop that keeps what it is shown.
type screen struct {
	mu    sync.Mutex
	shown []Notice
	gone  []string
	none  bool
}

func (s *screen) Show(_ context.Context, n Notice) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.none {
		return ErrNone
	}
	s.shown = append(s.shown, n)
	return nil
}

func (s *screen) Withdraw(cause string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = append(s.gone, cause)
}

func (s *screen) Close() {}

// titles is what was shown, and forgets it.
func (s *screen) titles() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, n := range s.shown {
		all = append(all, n.Title)
	}
	s.shown = nil
	return all
}

// A desk is a herald before a screen, whose memory outlives it.
type desk struct {
	*Herald
	*screen
	t      *testing.T
	kept   string
	waits  bool
	all    bool
	cancel context.CancelFunc
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, screen: &screen{}, waits: true}
	d.begin()
	return d
}

// begin is a new process.
func (d *desk) begin() {
	if d.cancel != nil {
		d.cancel()
		synctest.Wait()
	}
	d.Herald = NewHerald(Options{
		Desktop: d.screen, All: d.all, Waiting: func(string) bool { return d.waits },
		Load: func() (string, error) { return d.kept, nil },
		Keep: func(text string) error { d.kept = text; return nil },
		Do:   Deeds{Login: func(string) {}},
	})
	var ctx context.Context
	ctx, d.cancel = context.WithCancel(d.t.Context())
	go d.Run(ctx)
}

func (d *desk) want(titles ...string) {
	d.t.Helper()
	synctest.Wait()
	if got := d.titles(); !slices.Equal(got, titles) {
		d.t.Errorf("shown is %q, not %q", got, titles)
	}
}

const loginTitle = "Mail waits for you to log in"

func TestOneCauseIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		defer func() { d.cancel() }()
		for range 5 {
			d.Stands("work", Login, "")
		}
		d.want(loginTitle)
		d.begin()
		d.Stands("work", Login, "")
		d.want() // the restart has not forgotten it
		d.Stands("work", Unknown, "")
		d.Stands("work", Login, "")
		d.want() // out of the network and back is not well
		d.Stands("work", Broken, "")
		d.want("Mail cannot be sent") // another kind is another cause
		d.Stands("home", Login, "")
		d.want(loginTitle) // and so is another account
		d.Stands("work", Well, "")
		synctest.Wait()
		if !slices.Contains(d.gone, "login work") || slices.Contains(d.gone, "login home") {
			t.Errorf("taken away is %q", d.gone)
		}
		d.begin()
		d.Stands("work", Login, "")
		d.want(loginTitle) // it had been well again
	})
}

func TestOnlyMailThatWaitsIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		defer func() { d.cancel() }()
		d.waits = false
		d.Stands("work", Portal, "http://portal.example/")
		d.want()
		d.waits = true
		d.Stands("work", Portal, "http://portal.example/")
		d.want("Mail waits behind a login page")
		d.Stands("home", Portal, "http://portal.example/")
		d.want() // it is the same portal
	})
}

func TestWhatNobodySeesIsToldLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		defer func() { d.cancel() }()
		d.none = true
		d.Stands("work", Login, "")
		d.want()
		d.none = false
		d.Stands("work", Login, "")
		d.want(loginTitle)
	})
}

func TestTenBouncesOfAMomentAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		defer func() { d.cancel() }()
		for range 10 {
			d.Refused()
			time.Sleep(moment / 20)
		}
		d.want()
		time.Sleep(moment)
		d.want("10 messages were refused")
		d.Refused()
		time.Sleep(moment)
		d.want("A message was refused")
	})
}

func TestTheDesktopIsToldOfWhatWasAskedFor(t *testing.T) {
	for _, c := range []struct {
		all  bool
		want []string
	}{{false, nil}, {true, []string{"2 messages that waited have gone"}}} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t)
			d.all = c.all
			d.begin()
			defer func() { d.cancel() }()
			d.Gone()
			d.Gone()
			time.Sleep(moment)
			d.want(c.want...)
		})
	}
}

func TestALogInThatEndsIsToldOnceForEachEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		defer func() { d.cancel() }()
		ends := time.Now().Add(72 * time.Hour)
		for range 3 {
			d.TokenEnds("work", ends)
			d.Stands("work", Well, "")
		}
		d.want("Your log-in for mail ends soon")
		d.begin()
		d.TokenEnds("work", ends)
		d.want()
		d.TokenEnds("work", ends.Add(90*24*time.Hour))
		d.want("Your log-in for mail ends soon")
	})
}

func TestPrivacyNamesNoAccount(t *testing.T) {
	h := &Herald{Options: Options{Private: true}}
	for _, n := range []Notice{h.troubleNotice(Broken, "secretname", ""), h.troubleNotice(Portal, "secretname", "")} {
		if strings.Contains(n.Title+n.Body, "secretname") {
			t.Errorf("%q names the account", n.Body)
		}
	}
}
