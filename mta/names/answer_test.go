package names

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

const end = "test. 60 SOA ns.test. me.test. 1 3600 900 604800 30"

func TestWhatAnAnswerSays(t *testing.T) {
	chain := func(n int) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprintf("%s 60 CNAME c%d.test.", name(i), i+1))
		}
		return append(all, name(n)+" 60 A 192.0.2.7")
	}
	for _, c := range []struct {
		why     string
		code    int
		records []string
		want    string
	}{
		{"an address", 0, []string{"a.test. 60 A 192.0.2.7"}, "known"},
		{"in capitals", 0, []string{"A.TEST. 60 A 192.0.2.7"}, "known"},
		{"none of the kind", 0, []string{end}, "none"},
		{"no such name", dns.RcodeNameError, []string{end}, "none"},
		{"no such name, and nobody says for how long", dns.RcodeNameError, nil, "none"},
		{"an alias", 0, []string{"a.test. 60 CNAME b.test.", "b.test. 60 A 192.0.2.7"}, "known"},
		{"an alias, the other way round", 0, []string{"b.test. 60 A 192.0.2.7", "a.test. 60 CNAME b.test."}, "known"},
		{"an alias of a name that is not there", dns.RcodeNameError, []string{"a.test. 60 CNAME b.test.", end}, "none"},
		{"an alias of a name without an address", 0, []string{"a.test. 60 CNAME b.test.", end}, "none"},
		{"as many aliases as are followed", 0, chain(mostAliases), "known"},
		{"more aliases than are followed", 0, chain(mostAliases + 1), "temporary"},
		{"aliases in a ring", 0, []string{"a.test. 60 CNAME b.test.", "b.test. 60 CNAME a.test."}, "temporary"},
		{"an alias of itself", 0, []string{"a.test. 60 CNAME a.test."}, "temporary"},
		{"a record of another name", 0, []string{"b.test. 60 A 203.0.113.66", end}, "none"},
		{"a record of another class", 0, []string{"a.test. 60 CH A 203.0.113.66", end}, "none"},
		{"a record of another kind", 0, []string{"a.test. 60 TXT no", end}, "none"},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &servers{t: t, answer: func(_ string, ask *dns.Msg) []byte { return reply(ask, c.code, c.records...) }}
				got, err := s.resolver(Options{}).IPv4(t.Context(), "a.test")
				if isKnown(err) != c.want || err == nil && (len(got) != 1 || got[0] != netip.MustParseAddr("192.0.2.7")) {
					t.Errorf("%v, %v", got, err)
				}
			})
		})
	}
}

// name is the one of a link in a chain of aliases.
func name(i int) string {
	if i == 0 {
		return "a.test."
	}
	return fmt.Sprintf("c%d.test.", i)
}

func TestAnAliasThatAServerLeavesToUsIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		s := &servers{t: t, answer: func(_ string, ask *dns.Msg) []byte {
			n++
			return reply(ask, 0, fmt.Sprintf("%s 60 CNAME c%d.test.", ask.Question[0].Name, n))
		}}
		if _, err := s.resolver(Options{}).IPv4(t.Context(), "a.test"); isKnown(err) != "temporary" || n != mostAliases+1 {
			t.Errorf("%v after %d questions", err, n)
		}
	})
}

