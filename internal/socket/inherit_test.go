package socket

import (
	"net"
	"testing"
)

// 0.0.0.0:25 may have other rules than [::]:25, in whatever order systemd hands
// them over.
func TestAnInheritedListenerGoesToItsOwnAddress(t *testing.T) {
	six, err := net.Listen("tcp6", "[::]:0")
	if err != nil {
		t.Skip("no IPv6 here")
	}
	defer six.Close()
	_, port, err := net.SplitHostPort(six.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	four, err := net.Listen("tcp4", "0.0.0.0:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer four.Close()
	in := &Inheritance{[]net.Listener{six, four}}
	if got := in.Take("0.0.0.0:" + port); got != four {
		t.Errorf("0.0.0.0 was given %v", got.Addr())
	}
	if got := in.Take(":" + port); got != six {
		t.Errorf("all addresses were given %v", got)
	}
	if got := in.Take("[::]:" + port); got != nil {
		t.Errorf("one was given twice: %v", got.Addr())
	}
}
