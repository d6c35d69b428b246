package ident

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"mailcrane/internal/lab"
)

// TestARealIdentdTellsWhoseAConnectionIs asks oidentd about a connection of this
// process.
//
// Coverage: A17.
func TestARealIdentdTellsWhoseAConnectionIs(t *testing.T) {
	identd := lab.DNS(t).Ident
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	asker := Asker{Timeout: 5 * time.Second, Dial: func(ctx context.Context, from, to netip.AddrPort) (net.Conn, error) {
		if to.Port() != 113 {
			t.Errorf("asked at %s", to)
		}
		return dialFrom(ctx, from, identd)
	}}
	ours, theirs := client.RemoteAddr().(*net.TCPAddr).AddrPort(), client.LocalAddr().(*net.TCPAddr).AddrPort()
	if user := asker.Ask(t.Context(), ours, theirs).User(); user != "root" {
		t.Errorf("the user of this process is %q", user)
	}
	nobody := netip.AddrPortFrom(theirs.Addr(), 1)
	if user := asker.Ask(t.Context(), ours, nobody).User(); user != "" {
		t.Errorf("a connection that there is not is %q's", user)
	}
}
