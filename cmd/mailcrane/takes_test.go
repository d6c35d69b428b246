package main

import (
	"testing"
	"time"

	"mailcrane/queue"
	"mailcrane/smarthost/relay"
)

func TestHowLongTheQueueTakesIsToldWhereItIsKnown(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	dialUp := relay.Link{RoundTrip: 600 * time.Millisecond, Rate: 1200, At: now.Add(-2 * time.Hour)}
	for _, c := range []struct {
		reason string
		link   relay.Link
		octets int64
		want   string
	}{
		{"a modem", dialUp, 1_000_000, "what is due takes about 14 min on the link as it was 2 h ago, with 1.2 kB a second"},
		{"the opening counts", relay.Link{RoundTrip: 10 * time.Second, Rate: 1000, At: now}, 1, "what is due takes about 45 s on the link as it was 0 s ago, with 1.0 kB a second"},
		{"longer than a person waits", relay.Link{Rate: 1, At: now}, 1 << 50, "what is due takes about 365 days on the link as it was 0 s ago, with 1 B a second"},
		{"nothing is due", dialUp, 0, ""},
		{"a moment", dialUp, 2000, ""},
		{"nothing is known", relay.Link{RoundTrip: time.Minute}, 1_000_000, ""},
	} {
		got := ""
		if takes := takesOf(c.link, c.octets); takes != nil {
			got = takes.words(now)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.reason, got, c.want)
		}
	}
}

func TestOnlyWhatIsDueCountsForTheTimeThatTheQueueTakes(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := leaving{}
	for _, w := range []waiting{
		{route: "work", Entry: queue.Entry{Name: queue.Name{Size: 100}}},
		{route: "home", Entry: queue.Entry{Name: queue.Name{Size: 7}}},
		{route: "work", Entry: queue.Entry{Name: queue.Name{Size: 10, Next: now.Add(-time.Minute)}}},
		{route: "work", Entry: queue.Entry{Name: queue.Name{Size: 1000, Next: now.Add(time.Minute)}}},
		{route: "work", Entry: queue.Entry{Name: queue.Name{Size: 1000, Held: true}}},
		{route: "work", Entry: queue.Entry{Name: queue.Name{Size: 1000}, Trouble: "x"}},
		{route: "work", Entry: queue.Entry{Name: queue.Name{Size: 1000}}, kept: true},
	} {
		l.count(w, now)
	}
	if l["work"] != 110 || l["home"] != 7 {
		t.Errorf("%v", l)
	}
}
