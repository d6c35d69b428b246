package lab

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"
)

func TestTheLaptopAsksTheNameServer(t *testing.T) {
	n := Netns(t)
	s := n.NameServer()
	steps := []struct {
		name, asked string
		before      func()
		want        string // an address, or what is wrong
	}{
		{"answers", "smarthost.test", s.Answer, SmarthostIP},
		{"another name", "elsewhere.test", s.Answer, "no such name"},
		{"silent", "smarthost.test", s.Mute, "silence"},
		{"nothing listens", "smarthost.test", s.Stop, "refused"},
		{"answers again", "smarthost.test", s.Answer, SmarthostIP},
	}
	for _, c := range steps {
		t.Run(c.name, func(t *testing.T) {
			c.before()
			if got := n.lookUp(t, c.asked); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
	if n := s.Asked(); n < 4 {
		t.Errorf("%d questions came", n)
	}
}

// lookUp asks from within the laptop for an IPv4 address.
func (n *Network) lookUp(t *testing.T, name string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	r := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (conn net.Conn, err error) {
		err = n.Laptop.Do(func() error {
			conn, err = new(net.Dialer).DialContext(ctx, "udp", net.JoinHostPort(GatewayIP, "53"))
			return err
		})
		return conn, err
	}}
	all, err := r.LookupNetIP(ctx, "ip4", name)
	dns, ok := errors.AsType[*net.DNSError](err)
	switch {
	case err == nil:
		return all[0].String()
	case ctx.Err() != nil:
		return "silence"
	case ok && dns.IsNotFound:
		return "no such name"
	}
	return "refused"
}
