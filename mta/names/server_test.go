package names

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"mailcrane/internal/resolvconf"
)

// servers are name servers on the other end of pipes, which answer what the test
// says: nil is nothing at all.
type servers struct {
	t      *testing.T
	answer func(server string, ask *dns.Msg) []byte
	// stream is the answer by TCP; nil is answer.
	stream func(server string, ask *dns.Msg) []byte

	mu    sync.Mutex
	asked []asked
	began time.Time
}

// asked is a question that has come.
type asked struct {
	network, server string
	after           time.Duration
	edns            bool
}

var here = netip.MustParseAddrPort("192.0.2.53:53")

// resolver asks them, and not what the machine has.
func (s *servers) resolver(o Options) *DNS {
	s.began = time.Now()
	o.Dial = s.dial
	if o.Servers == nil {
		o.Servers = []netip.AddrPort{here}
	}
	d := New(o)
	d.conf = func() resolvconf.Conf { return resolvconf.Conf{} }
	return d
}

func (s *servers) dial(_ context.Context, network, server string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		packet := make([]byte, 64<<10)
		for {
			n, err := theirs.Read(packet)
			if err != nil {
				return
			}
			question := packet[:n]
			if network == "tcp" {
				question = question[2:]
			}
			ask := new(dns.Msg)
			if err := ask.Unpack(question); err != nil {
				s.t.Errorf("what is asked is no message: %v", err)
				return
			}
			s.mu.Lock()
			s.asked = append(s.asked, asked{network, server, time.Since(s.began), ask.IsEdns0() != nil})
			s.mu.Unlock()
			s.say(theirs, network, server, ask)
		}
	}()
	return ours, nil
}

func (s *servers) say(conn io.Writer, network, server string, ask *dns.Msg) {
	answer := s.answer
	if network == "tcp" && s.stream != nil {
		answer = s.stream
	}
	packet := answer(server, ask)
	if packet == nil {
		return
	}
	if network == "tcp" {
		packet = append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
	}
	_, _ = conn.Write(packet) // nobody may be waiting any more
}

func (s *servers) questions() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// says answers with records.
func says(records ...string) func(string, *dns.Msg) []byte {
	return func(_ string, ask *dns.Msg) []byte { return reply(ask, 0, records...) }
}

// fails answers with a code.
func fails(code int) func(string, *dns.Msg) []byte {
	return func(_ string, ask *dns.Msg) []byte { return reply(ask, code) }
}

func silent(string, *dns.Msg) []byte { return nil }

// reply is a packet with records, those of SOA in their own place.
func reply(ask *dns.Msg, code int, records ...string) []byte {
	m := new(dns.Msg)
	m.SetRcode(ask, code)
	m.RecursionAvailable = true
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		if rr.Header().Rrtype == dns.TypeSOA {
			m.Ns = append(m.Ns, rr)
			continue
		}
		m.Answer = append(m.Answer, rr)
	}
	packet, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return packet
}

// isKnown says how a question has ended.
func isKnown(err error) string {
	switch {
	case err == nil:
		return "known"
	case errors.Is(err, ErrNone):
		return "none"
	}
	return "temporary"
}

// spoofing has each connection read a guess before what the server says.
func spoofing(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, server string) (net.Conn, error) {
		conn, err := dial(ctx, network, server)
		return &spoofed{Conn: conn}, err
	}
}

type spoofed struct {
	net.Conn
	question []byte
	guesses  int
}

func (s *spoofed) Write(packet []byte) (int, error) {
	s.question = slices.Clone(packet)
	return s.Conn.Write(packet)
}

func (s *spoofed) Read(packet []byte) (int, error) {
	const most = 10
	if s.guesses++; s.guesses > most {
		return s.Conn.Read(packet)
	}
	ask := new(dns.Msg)
	if err := ask.Unpack(s.question); err != nil {
		return 0, err
	}
	ask.Id += uint16(s.guesses)
	return copy(packet, reply(ask, 0, "a.test. 60 A 203.0.113.66")), nil
}
