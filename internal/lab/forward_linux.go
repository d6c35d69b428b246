package lab

import (
	"io"
	"net"
	"path/filepath"
	"sync"
)

// Serve makes a smarthost reachable from the laptop, at SmarthostIP and
// SmarthostIP6 with the usual ports: the gateway hands every connection on to
// where the smarthost really listens. TLS is between the laptop and the
// smarthost. The result has the addresses as seen from the laptop.
func (n *Network) Serve(s Smarthost) Smarthost {
	n.t.Helper()
	return n.Gateway.serve(s, SmarthostIP, SmarthostIP6)
}

// Serve makes a smarthost reachable in the machine, at its loopback with the
// usual ports: that is all the network that a machine has.
func (m *Machine) Serve(s Smarthost) Smarthost {
	m.t.Helper()
	s.Name = "localhost"
	return m.inside().serve(s, "127.0.0.1")
}

// Dial connects to a port on the machine's loopback.
func (m *Machine) Dial(address string) (c net.Conn, err error) {
	err = m.inside().Do(func() (err error) {
		c, err = net.Dial("tcp", address)
		return err
	})
	return c, err
}

func (m *Machine) inside() *Namespace {
	return &Namespace{"the machine", filepath.Join("/proc", m.pid, "ns/net"), m.t}
}

// serve hands connections to the addresses on to the smarthost; the result has
// the ports as they are in the namespace.
func (s *Namespace) serve(host Smarthost, ips ...string) Smarthost {
	s.t.Helper()
	for _, port := range []struct {
		number string
		to     *string
	}{{"465", &host.Implicit}, {"587", &host.StartTLS}, {"25", &host.Plain}, {"466", &host.Expired}, {"467", &host.WrongName}} {
		for _, ip := range ips {
			s.forward(net.JoinHostPort(ip, port.number), *port.to)
		}
		*port.to = net.JoinHostPort(host.Name, port.number)
	}
	host.ExpiredStartTLS, host.WrongNameStartTLS = "", ""
	return host
}

// forward hands connections to an address of the namespace on to an address
// outside, until the test ends.
func (s *Namespace) forward(from, to string) {
	s.t.Helper()
	listener := s.Listen(from)
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
	s.t.Cleanup(func() {
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
