package lab

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// Names is a name server on loopback with a zone of its own. It says of every
// name without a record that it does not exist.
type Names struct {
	// Addr is where it answers, by UDP.
	Addr string

	mu     sync.Mutex
	zone   map[string][]dnsmessage.Resource
	ailing bool
	mute   bool
	asked  []string
}

// ServeNames serves names at an address of loopback, "127.0.0.1:0" for a port
// that is free, until the test ends.
func ServeNames(t testing.TB, address string) *Names {
	t.Helper()
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatalf("cannot serve names: %v", err)
	}
	s := &Names{Addr: conn.LocalAddr().String(), zone: make(map[string][]dnsmessage.Resource)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.listen(conn)
	}()
	t.Cleanup(func() {
		conn.Close() //nolint:errcheck // it ends with the test
		<-done
	})
	return s
}

// Resolver asks this server alone.
func (s *Names) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, StrictErrors: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", s.Addr)
	}}
}

// A adds a record.
func (s *Names) A(name, address string) {
	s.add(name, &dnsmessage.AResource{A: netip.MustParseAddr(address).As4()})
}

// MX adds one; see A.
func (s *Names) MX(name string, preference uint16, host string) {
	s.add(name, &dnsmessage.MXResource{Pref: preference, MX: dnsmessage.MustNewName(rooted(host))})
}

// SRV adds one; see A. A target of "." says that there is no such service.
func (s *Names) SRV(name string, priority, weight, port uint16, target string) {
	s.add(name, &dnsmessage.SRVResource{Priority: priority, Weight: weight, Port: port, Target: dnsmessage.MustNewName(rooted(target))})
}

// Fail has each question answered with SERVFAIL, and Mute with nothing.
func (s *Names) Fail() { s.set(&s.ailing) }

// Mute leaves questions without an answer.
func (s *Names) Mute() { s.set(&s.mute) }

func (s *Names) set(what *bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*what = true
}

// Asked is the names that were asked for.
func (s *Names) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}

func rooted(name string) string { return strings.TrimSuffix(name, ".") + "." }

func (s *Names) add(name string, body dnsmessage.ResourceBody) {
	s.mu.Lock()
	defer s.mu.Unlock()
	header := dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(rooted(name)), Class: dnsmessage.ClassINET, TTL: 60}
	s.zone[rooted(name)] = append(s.zone[rooted(name)], dnsmessage.Resource{Header: header, Body: body})
}

func (s *Names) listen(conn net.PacketConn) {
	packet := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFrom(packet)
		if err != nil {
			return
		}
		if answer, ok := s.answer(packet[:n]); ok {
			_, _ = conn.WriteTo(answer, from) // a packet may get lost; so may this one
		}
	}
}

func (s *Names) answer(packet []byte) ([]byte, bool) {
	var m dnsmessage.Message
	if m.Unpack(packet) != nil || len(m.Questions) != 1 {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	question := m.Questions[0]
	name := strings.ToLower(question.Name.String())
	s.asked = append(s.asked, name)
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	records, known := s.zone[name]
	switch {
	case s.mute:
		return nil, false
	case s.ailing:
		m.RCode = dnsmessage.RCodeServerFailure
	case !known:
		m.RCode = dnsmessage.RCodeNameError
	}
	if m.RCode == dnsmessage.RCodeSuccess {
		for _, r := range records {
			if typeOf(r.Body) == question.Type {
				m.Answers = append(m.Answers, r)
			}
		}
	}
	answer, err := m.Pack()
	return answer, err == nil
}

func typeOf(body dnsmessage.ResourceBody) dnsmessage.Type {
	switch body.(type) {
	case *dnsmessage.AResource:
		return dnsmessage.TypeA
	case *dnsmessage.MXResource:
		return dnsmessage.TypeMX
	}
	return dnsmessage.TypeSRV
}