func TestNamesThatAreNoneDoNotComeIn(t *testing.T) {
	for _, c := range []struct{ why, wire, want string }{
		{"a name", "mail.example.test.", "mail.example.test"},
		{"an underscore, as some hosts have it", "mail_1.example.test.", "mail_1.example.test"},
		{"a line end", `ev\010il.test.`, ""},
		{"an escape sequence", `\027[2J.test.`, ""},
		{"a blank", `a\032b.test.`, ""},
		{"8-bit octets", `\195\182.test.`, ""},
		{"a dot inside a label", `a\.b.test.`, ""},
		{"a backslash", `a\\b.test.`, ""},
		{"brackets", `\[192.0.2.1\].test.`, ""},
		{"a comment of a header field", `\(a\).test.`, ""},
		{"the root", ".", ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &servers{t: t, answer: func(_ string, ask *dns.Msg) []byte {
					return reply(ask, 0, ask.Question[0].Name+" 60 "+dns.TypeToString[ask.Question[0].Qtype]+map[uint16]string{dns.TypeMX: " 10 ", dns.TypePTR: " "}[ask.Question[0].Qtype]+c.wire)
				}}
				d := s.resolver(Options{})
				names, err := d.Pointers(t.Context(), netip.MustParseAddr("192.0.2.7"))
				if strings.Join(names, " ") != c.want || c.want == "" && isKnown(err) != "none" {
					t.Errorf("a pointer: %q, %v", names, err)
				}
				all, err := d.Exchangers(t.Context(), "a.test")
				if c.wire != "." && c.want == "" && isKnown(err) != "temporary" || c.want != "" && (len(all) != 1 || all[0].Host != c.want) {
					t.Errorf("an exchanger: %+v, %v", all, err)
				}
			})
		})
	}
}

func TestNobodyIsAskedOfWhatCanBeNoName(t *testing.T) {
	s := &servers{t: t, answer: silent}
	d := s.resolver(Options{})
	for _, name := range []string{
		"", ".", "..", "a..b", "-\x00", "a b.test", "a\r\nb.test", "[192.0.2.1]", "a/b.test", "a@b.test", "\xff.test", "ö\u200d\u200c..test",
		strings.Repeat("a", 64) + ".test", strings.Repeat("a.", 127) + "test",
	} {
		if _, err := d.Exchangers(t.Context(), name); isKnown(err) != "none" {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := d.Addresses(t.Context(), name); isKnown(err) != "none" {
			t.Errorf("%q: %v", name, err)
		}
	}
	if n := len(s.questions()); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

func TestAnAnswerHoldsAsLongAsItSays(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		why     string
		code    int
		records []string
		hold    time.Duration
	}{
		{"its time to live", 0, []string{"a.test. 60 A 192.0.2.7"}, 60 * s},
		{"the shortest of them", 0, []string{"a.test. 60 A 192.0.2.7", "a.test. 20 A 192.0.2.8"}, 20 * s},
		{"an alias's too", 0, []string{"a.test. 10 CNAME b.test.", "b.test. 60 A 192.0.2.7"}, 10 * s},
		{"an hour at the most", 0, []string{"a.test. 604800 A 192.0.2.7"}, time.Hour},
		{"not at all", 0, []string{"a.test. 0 A 192.0.2.7"}, 0},
		{"that there is none: as the zone says", dns.RcodeNameError, []string{end}, 30 * s},
		{"none of the kind, too", 0, []string{end}, 30 * s},
		{"the zone's own time is shorter", dns.RcodeNameError, []string{"test. 7 SOA ns.test. me.test. 1 3600 900 604800 30"}, 7 * s},
		{"a quarter of an hour at the most", dns.RcodeNameError, []string{"test. 86400 SOA ns.test. me.test. 1 3600 900 604800 86400"}, 15 * time.Minute},
		{"that there is none, and nobody says for how long", dns.RcodeNameError, nil, 0},
		{"a failure, for a moment", dns.RcodeServerFailure, nil, s},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				z := &servers{t: t, answer: func(_ string, ask *dns.Msg) []byte { return reply(ask, c.code, c.records...) }}
				d := z.resolver(Options{})
				asked := func() int {
					_, _ = d.IPv4(t.Context(), "a.test")
					return len(z.questions())
				}
				asked()
				if c.hold > 0 {
					time.Sleep(c.hold - time.Nanosecond)
					if n := asked(); n != 1 {
						t.Errorf("asked %d times before its time is over", n)
					}
					time.Sleep(time.Nanosecond)
				}
				if n := asked(); n != 2 {
					t.Errorf("asked %d times when its time is over", n)
				}
			})
		})
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	var c cache
	now := time.Unix(1_700_000_000, 0)
	for i := range 3 * mostKept {
		c.put(question{fmt.Sprint(i), dns.TypeA}, found{hold: time.Minute}, now)
	}
	if len(c.kept) != mostKept {
		t.Errorf("%d answers are kept", len(c.kept))
	}
	if _, ok := c.get(question{fmt.Sprint(3*mostKept - 1), dns.TypeA}, now); !ok {
		t.Error("the newest answer is not kept")
	}
}

