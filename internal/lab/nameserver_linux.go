package lab

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// A NameServer is the only one that the laptop knows: the gateway's. It knows the
// smarthost's IPv4 address, and says of all else that it does not exist.
type NameServer struct {
	n *Network
	t testing.TB

	mu   sync.Mutex
	conn net.PacketConn // nil: nothing listens, which the laptop is told at once
	mute bool
	// asked counts the questions that came.
	asked int
}

// NameServer has the laptop ask for every name, smarthost.test too. It answers
// until it is told otherwise.
func (n *Network) NameServer() *NameServer {
	n.t.Helper()
	s := &NameServer{n: n, t: n.t}
	hosts := filepath.Join("/etc/netns", n.Laptop.Name, "hosts")
	if err := os.WriteFile(hosts, []byte("127.0.0.1 localhost\n"), 0o644); err != nil {
		n.t.Fatal(err)
	}
	// However often the laptop asks, it is told that nothing listens.
	err := n.Gateway.Do(func() error { return os.WriteFile("/proc/sys/net/ipv4/icmp_ratelimit", []byte("0"), 0) })
	if err != nil {
		n.t.Fatal(err)
	}
	s.Answer()
	n.t.Cleanup(s.Stop)
	return s
}

// Stop has nothing listen where the laptop asks: it is refused at once.
func (s *NameServer) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		_ = s.conn.Close()
		s.conn = nil
	}
}

// Mute has questions stay without an answer, as when they are lost on the way.
func (s *NameServer) Mute() { s.t.Helper(); s.serve(true) }

// Answer ends Stop and Mute.
func (s *NameServer) Answer() { s.t.Helper(); s.serve(false) }

// Asked is how many questions have come.
func (s *NameServer) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *NameServer) serve(mute bool) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mute = mute
	if s.conn != nil {
		return
	}
	err := s.n.Gateway.Do(func() (err error) {
		s.conn, err = net.ListenPacket("udp", net.JoinHostPort(GatewayIP, "53"))
		return err
	})
	if err != nil {
		s.t.Fatalf("cannot serve names: %v", err)
	}
	go s.listen(s.conn)
}

func (s *NameServer) listen(conn net.PacketConn) {
	question := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFrom(question)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.asked++
		mute := s.mute
		s.mu.Unlock()
		if mute {
			continue
		}
		if answer, err := answerTo(question[:n]); err == nil {
			// A packet may get lost; so may this one.
			_, _ = conn.WriteTo(answer, from)
		}
	}
}

// answerTo is the reply to a packet with one question.
func answerTo(packet []byte) ([]byte, error) {
	var p dnsmessage.Parser
	header, err := p.Start(packet)
	if err != nil {
		return nil, err
	}
	question, err := p.Question()
	if err != nil {
		return nil, err
	}
	known := question.Name.String() == "smarthost.test."
	header.Response, header.RecursionAvailable = true, true
	if !known {
		header.RCode = dnsmessage.RCodeNameError
	}
	b := dnsmessage.NewBuilder(nil, header)
	if err := b.StartQuestions(); err != nil {
		return nil, err
	}
	if err := b.Question(question); err != nil {
		return nil, err
	}
	if known && question.Type == dnsmessage.TypeA {
		if err := b.StartAnswers(); err != nil {
			return nil, err
		}
		at := dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 60}
		if err := b.AResource(at, dnsmessage.AResource{A: netip.MustParseAddr(SmarthostIP).As4()}); err != nil {
			return nil, err
		}
	}
	return b.Finish()
}
