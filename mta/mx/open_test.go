package mx

import (
	"fmt"
	"strings"
	"testing"

	"mailcrane/mta/names"
	"mailcrane/queue"
)

// standard is a world with example.org, whose exchangers are mx1 and mx2.
func standard() *world {
	return &world{
		zone: zone{
			mx: map[string][]names.MX{
				"example.org": {{Host: "mx1.example.org", Preference: 10}, {Host: "mx2.example.org", Preference: 20}},
				"null.test":   {{Host: ""}},
				"nulls.test":  {{Host: ""}, {Host: "", Preference: 10}},
			},
			hosts: map[string][]string{
				"mx1.example.org": {"192.0.2.1", "2001:db8::1"}, "mx2.example.org": {"192.0.2.2"},
				"plain.test": {"192.0.2.3"}, "us.example": {"192.0.2.99"},
				"nulls.test": {"192.0.2.3"},
			},
			wrong: map[string]bool{},
		},
		servers: map[string]*server{"192.0.2.1:25": {}, "[2001:db8::1]:25": {}, "192.0.2.2:25": {}, "192.0.2.3:25": {}},
	}
}

func TestMailGoesToTheBestExchangerThatLetsUs(t *testing.T) {
	for _, c := range []struct {
		why, route string
		change     func(w *world)
		calls      string
		host       string
	}{
		{"the best", "esmtp:example.org", nil, "192.0.2.1:25", "mx1.example.org [192.0.2.1]"},
		{
			"the next address of a host", "esmtp:example.org", func(w *world) { w.servers["192.0.2.1:25"].refuses = true },
			"192.0.2.1:25 [2001:db8::1]:25", "mx1.example.org [IPv6:2001:db8::1]",
		},
		{"the next host", "esmtp:example.org", func(w *world) { delete(w.hosts, "mx1.example.org") }, "192.0.2.2:25", "mx2.example.org [192.0.2.2]"},
		{"one that greets with 5yz is passed over", "esmtp:example.org", func(w *world) {
			w.servers["192.0.2.1:25"].says = map[string]string{"": "554 no"}
			w.servers["[2001:db8::1]:25"].says = map[string]string{"": "421 later"}
		}, "192.0.2.1:25 [2001:db8::1]:25 192.0.2.2:25", "mx2.example.org [192.0.2.2]"},
		{"no MX: the host itself", "smtp:plain.test", nil, "192.0.2.3:25", "plain.test [192.0.2.3]"},
		{"one that exists, behind many that do not", "esmtp:many.test", func(w *world) {
			for i := range 20 {
				w.mx["many.test"] = append(w.mx["many.test"], names.MX{Host: fmt.Sprintf("none%d.test", i), Preference: uint16(i)})
			}
			w.mx["many.test"] = append(w.mx["many.test"], names.MX{Host: "plain.test", Preference: 99})
		}, "192.0.2.3:25", "plain.test [192.0.2.3]"},
		{"brackets: no MX", "relay:[mx2.example.org]", nil, "192.0.2.2:25", "mx2.example.org [192.0.2.2]"},
		{"an address", "relay:[192.0.2.2]", nil, "192.0.2.2:25", "[192.0.2.2]"},
		{"an IPv6 address", "relay:[IPv6:2001:db8::1]", nil, "[2001:db8::1]:25", "[IPv6:2001:db8::1]"},
		{"a port", "relay:[192.0.2.2]:2525", func(w *world) { w.servers["192.0.2.2:2525"] = &server{} }, "192.0.2.2:2525", "[192.0.2.2]"},
		{"a list", "relay:[192.0.2.77]:plain.test", nil, "192.0.2.77:25 192.0.2.3:25", "plain.test [192.0.2.3]"},
		{
			"a server that knows no EHLO", "relay:plain.test", func(w *world) { w.servers["192.0.2.3:25"].says = map[string]string{"EHLO": "550 what?"} },
			"192.0.2.3:25", "plain.test [192.0.2.3]",
		},
	} {
		t.Run(c.why, func(t *testing.T) {
			w := standard()
			if c.change != nil {
				c.change(w)
			}
			got, fault := send(t, w.transport(t, nil), c.route)
			switch {
			case fault != nil:
				t.Fatal(fault.Sentence())
			case got[0].State() != queue.Delivered || got[0].Host() != c.host:
				t.Errorf("it was %s", says(got[0]))
			}
			if w.calls() != c.calls {
				t.Errorf("connections: %s, want %s", w.calls(), c.calls)
			}
		})
	}
}

