package relay

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// An atlas is a dialer to addresses each of which connects, or fails, after a
// time; others never end.
type atlas map[string]struct {
	after time.Duration
	err   error
}

// A place is a connection that knows to where.
type place struct {
	net.Conn
	address string
	closed  chan struct{}
}

func (p *place) Close() error {
	close(p.closed)
	return nil
}

func TestTheFirstToConnectWins(t *testing.T) {
	refused := errors.New("connection refused")
	const v4, v6, name = "192.0.2.1:465", "[2001:db8::1]:465", "smtp.example.org:465"
	for _, c := range []struct {
		why       string
		world     atlas
		addresses []string
		want      string // "" for none
		after     time.Duration
		dialled   []string
	}{
		{
			"the remembered address is there: the name is not looked up",
			atlas{v4: {after: 600 * time.Millisecond}, name: {after: 900 * time.Millisecond}},
			[]string{v4, name},
			v4, 600 * time.Millisecond,
			[]string{v4},
		},
		{
			"it leads nowhere: the name is looked up when the head start is over",
			atlas{name: {after: 900 * time.Millisecond}},
			[]string{v4, name},
			name, 2900 * time.Millisecond,
			[]string{v4, name},
		},
		{
			"it refuses: at once",
			atlas{v4: {after: 50 * time.Millisecond, err: refused}, name: {after: 900 * time.Millisecond}},
			[]string{v4, name},
			name, 950 * time.Millisecond,
			[]string{v4, name},
		},
		{
			"it is slow and still the first",
			atlas{v4: {after: 2500 * time.Millisecond}, name: {after: 900 * time.Millisecond}},
			[]string{v4, name},
			v4, 2500 * time.Millisecond,
			[]string{v4, name},
		},
		{
			"this network has no IPv6: the other family's address is next",
			atlas{v6: {err: refused}, v4: {after: 600 * time.Millisecond}, name: {after: time.Second}},
			[]string{v6, v4, name},
			v4, 600 * time.Millisecond,
			[]string{v6, v4},
		},
		{
			"nothing is there: the fault is the name's",
			atlas{v4: {err: refused}, name: {after: time.Second, err: errors.New("no such host")}},
			[]string{v4, name},
			"", time.Second,
			[]string{v4, name},
		},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var dialled []string
				var open []*place
				target := Target{Address: name, Dial: func(ctx context.Context, _, address string) (net.Conn, error) {
					mu.Lock()
					dialled = append(dialled, address)
					mu.Unlock()
					end, known := c.world[address]
					if !known {
						end.after = time.Hour
					}
					time.Sleep(end.after) // also past the end of ctx, as a system may
					if end.err != nil {
						return nil, end.err
					}
					p := &place{address: address, closed: make(chan struct{})}
					mu.Lock()
					defer mu.Unlock()
					open = append(open, p)
					return p, nil
				}}
				began := time.Now()
				got := target.race(t.Context(), c.addresses, 2*time.Second)
				if took := time.Since(began); took != c.after {
					t.Errorf("it took %v, want %v", took, c.after)
				}
				time.Sleep(2 * time.Hour)
				synctest.Wait()
				if !slices.Equal(dialled, c.dialled) {
					t.Errorf("dialled %q, want %q", dialled, c.dialled)
				}
				if c.want == "" {
					if got.err == nil || got.err.Error() != "no such host" {
						t.Errorf("the fault is %v, want the name's", got.err)
					}
					return
				}
				if got.err != nil || got.address != c.want {
					t.Fatalf("%q, %v", got.address, got.err)
				}
				for _, p := range open {
					select {
					case <-p.closed:
						if p == got.conn {
							t.Error("the winner was closed")
						}
					default:
						if p != got.conn {
							t.Errorf("the connection to %s stays open", p.address)
						}
					}
				}
			})
		})
	}
}

func TestTheHeadStartIsThatOfTheLink(t *testing.T) {
	for _, c := range []struct {
		roundTrip, want time.Duration
	}{
		{0, 300 * time.Millisecond},
		{20 * time.Millisecond, 360 * time.Millisecond},
		{600 * time.Millisecond, 2100 * time.Millisecond},
		{5 * time.Second, 3 * time.Second},
	} {
		if got := (Link{RoundTrip: c.roundTrip}).headStart(); got != c.want {
			t.Errorf("with a round trip of %v: %v, want %v", c.roundTrip, got, c.want)
		}
	}
}

func TestARememberedAddressIsUsedWhileItIsGood(t *testing.T) {
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	ip := netip.MustParseAddr("2001:db8::1")
	for _, c := range []struct {
		why  string
		mode Mode
		age  time.Duration
		want []string
	}{
		{"looked up an hour ago", Implicit, time.Hour, []string{"[2001:db8::1]:465"}},
		{"STARTTLS", StartTLS, time.Hour, []string{"[2001:db8::1]:465"}},
		{"looked up eight days ago: the server may have moved", Implicit, 8 * 24 * time.Hour, nil},
		{"looked up tomorrow: the clock was set back", Implicit, -24 * time.Hour, nil},
		{"without TLS nothing shows that it is the right one", Insecure, time.Hour, nil},
	} {
		target := Target{Address: "smtp.example.org:465", Mode: c.mode, Now: func() time.Time { return now }}
		got := target.remembered(Known{Addresses: []Address{{ip, now.Add(-c.age)}}})
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.why, got, c.want)
		}
	}
}
