package checkup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"mailcrane/internal/resolvconf"
)

// nameTime is how long a name server is waited for. One that takes longer is as
// good as none: resolv.conf(5) has programs wait five seconds.
const nameTime = 3 * time.Second

// An askedName is what a name server has said of a name.
type askedName struct {
	code dnsmessage.RCode
	// found counts the addresses.
	found int
	err   error
}

// nameServers are those of resolv.conf(5).
func (c *checker) nameServers() []netip.Addr {
	return resolvconf.Read(filepath.Join(c.Root, resolvconf.Path)).Servers
}

// resolver asks the name servers as the rest of mailcrane does.
func (c *checker) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: c.AskName}
}

// askName asks one server for the addresses of a name. unchecked asks it to leave
// DNSSEC aside (RFC 4035 section 3.2.2).
func (c *checker) askName(ctx context.Context, server netip.Addr, host string, unchecked bool) askedName {
	all := askedName{}
	for _, kind := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
		one := c.askKind(ctx, server, host, kind, unchecked)
		if one.err != nil || one.code != dnsmessage.RCodeSuccess {
			return one
		}
		all.found += one.found
	}
	return all
}

func (c *checker) askKind(ctx context.Context, server netip.Addr, host string, kind dnsmessage.Type, unchecked bool) askedName {
	name, err := dnsmessage.NewName(strings.TrimSuffix(host, ".") + ".")
	if err != nil {
		return askedName{err: err}
	}
	question := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: uint16(time.Now().UnixNano()), RecursionDesired: true, CheckingDisabled: unchecked}, //nolint:gosec // any number
		Questions: []dnsmessage.Question{{Name: name, Type: kind, Class: dnsmessage.ClassINET}},
	}
	packet, err := question.Pack()
	if err != nil {
		return askedName{err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, nameTime)
	defer cancel()
	conn, err := c.AskName(ctx, "udp", netip.AddrPortFrom(server, 53).String())
	if err != nil {
		return askedName{err: err}
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // a connection without one is closed by its context
	}
	if _, err := conn.Write(packet); err != nil {
		return askedName{err: err}
	}
	return readAnswer(conn, question.ID)
}

// readAnswer waits for the answer with that number.
func readAnswer(conn net.Conn, id uint16) askedName {
	packet := make([]byte, 4096)
	for range 10 {
		n, err := conn.Read(packet)
		if err != nil {
			return askedName{err: err}
		}
		var p dnsmessage.Parser
		header, err := p.Start(packet[:n])
		if err != nil || header.ID != id || !header.Response {
			continue
		}
		if err := p.SkipAllQuestions(); err != nil {
			return askedName{err: err}
		}
		found := 0
		for {
			answer, err := p.AnswerHeader()
			if err != nil {
				break
			}
			if answer.Type == dnsmessage.TypeA || answer.Type == dnsmessage.TypeAAAA {
				found++
			}
			if p.SkipAnswer() != nil {
				break
			}
		}
		return askedName{code: header.RCode, found: found}
	}
	return askedName{err: errors.New("it answers other questions")}
}

// words is the answer for a person.
func (a askedName) words() string {
	timeout, isTimeout := errors.AsType[net.Error](a.err)
	switch {
	case errors.Is(a.err, syscall.ECONNREFUSED):
		return "nothing answers there"
	case isTimeout && timeout.Timeout(), errors.Is(a.err, context.DeadlineExceeded):
		return "no answer"
	case a.err != nil:
		return "it cannot be asked: " + line(a.err.Error())
	case a.code == dnsmessage.RCodeNameError:
		return "there is no such name"
	case a.code == dnsmessage.RCodeServerFailure:
		return "it could not find out (SERVFAIL)"
	case a.code == dnsmessage.RCodeRefused:
		return "it refuses to say (REFUSED)"
	case a.code != dnsmessage.RCodeSuccess:
		return fmt.Sprintf("error %d", a.code)
	case a.found == 0:
		return "the name is there, without an address"
	}
	return count(a.found, "address")
}
