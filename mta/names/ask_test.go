package names

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"mailcrane/internal/config"
)

// TestTheConfigurationSaysWhoIsAskedAndHowPatiently has servers that never
// answer.
//
// Coverage: B30, B31.
func TestTheConfigurationSaysWhoIsAskedAndHowPatiently(t *testing.T) {
	const a, b = "192.0.2.1:53", "[2001:db8::1]:5353"
	const s = time.Second
	for _, c := range []struct {
		why, text string
		want      []asked
		end       time.Duration
	}{
		{
			"by default each twice, and five seconds", "mta.name_servers = [\"192.0.2.1\"]\n",
			[]asked{{"udp", a, 0, true}, {"udp", a, 5 * s, true}},
			10 * s,
		},
		{
			"one after the other", "mta.name_servers = [\"192.0.2.1\", \"[2001:db8::1]:5353\"]\n",
			[]asked{{"udp", a, 0, true}, {"udp", b, 5 * s, true}, {"udp", a, 10 * s, true}, {"udp", b, 15 * s, true}},
			20 * s,
		},
		{
			"Timeout.resolver.retrans and .retry", "mta.name_servers = [\"192.0.2.1\"]\ntimeout.resolver_retrans = \"2s\"\ntimeout.resolver_retry = 3\n",
			[]asked{{"udp", a, 0, true}, {"udp", a, 2 * s, true}, {"udp", a, 4 * s, true}},
			6 * s,
		},
		{
			"their .normal beats them", "mta.name_servers = [\"192.0.2.1\"]\ntimeout.resolver_retrans_normal = 1\ntimeout.resolver_retrans = 9\ntimeout.resolver_retry_normal = 1\ntimeout.resolver_retry = 9\n",
			[]asked{{"udp", a, 0, true}},
			s,
		},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				text := c.text + "mta.service_switch_file = \"/nowhere/switch\"\n"
				cfg, err := config.Parse("m.toml", []byte(text), func(string) string { return "/home/x" })
				if err != nil {
					t.Fatal(err)
				}
				o, err := Configured(cfg)
				if err != nil {
					t.Fatal(err)
				}
				mute := &servers{t: t, answer: silent}
				_, err = mute.resolver(o).IPv4(t.Context(), "a.test")
				if waited := time.Since(mute.began); isKnown(err) != "temporary" || waited != c.end {
					t.Errorf("%v after %s, want %s", err, waited, c.end)
				}
				if diff := cmp.Diff(c.want, mute.questions(), cmp.AllowUnexported(asked{})); diff != "" {
					t.Error(diff)
				}
				synctest.Wait()
			})
		})
	}
}

func TestAServerThatCannotTellIsLeftForTheNext(t *testing.T) {
	two := []netip.AddrPort{here, netip.MustParseAddrPort("192.0.2.54:53")}
	for _, c := range []struct {
		why   string
		first func(string, *dns.Msg) []byte
		after time.Duration
	}{
		{"SERVFAIL", fails(dns.RcodeServerFailure), 0},
		{"REFUSED", fails(dns.RcodeRefused), 0},
		{"a code that there is not", fails(13), 0},
		{"silence", silent, 5 * time.Second},
		{"garbage", func(string, *dns.Msg) []byte { return []byte("garbage, and more of it") }, 5 * time.Second},
		{"the answer to another number", func(_ string, ask *dns.Msg) []byte {
			other := ask.Copy()
			other.Id++
			return reply(other, 0, "a.test. 60 A 203.0.113.66")
		}, 5 * time.Second},
		{"the answer to another name", func(_ string, ask *dns.Msg) []byte {
			other := ask.Copy()
			other.Question[0].Name = "b.test."
			return reply(other, 0, "b.test. 60 A 203.0.113.66", "a.test. 60 A 203.0.113.66")
		}, 5 * time.Second},
		{"the answer to another kind of question", func(_ string, ask *dns.Msg) []byte {
			other := ask.Copy()
			other.Question[0].Qtype = dns.TypeAAAA
			return reply(other, 0, "a.test. 60 A 203.0.113.66")
		}, 5 * time.Second},
		{"no question", func(_ string, ask *dns.Msg) []byte {
			other := ask.Copy()
			other.Question = nil
			return reply(other, 0, "a.test. 60 A 203.0.113.66")
		}, 5 * time.Second},
		{"the question itself", func(_ string, ask *dns.Msg) []byte {
			packet, _ := ask.Pack()
			return packet
		}, 5 * time.Second},
		{"it sends us to other servers", func(_ string, ask *dns.Msg) []byte {
			m := new(dns.Msg)
			m.SetReply(ask)
			packet, _ := m.Pack()
			return packet
		}, 0},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				both := &servers{t: t, answer: func(server string, ask *dns.Msg) []byte {
					if server == here.String() {
						return c.first(server, ask)
					}
					return reply(ask, 0, "a.test. 60 A 192.0.2.7")
				}}
				got, err := both.resolver(Options{Servers: two}).IPv4(t.Context(), "a.test")
				if err != nil || len(got) != 1 || got[0] != netip.MustParseAddr("192.0.2.7") {
					t.Errorf("%v, %v", got, err)
				}
				if waited := time.Since(both.began); waited != c.after {
					t.Errorf("it takes %s, want %s", waited, c.after)
				}
			})
		})
	}
}

