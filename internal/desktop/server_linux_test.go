package desktop

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"mailcrane/internal/lab"
)

// A shower is a notification server that keeps what it is asked for.
type shower struct {
	conn *dbus.Conn
	can  []string

	mu     sync.Mutex
	asked  []asked
	closed []uint32
	next   uint32
}

type asked struct {
	replaces    uint32
	title, body string
	actions     []string
	hints       map[string]dbus.Variant
}

func newShower(t *testing.T, bus *lab.Bus, can ...string) *shower {
	t.Helper()
	conn, err := dbus.Connect(bus.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s := &shower{conn: conn, can: can}
	methods := map[string]any{
		"GetCapabilities": func() ([]string, *dbus.Error) { return s.can, nil },
		"CloseNotification": func(id uint32) *dbus.Error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.closed = append(s.closed, id)
			return nil
		},
		"Notify": func(_ string, replaces uint32, _, title, body string, actions []string, hints map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.asked = append(s.asked, asked{replaces, title, body, actions, hints})
			if replaces != 0 {
				return replaces, nil
			}
			s.next++
			return s.next, nil
		},
	}
	if err := conn.ExportMethodTable(methods, serverPath, serverName); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.RequestName(serverName, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *shower) all() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// on is the desktop of a bus.
func on(t *testing.T, address string) Desktop {
	d := New(func(name string) string {
		return map[string]string{"DBUS_SESSION_BUS_ADDRESS": address, "XDG_RUNTIME_DIR": "/nowhere"}[name]
	})
	t.Cleanup(d.Close)
	return d
}

func show(t *testing.T, d Desktop, n Notice) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := d.Show(ctx, n); err != nil {
		t.Fatal(err)
	}
}

func TestASecondNoticeOfACauseTakesThePlaceOfTheFirst(t *testing.T) {
	bus := lab.NewBus(t)
	s, d := newShower(t, bus), on(t, bus.Address)
	show(t, d, Notice{Cause: "a", Title: "one", Urgency: Critical})
	show(t, d, Notice{Cause: "a", Title: "two"})
	show(t, d, Notice{Cause: "b", Title: "three"})
	d.Withdraw("a")
	show(t, d, Notice{Cause: "a", Title: "four"})
	var replaced []uint32
	for _, a := range s.all() {
		replaced = append(replaced, a.replaces)
	}
	if !slices.Equal(replaced, []uint32{0, 1, 0, 0}) {
		t.Errorf("replaced were %v", replaced)
	}
	first := s.all()[0].hints
	if first["urgency"].Value() != byte(2) || first["category"].Value() != "email" {
		t.Errorf("the hints are %v", first)
	}
}

func TestNothingIsMarkup(t *testing.T) {
	for name, c := range map[string]struct {
		can  []string
		want string
	}{
		"a server that reads markup": {[]string{"body", "body-markup"}, "&lt;b&gt;a&lt;/b&gt; &amp; b?"},
		"one that does not":          {[]string{"body"}, "<b>a</b> & b?"},
	} {
		t.Run(name, func(t *testing.T) {
			bus := lab.NewBus(t)
			s, d := newShower(t, bus, c.can...), on(t, bus.Address)
			show(t, d, Notice{Title: "x", Body: "<b>a</b> & b\n"})
			if got := s.all()[0].body; got != c.want {
				t.Errorf("the body is %q, not %q", got, c.want)
			}
		})
	}
}

func TestAButtonDoesItsDeed(t *testing.T) {
	bus := lab.NewBus(t)
	s, d := newShower(t, bus, "actions"), on(t, bus.Address)
	pressed := make(chan struct{})
	show(t, d, Notice{Title: "x", Actions: []Action{{Key: "login", Label: "Log in", Do: func() { close(pressed) }}}})
	if got := s.all()[0].actions; !slices.Equal(got, []string{"login", "Log in"}) {
		t.Errorf("the actions are %q", got)
	}
	// Another program may say anything; only the server's word counts.
	stranger, err := dbus.Connect(bus.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	for _, c := range []*dbus.Conn{stranger, s.conn} {
		select {
		case <-pressed:
			t.Fatal("a stranger pressed it")
		default:
		}
		if err := c.Emit(serverPath, serverName+".ActionInvoked", uint32(1), "login"); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-pressed:
	case <-time.After(10 * time.Second):
		t.Error("it did nothing")
	}
}

func TestButtonsAreNotOfferedWhereTheyAreNotKnown(t *testing.T) {
	bus := lab.NewBus(t)
	s, d := newShower(t, bus), on(t, bus.Address)
	show(t, d, Notice{Title: "x", Actions: []Action{{Key: "login", Label: "Log in"}}})
	if got := s.all()[0].actions; len(got) != 0 {
		t.Errorf("the actions are %q", got)
	}
}

func TestWithoutADesktopNobodySeesIt(t *testing.T) {
	bus := lab.NewBus(t)
	for name, address := range map[string]string{
		"no bus":            "",
		"a bus with nobody": bus.Address,
		"a bus that died":   "unix:path=/nowhere/bus",
		"one to be started": "autolaunch:",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if err := on(t, address).Show(ctx, Notice{Title: "x"}); !errors.Is(err, ErrNone) {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
	}
}

func TestAServerThatIsStartedAnewIsToldAnew(t *testing.T) {
	bus := lab.NewBus(t)
	first, d := newShower(t, bus), on(t, bus.Address)
	show(t, d, Notice{Cause: "a", Title: "one"})
	first.conn.Close()
	second := newShower(t, bus)
	show(t, d, Notice{Cause: "a", Title: "two"})
	if got := second.all()[0].replaces; got != 0 {
		t.Errorf("it takes the place of %d, which may be another program's", got)
	}
}

func TestARealDesktopShowsOneForOneCause(t *testing.T) {
	screen := lab.NewDesktop(t)
	d := on(t, screen.Address)
	kept := ""
	begin := func() (*Herald, context.CancelFunc) {
		h := NewHerald(Options{
			Desktop: d, Waiting: func(string) bool { return true },
			Load: func() (string, error) { return kept, nil },
			Keep: func(text string) error { kept = text; return nil },
		})
		ctx, cancel := context.WithCancel(t.Context())
		go h.Run(ctx)
		return h, cancel
	}
	h, end := begin()
	for range 5 {
		h.Stands("work", Login, "")
	}
	h.Stands("home", Broken, "")
	screen.AwaitDisplayed(2)
	if path := os.Getenv("MAILCRANE_SHOT"); path != "" {
		screen.Shot(path)
	}
	h.Stands("work", Well, "") // what is said of it goes
	screen.AwaitDisplayed(1)
	h.Stands("home", Broken, "")
	h.Refused() // it comes last: what was said before it is on the screen, or is not
	screen.AwaitDisplayed(2)
	end()
}
