package trace

import (
	"encoding/json"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var one, other = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")

// listen has a listener hear what is asked for; read reads one line.
func listen(t *testing.T, h *Hub, request string) (read func() Line, conn net.Conn) {
	t.Helper()
	here, there := net.Pipe()
	go h.Serve(t.Context(), there, request)
	synctest.Wait()
	in := json.NewDecoder(here)
	return func() (l Line) {
		t.Helper()
		if err := in.Decode(&l); err != nil {
			t.Fatal(err)
		}
		return l
	}, here
}

func TestEachHearsWhatItAskedFor(t *testing.T) {
	for _, c := range []struct{ reason, request, want string }{
		{"all", `{}`, "a b c 5octets end"},
		{"a network", `{"clients":["192.0.2.0/24"]}`, "a 5octets end"},
		{"a network of IPv6", `{"clients":["2001:db8::/32","10.0.0.0/8"]}`, "b c"},
		{"a listener", `{"port":"MSA"}`, "c"},
		{"messages too", `{"port":"MTA","body":true}`, "a b hello 5octets end"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := NewHub(time.Now)
				read, conn := listen(t, h, c.request)
				defer conn.Close()
				h.Tell(Of(one, Line{Port: "MTA", Direction: In, Text: "a"}))
				h.Tell(Of(other, Line{Port: "MTA", Direction: In, Text: "b"}))
				h.Tell(Of(other, Line{Port: "MSA", Direction: Out, Text: "c"}))
				h.Tell(Of(one, Line{Port: "MTA", Direction: Body, Text: "hello"}))
				h.Tell(Of(one, Line{Port: "MTA", Direction: Body, Text: "5octets", Octets: 5}))
				h.Tell(Of(one, Line{Port: "MTA", Direction: Note, Text: "end"}))
				var got []string
				for range strings.Count(c.want, " ") + 1 {
					got = append(got, read().Text)
				}
				if text := strings.Join(got, " "); text != c.want {
					t.Errorf("%s, want %s", text, c.want)
				}
			})
		})
	}
}

func TestWhoReadsTooSlowlyIsToldWhatIsMissingAndHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(time.Now)
		read, conn := listen(t, h, `{}`)
		defer conn.Close()
		const told = 3*heldLines + 7
		for range told {
			h.Tell(Line{Direction: In, Text: "x"})
		}
		heard, lost := 0, 0
		for heard+lost < told {
			if l := read(); l.Direction == Missing {
				lost += l.Lost
			} else {
				heard++
			}
		}
		if lost < told-heldLines-2 || heard+lost != told {
			t.Errorf("%d heard and %d missing of %d", heard, lost, told)
		}
	})
}

func TestALineTellsOfAListenerThatIsStuckIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(time.Now)
		_, conn := listen(t, h, `{"body":true}`)
		defer conn.Close()
		if !h.Listened() || !h.Bodies() {
			t.Fatal("nobody listens")
		}
		h.Tell(Line{Text: "never read"})
		time.Sleep(2 * patience)
		synctest.Wait()
		if h.Listened() || h.Bodies() {
			t.Error("it is still waited for")
		}
	})
}

func TestNoMoreListenThanMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(time.Now)
		for range mostListeners {
			_, conn := listen(t, h, `{}`)
			defer conn.Close()
		}
		read, conn := listen(t, h, `{}`)
		defer conn.Close()
		if got := read(); got.Direction != Note || !strings.Contains(got.Text, "16 others listen already") {
			t.Errorf("%+v", got)
		}
		read, conn = listen(t, h, `none`)
		defer conn.Close()
		if got := read(); !strings.Contains(got.Text, "another version") {
			t.Errorf("%+v", got)
		}
	})
}

func TestATellingCostsNothingWhereNobodyListens(t *testing.T) {
	h := NewHub(time.Now)
	l := Line{Direction: In, Text: "x"}
	if n := testing.AllocsPerRun(100, func() { h.Tell(l) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