func TestASpoofedPacketBeforeTheAnswerIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := &servers{t: t}
		one.answer = func(_ string, ask *dns.Msg) []byte { return reply(ask, 0, "a.test. 60 A 192.0.2.7") }
		d := one.resolver(Options{Retry: 1})
		dial := d.options.Dial
		d.options.Dial = spoofing(dial)
		if got, err := d.IPv4(t.Context(), "a.test"); err != nil || len(got) != 1 || got[0] != netip.MustParseAddr("192.0.2.7") {
			t.Errorf("%v, %v", got, err)
		}
	})
}

func TestAServerFromBeforeEDNSIsAskedWithoutIt(t *testing.T) {
	for _, code := range []int{dns.RcodeFormatError, dns.RcodeNotImplemented} {
		synctest.Test(t, func(t *testing.T) {
			old := &servers{t: t, answer: func(_ string, ask *dns.Msg) []byte {
				if ask.IsEdns0() != nil {
					ask.Question = nil // as some leave it out
					return reply(ask, code)
				}
				return reply(ask, 0, "a.test. 60 A 192.0.2.7")
			}}
			if got, err := old.resolver(Options{}).IPv4(t.Context(), "a.test"); err != nil || len(got) != 1 {
				t.Errorf("%v, %v", got, err)
			}
			if n := len(old.questions()); n != 2 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

func TestATruncatedAnswerIsAskedForByTCP(t *testing.T) {
	truncated := func(_ string, ask *dns.Msg) []byte {
		packet := reply(ask, 0, "a.test. 60 A 192.0.2.7", "a.test. 60 A 192.0.2.8")
		packet[2] |= 1 << 1
		return packet[:len(packet)-3] // in the middle of a record
	}
	for _, c := range []struct {
		why    string
		stream func(string, *dns.Msg) []byte
		want   string
	}{
		{"it is there", says("a.test. 60 A 192.0.2.9"), "known"},
		{"it is cut off there too", truncated, "temporary"},
		{"it answers something else", func(_ string, ask *dns.Msg) []byte { ask.Id++; return reply(ask, 0) }, "temporary"},
		{"it is not there", silent, "temporary"},
		{"it is empty", func(string, *dns.Msg) []byte { return []byte{} }, "temporary"},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				long := &servers{t: t, answer: truncated, stream: c.stream}
				_, err := long.resolver(Options{Retry: 1}).IPv4(t.Context(), "a.test")
				if isKnown(err) != c.want || time.Since(long.began) > 5*time.Second {
					t.Errorf("%v after %s", err, time.Since(long.began))
				}
				if got := long.questions(); len(got) != 2 || got[1].network != "tcp" {
					t.Errorf("asked %v", got)
				}
			})
		})
	}
}

func TestAnEqualQuestionIsAskedOnceAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &servers{t: t}
		slow.answer = func(_ string, ask *dns.Msg) []byte {
			time.Sleep(time.Second)
			return reply(ask, 0, "a.test. 0 A 192.0.2.7")
		}
		d := slow.resolver(Options{})
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if got, err := d.IPv4(t.Context(), "A.test"); err != nil || len(got) != 1 {
					t.Errorf("%v, %v", got, err)
				}
			})
		}
		// The first one to ask goes; its question does not.
		gone, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := d.IPv4(gone, "a.test"); isKnown(err) != "temporary" {
			t.Error(err)
		}
		all.Wait()
		if n := len(slow.questions()); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestAQuestionThatNobodyWaitsForEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mute := &servers{t: t, answer: silent}
		d := mute.resolver(Options{Retry: 100})
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		if _, err := d.IPv4(ctx, "a.test"); isKnown(err) != "temporary" {
			t.Error(err)
		}
		if waited := time.Since(mute.began); waited != 7*time.Second {
			t.Errorf("it ends after %s", waited)
		}
		time.Sleep(time.Minute)
		if n := len(mute.questions()); n != 2 {
			t.Errorf("asked %d times", n)
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		if len(d.flights) != 0 || len(d.cache.kept) != 0 {
			t.Errorf("%d questions are on their way, %d answers are kept", len(d.flights), len(d.cache.kept))
		}
	})
}

func TestQuestionsAtOneTimeAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mute := &servers{t: t, answer: silent}
		d := mute.resolver(Options{Retry: 1})
		var all sync.WaitGroup
		for i := range 1000 {
			all.Go(func() { _, _ = d.IPv4(t.Context(), strings.Repeat("a", i%60+1)+strings.Repeat(".b", i/60)+".test") })
		}
		synctest.Wait()
		if n := len(mute.questions()); n != mostAsked {
			t.Errorf("%d questions at one time", n)
		}
		all.Wait()
	})
}

// A crowd of clients whose zones do not answer, which may be one stranger's, must
// leave room for a client whose zone does.
func TestClientsOfASilentZoneLeaveRoomForTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		s := &servers{t: t, answer: func(_ string, ask *dns.Msg) []byte {
			if name := ask.Question[0].Name; strings.HasSuffix(name, ".silent.test.") {
				return nil
			}
			return reply(ask, 0, "a.test. 60 A 192.0.2.1")
		}}
		d := s.resolver(Options{})
		for i := range 4 * mostAsked {
			go d.IPv4(ctx, fmt.Sprintf("h%d.silent.test", i)) // nobody answers
		}
		synctest.Wait()
		began := time.Now()
		addrs, err := d.IPv4(ctx, "a.test")
		if took := time.Since(began); err != nil || len(addrs) != 1 || took > 4*slowAfter {
			t.Errorf("%v, %v after %v", addrs, err, took)
		}
		leave()
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(d.slots) != 0 || len(d.slow) != 0 {
			t.Errorf("%d and %d places are held by nobody", len(d.slots), len(d.slow))
		}
	})
}
