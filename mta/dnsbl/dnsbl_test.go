package dnsbl

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"mailcrane/internal/config"
	"mailcrane/mta/names"
)

// zone is a name service: what is said of a name, after how long. A name that is
// not there is none; one without addresses fails.
type zone struct {
	names.Resolver
	said  map[string][]string
	after map[string]time.Duration

	mu    sync.Mutex
	asked []string
}

func (z *zone) IPv4(ctx context.Context, name string) ([]netip.Addr, error) {
	z.mu.Lock()
	z.asked = append(z.asked, name)
	z.mu.Unlock()
	select {
	case <-time.After(z.after[name]):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	all, ok := z.said[name]
	if !ok {
		return nil, names.ErrNone
	}
	if len(all) == 0 {
		return nil, errors.New("SERVFAIL")
	}
	var addrs []netip.Addr
	for _, text := range all {
		addrs = append(addrs, netip.MustParseAddr(text))
	}
	return addrs, nil
}

func checker(t *testing.T, r names.Resolver, o Options, lists ...config.DNSBL) *Checker {
	t.Helper()
	c, err := New(lists, r, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func refused(code int, status smtp.EnhancedCode, text string) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: status, Message: text}
}

// TestWhatAListComesTo is about one list with all its settings.
//
// Coverage: A18, A19, A20, A21.
func TestWhatAListComesTo(t *testing.T) {
	const good, bad, ill = "192.0.2.1", "192.0.2.2", "192.0.2.3"
	z := &zone{said: map[string][]string{
		"2.2.0.192.bl.test": {"127.0.0.2", "127.0.0.11"},
		"3.2.0.192.bl.test": {},
		"8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.test": {"127.0.0.3"},
		"2.0.0.127.bl.test": {"127.0.0.2"},
		"1.0.0.127.bl.test": {"127.0.0.2"},
	}}
	list := config.DNSBL{List: "bl.test"}
	with := func(change func(*config.DNSBL)) config.DNSBL {
		l := list
		change(&l)
		return l
	}
	message := func(text string) config.DNSBL { return with(func(l *config.DNSBL) { l.Message = text }) }
	match := func(all ...string) config.DNSBL { return with(func(l *config.DNSBL) { l.Match = all }) }
	fails := func(text string) config.DNSBL {
		return with(func(l *config.DNSBL) { l.Temporary = config.ListFailure{Refuses: true, Message: text} })
	}
	standard := refused(550, smtp.EnhancedCode{5, 7, 1}, "Rejected: "+bad+" listed at bl.test")
	for _, c := range []struct {
		why    string
		list   config.DNSBL
		client string
		want   Result
	}{
		{"not listed", list, good, Result{}},
		{"listed, sendmail's words", list, bad, Result{List: "bl.test", Refusal: standard}},
		{"the domain with its last dot", with(func(l *config.DNSBL) { l.List = "bl.test." }), bad, Result{List: "bl.test", Refusal: standard}},
		{"IPv4 inside IPv6", list, "::ffff:" + bad, Result{List: "bl.test", Refusal: standard}},
		{"IPv6, by nibbles", list, "2001:db8::8", Result{List: "bl.test", Refusal: refused(550, smtp.EnhancedCode{5, 7, 1}, "Rejected: 2001:db8::8 listed at bl.test")}},
		{"the entry that each list has", list, "127.0.0.2", Result{List: "bl.test", Refusal: refused(550, smtp.EnhancedCode{5, 7, 1}, "Rejected: 127.0.0.2 listed at bl.test")}},
		{"this machine is not asked about", list, "127.0.0.1", Result{}},
		{
			"a message with the client's address", message("550 Mail from {client_addr} rejected"), bad,
			Result{List: "bl.test", Refusal: refused(550, smtp.EnhancedCode{5, 7, 1}, "Mail from "+bad+" rejected")},
		},
		{
			"as m4 leaves it", message(`"550 Mail from " $&{client_addr} " rejected"`), bad,
			Result{List: "bl.test", Refusal: refused(550, smtp.EnhancedCode{5, 7, 1}, "Mail from "+bad+" rejected")},
		},
		{
			"without quotes", message("550 5.7.1 Mail from $&{client_addr} rejected"), bad,
			Result{List: "bl.test", Refusal: refused(550, smtp.EnhancedCode{5, 7, 1}, "Mail from "+bad+" rejected")},
		},
		{"a message without a code", message("Go away"), bad, Result{List: "bl.test", Refusal: refused(550, smtp.EnhancedCode{5, 7, 1}, "Go away")}},
		{"a code and a status", message("554 5.7.0 Go away"), bad, Result{List: "bl.test", Refusal: refused(554, smtp.EnhancedCode{5, 7, 0}, "Go away")}},
		{"for now", message("451 come again"), bad, Result{List: "bl.test", Refusal: refused(451, smtp.EnhancedCode{4, 7, 1}, "come again")}},
		{"kept apart", message("quarantine"), bad, Result{List: "bl.test", Quarantine: "bl.test"}},
		{"thrown away", message("discard"), bad, Result{List: "bl.test", Discard: true}},

		{"the list fails", list, ill, Result{}},
		{"the list fails, t", fails(""), ill, Result{List: "bl.test", Refusal: refused(451, smtp.EnhancedCode{4, 4, 3}, "Temporary lookup failure of "+ill+" at bl.test")}},
		{"the list fails, a text", fails("450 ask me later, {client_addr}"), ill, Result{List: "bl.test", Refusal: refused(450, smtp.EnhancedCode{4, 4, 3}, "ask me later, "+ill)}},
		{"t is not for who is not listed", fails(""), good, Result{}},

		{"one of several answers counts", match("127.0.0.11"), bad, Result{List: "bl.test", Refusal: standard}},
		{"with the last dot, as sendmail has it", match("127.0.0.2."), bad, Result{List: "bl.test", Refusal: standard}},
		{"any last part, as sendmail has it", match("127.0.0.$-."), bad, Result{List: "bl.test", Refusal: standard}},
		{"any last part", match("127.0.0.*"), bad, Result{List: "bl.test", Refusal: standard}},
		{"any at all", match("127.$*"), bad, Result{List: "bl.test", Refusal: standard}},
		{"the second of those to match", match("127.0.0.9", "127.0.0.2"), bad, Result{List: "bl.test", Refusal: standard}},
		{"an answer that does not count", match("127.0.0.3", "127.0.1.*"), bad, Result{}},
	} {
		t.Run(c.why, func(t *testing.T) {
			got, err := checker(t, z, Options{}, c.list).Check(t.Context(), netip.MustParseAddr(c.client))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(Result{}, "Answers")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestListsAreAskedAtOnceAndJudgedInOrder has several lists.
func TestListsAreAskedAtOnceAndJudgedInOrder(t *testing.T) {
	const client = "4.3.2.192."
	slow := config.DNSBL{List: "slow.test", Message: "550 slow"}
	fast := config.DNSBL{List: "fast.test", Message: "550 fast"}
	ill := config.DNSBL{List: "ill.test", Message: "550 ill"}
	illT := config.DNSBL{List: "ill.test", Temporary: config.ListFailure{Refuses: true, Message: "451 ill"}}
	deaf := config.DNSBL{List: "deaf.test", Temporary: config.ListFailure{Refuses: true, Message: "451 deaf"}}
	none := config.DNSBL{List: "none.test", Message: "550 none"}
	for _, c := range []struct {
		why   string
		lists []config.DNSBL
		want  string
		after time.Duration
	}{
		{"the first one decides though it is the slower", []config.DNSBL{slow, fast}, "slow", 3 * time.Second},
		{"what comes after a hit is not waited for", []config.DNSBL{fast, slow, deaf}, "fast", 0},
		{"the slow ones are waited for together", []config.DNSBL{none, {List: "slow2.test"}, slow}, "slow", 3 * time.Second},
		{"one that fails is passed over", []config.DNSBL{ill, fast}, "fast", 0},
		{"one that fails decides where it is to", []config.DNSBL{illT, fast}, "ill", 0},
		{"a hit before it goes first", []config.DNSBL{fast, illT}, "fast", 0},
		{"all together have a bound", []config.DNSBL{{List: "deaf.test"}, {List: "deaf2.test"}, none}, "", 15 * time.Second},
		{"one that is not done by then has failed", []config.DNSBL{none, deaf, fast}, "deaf", 15 * time.Second},
		{"what came in time counts", []config.DNSBL{{List: "deaf.test"}, fast}, "fast", 15 * time.Second},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				z := &zone{
					said: map[string][]string{client + "slow.test": {"127.0.0.2"}, client + "fast.test": {"127.0.0.2"}, client + "ill.test": {}},
					after: map[string]time.Duration{
						client + "slow.test": 3 * time.Second, client + "slow2.test": 2 * time.Second,
						client + "deaf.test": time.Hour, client + "deaf2.test": time.Hour,
					},
				}
				check := checker(t, z, Options{}, c.lists...)
				begin := time.Now()
				got, err := check.Check(t.Context(), netip.MustParseAddr("192.2.3.4"))
				text := ""
				if got.Refusal != nil {
					text = got.Refusal.Message
				}
				if err != nil || text != c.want {
					t.Errorf("%q, %v", text, err)
				}
				if waited := time.Since(begin); waited != c.after {
					t.Errorf("it takes %s, want %s", waited, c.after)
				}
			})
		})
	}
}

// TestNobodyIsAskedBeforeTheCheckNorInDeferredMode is that a client which the
// access map exempts costs no question.
//
// Coverage: A23.
func TestNobodyIsAskedBeforeTheCheckNorInDeferredMode(t *testing.T) {
	z := &zone{said: map[string][]string{"2.2.0.192.bl.test": {"127.0.0.2"}}}
	list := config.DNSBL{List: "bl.test"}
	checker(t, z, Options{}, list)
	got, err := checker(t, z, Options{Deferred: true}, list).Check(t.Context(), netip.MustParseAddr("192.0.2.2"))
	if err != nil || got.List != "" {
		t.Errorf("%+v, %v", got, err)
	}
	var none *Checker
	if got, err := none.Check(t.Context(), netip.MustParseAddr("192.0.2.2")); err != nil || got.List != "" {
		t.Errorf("%+v, %v", got, err)
	}
	if len(z.asked) != 0 {
		t.Errorf("asked %v", z.asked)
	}
}

func TestAClientThatHasGoneEndsTheCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{after: map[string]time.Duration{"2.2.0.192.bl.test": time.Hour}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		check := checker(t, z, Options{}, config.DNSBL{List: "bl.test", Temporary: config.ListFailure{Refuses: true}})
		if _, err := check.Check(ctx, netip.MustParseAddr("192.0.2.2")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
	})
}

func FuzzPattern(f *testing.F) {
	for _, seed := range []string{"127.0.0.2", "127.0.0.2.", "127.0.0.$-.", "*", "$*.2", "$+.$*.*", "$-.$-.$-.$-", "127.0.0.256", "...", ""} {
		f.Add(seed, uint32(0x7f000002))
	}
	f.Fuzz(func(t *testing.T, text string, n uint32) {
		parts, err := config.ParseListMatch(text)
		if err != nil {
			return
		}
		addr := netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		matches := pattern(parts).matches(addr)
		if !strings.ContainsAny(text, "$*") && matches != (strings.TrimSuffix(text, ".") == addr.String()) {
			t.Errorf("%q matches %s: %v", text, addr, matches)
		}
		if text == "*" && !matches {
			t.Errorf("* does not match %s", addr)
		}
	})
}
