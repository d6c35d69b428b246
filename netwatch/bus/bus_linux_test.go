package bus

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/godbus/dbus/v5"

	"mailcrane/internal/lab"
)

// A clerk is a service that has one word to say.
const (
	clerk     = "org.example.Clerk"
	clerkPath = dbus.ObjectPath("/org/example/Clerk")
)

func says(word string) lab.Objects {
	return lab.Objects{clerkPath: {clerk: {"Word": dbus.MakeVariant(word)}}}
}

// asksClerk looks for the clerk's word.
func asksClerk() Service[string] {
	return Service[string]{
		Name: clerk,
		Signals: [][]dbus.MatchOption{{
			dbus.WithMatchObjectPath(clerkPath), dbus.WithMatchMember("PropertiesChanged"), dbus.WithMatchArg(0, clerk),
		}},
		Look: func(ctx context.Context, conn *dbus.Conn) (string, error) {
			all, err := PropertiesOf(ctx, conn, clerk, clerkPath, clerk)
			return Property[string](all, "Word"), err
		},
	}
}

// A listener hears what the clerk says on a bus of the test's own.
type listener struct {
	*Follower[string]
	t     *testing.T
	pokes chan struct{}
}

func listen(t *testing.T, b *lab.Bus, s Service[string]) *listener {
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", b.Address)
	l := &listener{t: t, pokes: make(chan struct{}, 1)}
	l.Follower = Follow(s, System, func() { raise(l.pokes) })
	t.Cleanup(func() { l.Close() })
	return l
}

// hears waits until the word is said. Its deadline is no measure, only an end.
func (l *listener) hears(when, word string) {
	l.t.Helper()
	deadline := time.After(10 * time.Second)
	for l.Said() != word {
		select {
		case <-l.pokes:
		case <-deadline:
			l.t.Fatalf("%s: not heard within 10 s: %q; it is %q", when, word, l.Said())
		}
	}
}

func TestAServiceMayComeAndGoAndItsBusToo(t *testing.T) {
	b := lab.NewBus(t)
	l := listen(t, b, asksClerk())
	l.hears("nobody is there", "")
	s := b.Serve(clerk, says("yes"))
	l.hears("it comes", "yes")
	s.Leave(clerk)
	l.hears("it goes", "")
	s.Come(clerk)
	l.hears("it comes back", "yes")
	b.End()
	l.hears("the bus ends", "")
	b.Start()
	b.Serve(clerk, says("no"))
	l.mu.Lock()
	l.absent = l.absent.Add(-redial) // a while later
	l.mu.Unlock()
	l.hears("the bus is back", "no")
}

func TestAServiceThatHangsSaysNothingUntilItAnswers(t *testing.T) {
	b := lab.NewBus(t)
	s := b.Serve(clerk, says("yes"))
	asks := asksClerk()
	asks.Patience = 50 * time.Millisecond
	l := listen(t, b, asks)
	l.hears("it is well", "yes")
	release := s.Hang()
	s.Set(clerkPath, clerk, "Word", "no")
	l.hears("it hangs", "")
	release()
	l.hears("it answers", "no")
}

func TestASignalThatWasNotAskedForWakesNobody(t *testing.T) {
	b := lab.NewBus(t)
	s := b.Serve(clerk, says("yes"))
	l := listen(t, b, asksClerk())
	l.hears("it is well", "yes")
	before := s.Looks(clerkPath)
	for range 100 {
		s.Emit(clerkPath, clerk+".Gossip", "Word", "no")
		s.Emit("/org/example", clerk, "Word", "no")
	}
	s.Set(clerkPath, clerk, "Word", "no")
	l.hears("one that was", "no")
	if n := s.Looks(clerkPath) - before; n != 1 {
		t.Errorf("%d looks after one signal that matters", n)
	}
}

func TestABusThatHangsHoldsUpTheFirstQuestionForAMomentAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := func(ctx context.Context, _ func()) (*dbus.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		f := Follow(asksClerk(), hung, func() { t.Error("a poke") })
		for i, most := range []time.Duration{firstWait, 0, 0} {
			began := time.Now()
			if said := f.Said(); said != "" || time.Since(began) > most {
				t.Errorf("question %d took %v: %q", i, time.Since(began), said)
			}
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestABusThatIsNotThereIsLookedForNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dials := 0
		none := func(context.Context, func()) (*dbus.Conn, error) {
			dials++
			return nil, errors.New("no such file")
		}
		f := Follow(asksClerk(), none, func() { t.Error("a poke") })
		defer f.Close()
		ask := func() {
			f.Said()
			synctest.Wait()
		}
		ask()
		time.Sleep(time.Hour)
		if dials != 1 {
			t.Errorf("%d dials though nothing happened", dials)
		}
		for range 300 {
			ask()
			time.Sleep(time.Second)
		}
		if want := 1 + 10; dials != want {
			t.Errorf("%d dials in five minutes of changes, want %d", dials, want)
		}
	})
}

func TestAFollowerLeavesNothingBehind(t *testing.T) {
	b := lab.NewBus(t)
	b.Serve(clerk, says("yes"))
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", b.Address)
	once := func() {
		f := Follow(asksClerk(), System, func() {})
		if said := f.Said(); said != "yes" {
			t.Errorf("it says %q", said)
		}
		_ = f.Close()
	}
	once()
	check := lab.NothingGrows(t)
	for range 20 {
		once()
	}
	check()
}
