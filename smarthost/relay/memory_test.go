package relay

import (
	"testing"
	"time"
)

// memoryOf is a Memory of what is known.
func memoryOf(known Known) *Memory { return &Memory{known: known} }

func TestAServerThatBreaksIsSparedForAWhile(t *testing.T) {
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	offered := Capabilities{Pipelining: true, Chunking: true, Auth: []string{"PLAIN"}, Size: true, MaxSize: 1000}
	var broken Broken
	broken.Add(Breaks{Pipelining: true}, now, offered)
	for _, c := range []struct {
		why    string
		at     time.Time
		change func(*Capabilities)
		want   Breaks
	}{
		{"at once", now, nil, Breaks{Pipelining: true}},
		{"three weeks later", now.AddDate(0, 0, 21), nil, Breaks{Pipelining: true}},
		{"it may be mended after 30 days", now.AddDate(0, 0, 30), nil, Breaks{}},
		{"the clock was set back behind it", now.AddDate(0, 0, -1), nil, Breaks{}},
		{"another version offers something else", now, func(c *Capabilities) { c.SMTPUTF8 = true }, Breaks{}},
		{"another version has other mechanisms", now, func(c *Capabilities) { c.Auth = []string{"LOGIN"} }, Breaks{}},
		{"the largest message tells nothing of the version", now, func(c *Capabilities) { c.MaxSize = 2000 }, Breaks{Pipelining: true}},
	} {
		o := offered
		if c.change != nil {
			c.change(&o)
		}
		if got := broken.Spare(c.at, o); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.why, got, c.want)
		}
	}
	broken.Add(Breaks{Chunking: true}, now.AddDate(0, 0, 1), offered)
	if got := broken.Spare(now.AddDate(0, 0, 2), offered); got != (Breaks{Pipelining: true, Chunking: true}) {
		t.Errorf("both: %+v", got)
	}
}

func TestAMemoryThatIsNoneRemembersNothing(t *testing.T) {
	var m *Memory
	m.Learn(func(*Known) { t.Error("it learned") })
	if k := m.Recall(); k.LoggedIn != "" || k.Addresses != nil {
		t.Errorf("%+v", k)
	}
}

func TestWhatIsRecalledIsACopy(t *testing.T) {
	m := memoryOf(Known{Addresses: []Address{{}}, Capabilities: Capabilities{Auth: []string{"PLAIN"}}})
	k := m.Recall()
	k.Addresses[0].LookedUp, k.Capabilities.Auth[0] = time.Unix(1, 0), "LOGIN"
	if again := m.Recall(); again.Capabilities.Auth[0] != "PLAIN" || !again.Addresses[0].LookedUp.IsZero() {
		t.Errorf("%+v", again)
	}
}

func TestALinkIsMeasuredByItsHandshakes(t *testing.T) {
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	const far = 600 * time.Millisecond
	for _, c := range []struct {
		why       string
		was       int64
		roundTrip time.Duration
		octets    int64
		longer    time.Duration
		want      int64
	}{
		{"a full handshake at 9.6 kbit/s", 0, far, 5400, 4500 * time.Millisecond, 1200},
		{"a resumed one at 9.6 kbit/s", 0, far, 720, 600 * time.Millisecond, 1200},
		{"a full one on a satellite's link, with some jitter", 0, far, 5400, 200 * time.Millisecond, 0},
		{"a full one on a link that was slow", 1200, far, 5400, 10 * time.Millisecond, 0},
		{"a resumed one shows nothing where the round trip varies by more", 1200, far, 720, 10 * time.Millisecond, 1200},
		{"faster than a round trip", 1200, far, 720, -far, 1200},
	} {
		got := (Link{RoundTrip: c.roundTrip, Rate: c.was}).measure(c.octets, c.longer, now)
		if got.Rate != c.want {
			t.Errorf("%s: %d octets a second, want %d", c.why, got.Rate, c.want)
		}
		if got.Slow(now) != (c.want > 0) && !got.At.IsZero() {
			t.Errorf("%s: slow is %v", c.why, got.Slow(now))
		}
	}
}

// A clock that was set back, or a damaged file, makes no link slow for ever.
func TestALinkCountsAsSlowForADay(t *testing.T) {
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	for _, c := range []struct {
		why  string
		ago  time.Duration
		want bool
	}{
		{"measured now", 0, true},
		{"measured this morning", 20 * time.Hour, true},
		{"measured the day before", linkAge, false},
		{"measured in a year, as it seems", -365 * linkAge, false},
	} {
		if got := (Link{Rate: 1200, At: now.Add(-c.ago)}).Slow(now); got != c.want {
			t.Errorf("%s: slow is %v", c.why, got)
		}
	}
}

func TestWhatTCPSawShowsThatALinkIsFast(t *testing.T) {
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	for _, c := range []struct {
		why    string
		rate   int64
		slowly bool
		want   int64
	}{
		{"much got through", 1 << 20, false, 1 << 20},
		{"little got through, of little that there was", 900, false, 1200},
		{"much got through to a modem that takes it at once", 1 << 20, true, 1200},
	} {
		was := Link{RoundTrip: time.Second, Rate: 1200, At: now}
		got := was.after(status{rate: c.rate, shortest: 600 * time.Millisecond}, c.slowly, now)
		if got.Rate != c.want || got.RoundTrip != 600*time.Millisecond {
			t.Errorf("%s: %+v, want %d octets a second", c.why, got, c.want)
		}
	}
	if got := (Link{RoundTrip: time.Second}).after(status{}, false, now); got.RoundTrip != time.Second {
		t.Errorf("the system knows nothing: %+v", got)
	}
}
