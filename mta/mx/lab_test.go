package mx

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/lab"
	"mailcrane/mta/names"
	"mailcrane/queue"
)

// network leads from the addresses of the lab's zones to real servers.
type network map[string]string

func (n network) dial(ctx context.Context, kind, address string) (net.Conn, error) {
	at, ok := n[address]
	if !ok {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	return new(net.Dialer).DialContext(ctx, kind, at)
}

// real is a Transport that asks the lab's name service.
func real(t *testing.T, n network, change func(*Options)) (tr *Transport, trace func() string) {
	t.Helper()
	c := &config.Config{Timeout: config.DefaultTimeout(), Queue: config.DefaultQueue()}
	c.MTA.Exchange = config.Exchange{Port: 25, CacheSize: 4, CacheTime: time.Minute}
	var mu sync.Mutex
	var lines []string
	o := Options{
		Config: c, Names: names.New(names.Options{Servers: []netip.AddrPort{lab.DNS(t).Server}, Retrans: 700 * time.Millisecond, Retry: 3}),
		Hello: "client.names.test", Dial: n.dial, Here: func(netip.AddrPort) bool { return false },
		Trace: func(_ queue.Route, line string) {
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, line)
		},
	}
	if change != nil {
		change(&o)
	}
	tr = New(o)
	t.Cleanup(func() { tr.Close(context.Background()) })
	return tr, func() string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(lines, "\n")
	}
}

func TestRealServersTakeMailThatARealNameServiceLeadsToThem(t *testing.T) {
	postfix, exim := lab.Postfix(t), lab.Exim(t)
	for _, c := range []struct {
		why, route string
		network    network
		to         lab.Smarthost
		host       string
	}{
		{"Postfix is the best", "esmtp:ok.names.test", network{"192.0.2.1:25": postfix.Plain, "192.0.2.2:25": exim.Plain}, postfix, "mx1.names.test [192.0.2.1]"},
		{"Postfix, by IPv6", "esmtp:OK.names.test", network{"[2001:db8::1]:25": postfix.Plain}, postfix, "mx1.names.test [IPv6:2001:db8::1]"},
		{"Exim is the next", "esmtp:ok.names.test", network{"192.0.2.2:25": exim.Plain}, exim, "mx2.names.test [192.0.2.2]"},
		{"through an alias of the domain", "smtp:alias.names.test", network{"192.0.2.2:25": exim.Plain}, exim, "mx2.names.test [192.0.2.2]"},
		{"a domain without MX", "smtp:only-a.names.test", network{"192.0.2.3:25": postfix.Plain}, postfix, "only-a.names.test [192.0.2.3]"},
		{"a list with a host that is not there", "relay:[none.names.test]:[mx2.names.test]", network{"192.0.2.2:25": exim.Plain}, exim, "mx2.names.test [192.0.2.2]"},
	} {
		t.Run(c.why, func(t *testing.T) {
			tr, _ := real(t, c.network, nil)
			box := c.to.Mailbox(t)
			to := box.Address("you")
			got, fault := send(t, tr, c.route, to, "reject@"+strings.SplitN(to, "@", 2)[1])
			if fault != nil {
				t.Fatal(fault.Sentence())
			}
			if got[0].State() != queue.Delivered || got[0].Host() != c.host || got[1].State() != queue.Failed {
				t.Errorf("%s; %s", says(got[0]), says(got[1]))
			}
			if mail := box.Wait(to); !strings.Contains(string(mail.Sent), "body") {
				t.Errorf("it arrived as %q", mail.Sent)
			}
		})
	}
}

// Coverage: B111, B112.
func TestRealServersTakeTheNextMessageOverTheSameConnection(t *testing.T) {
	for name, host := range map[string]lab.Smarthost{"postfix": lab.Postfix(t), "exim": lab.Exim(t)} {
		t.Run(name, func(t *testing.T) {
			tr, trace := real(t, network{"192.0.2.3:25": host.Plain}, nil)
			box := host.Mailbox(t)
			for i, word := range []string{"first", "second", "third"} {
				got, fault := send(t, tr, "esmtp:only-a.names.test", box.Address(word))
				if fault != nil || got[0].State() != queue.Delivered {
					t.Fatalf("%d: %v, %v", i, got, fault)
				}
				box.Wait(box.Address(word))
			}
			if n := strings.Count(trace(), "*** connected to"); n != 1 || strings.Count(trace(), ">>> RSET") < 2 {
				t.Errorf("%d connections:\n%s", n, trace())
			}
		})
	}
}

func TestRealServersAreSpokenToInTLSByWhateverName(t *testing.T) {
	for name, c := range map[string]struct {
		host lab.Smarthost
		at   string
	}{
		"postfix": {lab.Postfix(t), lab.Postfix(t).StartTLS}, "postfix, expired": {lab.Postfix(t), lab.Postfix(t).ExpiredStartTLS},
		"exim": {lab.Exim(t), lab.Exim(t).StartTLS}, "exim, another name": {lab.Exim(t), lab.Exim(t).WrongNameStartTLS},
	} {
		t.Run(name, func(t *testing.T) {
			tr, trace := real(t, network{"192.0.2.3:25": c.at}, nil)
			// They take nothing there without a log-in: that is the message's.
			got, fault := send(t, tr, "esmtp:only-a.names.test", "you@example.org")
			if fault != nil || got[0].State() != queue.Failed {
				t.Errorf("%v, %v", got, fault)
			}
			if text := trace(); !strings.Contains(text, "TLS 1.3 with only-a.names.test") || strings.Count(text, ">>> EHLO") != 2 {
				t.Errorf("the session was:\n%s", text)
			}
			tr, _ = real(t, network{"192.0.2.3:25": c.at}, func(o *Options) { o.Access = accessMap(t, "TLS_Srv:only-a.names.test VERIFY\n") })
			if _, fault := send(t, tr, "esmtp:only-a.names.test"); fault == nil || fault.Step != queue.StepTLS {
				t.Errorf("where its name is asked for: %v", fault)
			}
		})
	}
}

func TestWhatARealNameServiceSaysDecidesWhoseFaultItIs(t *testing.T) {
	tr, _ := real(t, network{}, nil)
	for _, c := range []struct {
		why, domain, enhanced string
		step                  queue.Step
	}{
		{"no such domain", "none.names.test", "5.1.2", ""},
		{"neither MX nor address", "nodata.names.test", "5.1.2", ""},
		{"null MX", "null.names.test", "5.1.10", ""},
		{"SERVFAIL", "ailing.test", "", queue.StepLookup},
		{"REFUSED", "refused.test", "", queue.StepLookup},
		{"no answer", "mute.test", "", queue.StepLookup},
		{"its exchanger is not known just now", "elsewhere.names.test", "", queue.StepLookup},
		{"names that can be none", "control.names.test", "", queue.StepLookup},
		{"nobody there", "ok.names.test", "", queue.StepConnect},
	} {
		t.Run(c.why, func(t *testing.T) {
			t.Parallel()
			got, fault := send(t, tr, esmtp(c.domain))
			switch {
			case (fault != nil) != (c.step != ""):
				t.Errorf("%v, %v", got, fault)
			case fault != nil && fault.Step != c.step:
				t.Error(fault.Sentence())
			case fault == nil && got[0].Reply().Enhanced != c.enhanced:
				t.Error(says(got[0]))
			}
		})
	}
}
