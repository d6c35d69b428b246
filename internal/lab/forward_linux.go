package lab

import (
	"io"
	"net"
	"sync"
)

// Serve makes a smarthost reachable from the laptop, at SmarthostIP and
// SmarthostIP6 with the usual ports: the gateway hands every connection on to
// where the smarthost really listens. TLS is between the laptop and the
// smarthost. The result has the addresses as seen from the laptop.
func (n *Network) Serve(s Smarthost) Smarthost {
	n.t.Helper()
	for _, port := range []struct {
		number string
		to     *string
	}{{"465", &s.Implicit}, {"587", &s.StartTLS}, {"25", &s.Plain}, {"466", &s.Expired}, {"467", &s.WrongName}} {
		for _, ip := range []string{SmarthostIP, SmarthostIP6} {
			n.forward(net.JoinHostPort(ip, port.number), *port.to)
		}
		*port.to = net.JoinHostPort(s.Name, port.number)
	}
	s.ExpiredStartTLS, s.WrongNameStartTLS = "", ""
	return s
}

// forward hands connections to an address of the gateway on to an address
// outside, until the test ends.
func (n *Network) forward(from, to string) {
	n.t.Helper()
	listener := n.Gateway.Listen(from)
	var open sync.Map
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				out, err := net.Dial("tcp", to)
				if err != nil {
					in.Close()
					return
				}
				open.Store(in, out)
				go copyAndClose(in, out)
				copyAndClose(out, in)
				open.Delete(in)
			}()
		}
	}()
	n.t.Cleanup(func() {
		open.Range(func(in, out any) bool {
			in.(net.Conn).Close()
			out.(net.Conn).Close()
			return true
		})
	})
}

func copyAndClose(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	// A half-closed connection is passed on as one.
	if c, ok := to.(*net.TCPConn); ok {
		_ = c.CloseWrite()
	}
}