// TestAClientWithManyNamesCostsFewQuestions is that a client, who chooses its
// own PTR records, cannot choose what they cost.
func TestAClientWithManyNamesCostsFewQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &servers{t: t, answer: func(_ string, ask *dns.Msg) []byte {
			if ask.Question[0].Qtype != dns.TypePTR {
				return reply(ask, 0, end)
			}
			m := new(dns.Msg)
			m.SetReply(ask)
			for i := range 20 {
				rr, _ := dns.NewRR(fmt.Sprintf("%s 60 PTR c%d.test.", ask.Question[0].Name, i))
				m.Answer = append(m.Answer, rr)
			}
			packet, _ := m.Pack()
			return packet
		}}
		got := OfClient(t.Context(), s.resolver(Options{}), netip.MustParseAddr("192.0.2.7"))
		if want := (Client{"[192.0.2.7]", Forged, "c0.test"}); got != want {
			t.Errorf("%+v", got)
		}
		if n := len(s.questions()); n != 1+2*mostForward {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestAClientWhoseOtherFamilyIsNotKnownHasItsName(t *testing.T) {
	for _, c := range []struct {
		client string
		want   Client
	}{
		{"192.0.2.7", Client{"c.test", OK, "c.test"}},
		{"192.0.2.8", Client{"[192.0.2.8]", Temp, "c.test"}}, // it may be among what is not known
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &servers{t: t, answer: func(_ string, ask *dns.Msg) []byte {
				switch q := ask.Question[0]; q.Qtype {
				case dns.TypePTR:
					return reply(ask, 0, q.Name+" 60 PTR c.test.")
				case dns.TypeA:
					return reply(ask, 0, "c.test. 60 A 192.0.2.7")
				}
				return reply(ask, dns.RcodeServerFailure)
			}}
			if got := OfClient(t.Context(), s.resolver(Options{}), netip.MustParseAddr(c.client)); got != c.want {
				t.Errorf("%+v", got)
			}
		})
	}
}

// FuzzAnswer has a server say anything: by UDP and, where that is truncated, by
// TCP.
func FuzzAnswer(f *testing.F) {
	for _, q := range []question{{"a.test.", dns.TypeA}, {"7.2.0.192.in-addr.arpa.", dns.TypePTR}, {"a.test.", dns.TypeMX}} {
		ask := new(DNS).query(q)
		ask.Id = 1
		data := map[uint16]string{dns.TypeA: "192.0.2.7", dns.TypePTR: `ev\010il.test.`, dns.TypeMX: "10 mx.test."}[q.kind]
		f.Add(reply(ask, 0, q.name+" 60 "+dns.TypeToString[q.kind]+" "+data)[2:], q.kind)
		f.Add(reply(ask, 0, q.name+" 60 CNAME b.test.", end)[2:], q.kind)
		f.Add(reply(ask, dns.RcodeNameError, end)[2:], q.kind)
	}
	f.Fuzz(func(t *testing.T, rest []byte, kind uint16) {
		name := "a.test."
		if kind == dns.TypePTR {
			name = "7.2.0.192.in-addr.arpa."
		}
		ask := new(DNS).query(question{name, kind})
		ask.Id = 1
		m := answers(append([]byte{0, 1}, rest...), ask)
		if m == nil || judge(m) != nil {
			return
		}
		all := found{hold: mostHold}
		if _, err := all.read(m, name, kind); err != nil {
			return
		}
		if len(all.addrs) > mostAddresses || len(all.names) > mostPointers || len(all.exchangers) > mostExchangers || all.hold > mostHold || all.hold < 0 {
			t.Errorf("out of bounds: %+v", all)
		}
		for _, name := range all.names {
			if !isName(name) {
				t.Errorf("%q came in", name)
			}
		}
		for _, mx := range all.exchangers {
			if mx.Host != "" && !isName(mx.Host) {
				t.Errorf("%q came in", mx.Host)
			}
		}
	})
}