func TestWhatTheNameServiceSaysForGoodIsARefusal(t *testing.T) {
	w := standard()
	w.mx["loop.test"] = []names.MX{{Host: "us.example", Preference: 5}, {Host: "mx2.example.org", Preference: 5}}
	w.mx["lost.test"] = []names.MX{{Host: "gone.example.org", Preference: 5}}
	for _, c := range []struct{ why, host, want string }{
		{"no such domain", "none.test", "failed 550 5.1.2 Host unknown (Name server: none.test: host not found)"},
		{"its exchanger does not exist", "lost.test", "failed 550 5.1.2 Host unknown (Name server: gone.example.org: host not found)"},
		{"null MX, said twice", "nulls.test", "failed 556 5.1.10 the domain nulls.test says that it takes no mail (null MX)"},
		{"null MX", "null.test", "failed 556 5.1.10 the domain null.test says that it takes no mail (null MX)"},
		{"we are the best", "loop.test", "failed 553 5.3.5 loop.test config error: mail loops back to me (MX problem?)"},
	} {
		got, fault := send(t, w.transport(t, nil), esmtp(c.host), "a@x", "b@x")
		if fault != nil {
			t.Errorf("%s: %s", c.why, fault.Sentence())
			continue
		}
		for _, o := range got {
			if text := strings.Join(strings.Fields(says(o)), " "); text != c.want {
				t.Errorf("%s: %s", c.why, text)
			}
		}
	}
	if w.calls() != "" {
		t.Errorf("it connected to %s", w.calls())
	}
}

func TestWhatMayPassIsTheRoutesFault(t *testing.T) {
	for _, c := range []struct {
		why, host string
		change    func(w *world)
		step      queue.Step
	}{
		{"a name service that does not know", "example.org", func(w *world) { w.wrong["example.org MX"] = true }, queue.StepLookup},
		{"nor its exchangers", "example.org", func(w *world) { w.wrong["mx1.example.org"] = true; w.wrong["mx2.example.org"] = true }, queue.StepLookup},
		{"one is unknown, the other not known", "example.org", func(w *world) { delete(w.hosts, "mx1.example.org"); w.wrong["mx2.example.org"] = true }, queue.StepLookup},
		{"nobody listens", "example.org", func(w *world) { w.servers = nil }, queue.StepConnect},
		{"a greeting of 5yz", "plain.test", func(w *world) { w.servers["192.0.2.3:25"].says = map[string]string{"": "554 no"} }, queue.StepGreeting},
	} {
		w := standard()
		c.change(w)
		_, fault := send(t, w.transport(t, nil), esmtp(c.host))
		switch {
		case fault == nil:
			t.Errorf("%s: there is no fault", c.why)
		case fault.Step != c.step || fault.NeedsPerson:
			t.Errorf("%s: %s, %v", c.why, fault.Sentence(), fault.NeedsPerson)
		}
	}
}

func TestRepliesToAMessageAreItsOwn(t *testing.T) {
	w := standard()
	w.servers["192.0.2.3:25"].says = map[string]string{"RCPT": "451 4.3.0 later", "MAIL": "250 ok"}
	got, fault := send(t, w.transport(t, nil), "esmtp:plain.test")
	if fault != nil || got[0].State() != queue.Deferred {
		t.Errorf("%v, %v", got, fault)
	}
	w.servers["192.0.2.3:25"].says = map[string]string{"MAIL": "530 5.7.0 log in first"}
	got, fault = send(t, w.transport(t, nil), "esmtp:plain.test")
	if fault != nil || got[0].State() != queue.Failed {
		t.Errorf("a log-in that nobody has: %v, %v", got, fault)
	}
}
