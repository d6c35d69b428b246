package names

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	// udpSize is what arrives whole on all usual ways (DNS flag day 2020); more is
	// read of servers that do not mind what they are told.
	udpSize  = 1232
	mostRead = 4096
	// mostStray bounds the packets that are looked at for one that answers.
	mostStray = 64
)

// exchange asks one server once, and waits so long: by UDP, and by TCP where the
// answer does not fit or the server knows no other way.
func (d *DNS) exchange(ctx context.Context, server netip.AddrPort, q question, wait time.Duration) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	ask := d.query(q)
	ask.SetEdns0(udpSize, false)
	m, err := d.once(ctx, server, ask)
	if err == nil && (m.Rcode == dns.RcodeFormatError || m.Rcode == dns.RcodeNotImplemented || m.Rcode == dns.RcodeBadVers) {
		// A server from before EDNS (RFC 6891 section 7).
		m, err = d.once(ctx, server, d.query(q))
	}
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
			return nil, errNoAnswer
		}
		return nil, err
	}
	if err = judge(m); err == nil && d.options.Flags.Authoritative && !m.Authoritative {
		err = errors.New("it is no authority for the name, and ResolverOptions has AAONLY")
	}
	return m, err
}

// query is a question with a number that nobody can guess.
func (d *DNS) query(q question) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(q.name, q.kind)
	m.RecursionDesired = !d.options.Flags.NoRecursion
	m.Authoritative = d.options.Flags.Authoritative
	return m
}

// errFailed is a server's that has failed itself.
var errFailed = errors.New("SERVFAIL")

// judge says whether a server has answered at all.
func judge(m *dns.Msg) error {
	switch m.Rcode {
	case dns.RcodeSuccess:
		if len(m.Answer) == 0 && !m.Authoritative && !m.RecursionAvailable && soa(m) == nil {
			return errors.New("it sends us to other servers") // a lame one
		}
		return nil
	case dns.RcodeNameError:
		return nil
	case dns.RcodeServerFailure:
		return errFailed
	}
	if word, ok := dns.RcodeToString[m.Rcode]; ok {
		return errors.New(word)
	}
	return fmt.Errorf("code %d", m.Rcode)
}

func (d *DNS) once(ctx context.Context, server netip.AddrPort, ask *dns.Msg) (*dns.Msg, error) {
	packet, err := ask.Pack()
	if err != nil {
		return nil, err
	}
	if d.options.Flags.UseTCP {
		return d.over(ctx, "tcp", server, packet, ask)
	}
	m, err := d.over(ctx, "udp", server, packet, ask)
	if err == nil && m.Truncated && !d.options.Flags.IgnoreTruncated {
		return d.over(ctx, "tcp", server, packet, ask)
	}
	return m, err
}

// over asks by the one network or the other. A context's end ends it too.
func (d *DNS) over(ctx context.Context, network string, server netip.AddrPort, packet []byte, ask *dns.Msg) (*dns.Msg, error) {
	conn, err := d.options.Dial(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if network == "tcp" {
		return stream(conn, packet, ask)
	}
	return packets(conn, packet, ask)
}

func packets(conn net.Conn, packet []byte, ask *dns.Msg) (*dns.Msg, error) {
	if _, err := conn.Write(packet); err != nil {
		return nil, err
	}
	buffer := make([]byte, mostRead)
	for range mostStray {
		n, err := conn.Read(buffer)
		if err != nil {
			return nil, err
		}
		// What does not answer this question is somebody's guess, or late.
		if m := answers(buffer[:n], ask); m != nil {
			return m, nil
		}
	}
	return nil, errors.New("what it sends is no answer")
}

func stream(conn net.Conn, packet []byte, ask *dns.Msg) (*dns.Msg, error) {
	framed := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(packet)), uint16(len(packet))) //nolint:gosec // a question is short
	if _, err := conn.Write(append(framed, packet...)); err != nil {
		return nil, err
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	buffer := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, buffer); err != nil {
		return nil, err
	}
	m := answers(buffer, ask)
	if m == nil || m.Truncated {
		return nil, errors.New("what it sends is no answer")
	}
	return m, nil
}

// answers is the answer in a packet, or nil where it answers something else.
func answers(packet []byte, ask *dns.Msg) *dns.Msg {
	const header, truncated = 12, 1 << 1
	if len(packet) < header || binary.BigEndian.Uint16(packet) != ask.Id {
		return nil
	}
	m := new(dns.Msg)
	if err := m.Unpack(packet); err != nil {
		// Cut off in the middle of a record.
		if packet[2]&truncated == 0 {
			return nil
		}
		m.Truncated = true
	}
	if !m.Response || m.Opcode != dns.OpcodeQuery {
		return nil
	}
	if len(m.Question) == 0 && m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		return m // a server that has not understood it need not say it back
	}
	want := ask.Question[0]
	if len(m.Question) != 1 || !strings.EqualFold(m.Question[0].Name, want.Name) ||
		m.Question[0].Qtype != want.Qtype || m.Question[0].Qclass != want.Qclass {
		return nil
	}
	return m
}
