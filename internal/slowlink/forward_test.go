package slowlink_test

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"mailcrane/internal/slowlink"
)

// forwarded is a real client and a real server with l between them.
func forwarded(t *testing.T, l *slowlink.Link) (client, server net.Conn) {
	t.Helper()
	far, near := listen(t), listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- l.Forward(ctx, near, far.Addr().String()) }()
	t.Cleanup(func() {
		near.Close()
		cancel()
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	client, err := net.Dial("tcp", near.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if server, err = far.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestForwardShapesRealConnections(t *testing.T) {
	const delay = 20 * time.Millisecond
	begin := time.Now()
	client, server := forwarded(t, slowlink.New(slowlink.Shape{Delay: delay, Rate: 8 * 100_000}))
	if took := time.Since(begin); took < 3*delay {
		t.Errorf("handshake in %v", took)
	}
	begin = time.Now()
	go func() {
		write(t, client, 5000)
		if err := client.(*net.TCPConn).CloseWrite(); err != nil {
			t.Error(err)
		}
	}()
	if got, err := io.ReadAll(server); err != nil || len(got) != 5000 {
		t.Errorf("%d octets, %v", len(got), err)
	}
	if took := time.Since(begin); took < delay+50*time.Millisecond || took > 2*time.Second {
		t.Errorf("5000 octets at 100,000 a second, and the delay, in %v", took)
	}
	write(t, server, 3)
	read(t, client, 3)
}

func TestForwardPassesOnAReset(t *testing.T) {
	l := slowlink.New(slowlink.Shape{})
	client, server := forwarded(t, l)
	write(t, client, 3)
	read(t, server, 3)
	l.Cut()
	for _, c := range []net.Conn{client, server} {
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Error(err)
		}
	}
}
