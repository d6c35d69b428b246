package smtpd

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/config"
)

// A pumphouse is a house whose guests may have the connection turned round.
type pumphouse struct {
	*house
	turns chan string // what was said on each connection that was turned
}

type pumper struct {
	*guest
	turns chan string
}

func (h *pumphouse) Open(ctx context.Context, c *Conn) (Session, error) {
	s, err := h.house.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	return &pumper{s.(*guest), h.turns}, nil
}

// Turn says EHLO as a client does, and reads until the other end has gone.
func (p *pumper) Turn(domains string) (func(context.Context, net.Conn), error) {
	if err := p.asks("turn " + domains); err != nil {
		return nil, err
	}
	return func(ctx context.Context, c net.Conn) {
		if c == nil {
			p.turns <- "gone"
			return
		}
		defer context.AfterFunc(ctx, func() { _ = c.Close() })()
		greeting, err := bufio.NewReader(c).ReadString('\n')
		if err == nil {
			_, err = io.WriteString(c, "QUIT\r\n")
		}
		if err != nil {
			greeting = err.Error()
		}
		p.turns <- strings.TrimSpace(greeting)
	}, nil
}

func newPumphouse() *pumphouse {
	f := allFeatures
	f.ATRN = true
	return &pumphouse{&house{features: f, verdict: map[string]error{
		"turn none.example":  refusal(453, 4, 3, 0, "You have no mail"),
		"turn other.example": refusal(450, 4, 7, 1, "ATRN request refused"),
		"turn broken":        errors.New("broken"),
	}}, make(chan string, 1)}
}

const logIn = "AUTH PLAIN AGZyZWQAc2VjcmV0" // fred, secret

// Coverage: X7.
func TestATRNTurnsTheConnectionRoundForWhoHasLoggedIn(t *testing.T) {
	h := newPumphouse()
	p := dial(t, onSocketOf(t, h))
	p.want("220")
	if got := p.asks("EHLO laptop", "250"); !strings.Contains(got, "ATRN") {
		t.Errorf("ATRN is not offered: %s", got)
	}
	p.asks("ATRN client.example", "530 5.7.0 Authentication required")
	p.asks(logIn, "235")
	p.asks("ATRN none.example", "453 4.3.0 You have no mail")
	p.asks("ATRN other.example", "450 4.7.1 ATRN request refused")
	p.asks("ATRN broken", "451 4.3.0")
	p.asks("MAIL FROM:<a@b.c>", "250")
	p.asks("ATRN client.example", "503 5.5.0 ATRN not permitted during a mail transaction")
	p.asks("RSET", "250")
	p.asks("ATRN client.example,two.example", "250 2.0.0 OK now reversing the connection")
	p.say("220 laptop ESMTP\r\n")
	p.want("QUIT")
	if got := <-h.turns; got != "220 laptop ESMTP" {
		t.Errorf("the other way round it heard %q", got)
	}
	p.wantEnd()
	if got := h.calls(); !strings.Contains(got, "turn client.example,two.example | ") && !strings.HasSuffix(got, "turn client.example,two.example") {
		t.Errorf("the session was asked %s", got)
	}
}

func onSocketOf(t *testing.T, b Backend) string {
	t.Helper()
	return serveAt(t, New(b, Options{}), &config.Listener{})
}

func TestATRNStaysUnderTLS(t *testing.T) {
	h := newPumphouse()
	h.tls = certificate(t)
	p := dial(t, onSocketOf(t, h))
	p.want("220")
	p.asks("EHLO laptop", "250")
	p.asks("STARTTLS", "220")
	p = p.secure()
	p.asks("EHLO laptop", "250")
	p.asks(logIn, "235")
	p.asks("ATRN", "250")
	p.say("220 laptop ESMTP\r\n")
	p.want("QUIT")
	<-h.turns
}

func TestATRNIsRefusedWhereItIsNotOffered(t *testing.T) {
	for _, c := range []struct {
		reason string
		b      Backend
	}{
		{"by a session that cannot", &house{features: Features{ATRN: true, Auth: true}}},
		{"by a listener that does not", &pumphouse{&house{features: Features{Auth: true}}, nil}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			p := dial(t, onSocketOf(t, c.b))
			p.want("220")
			p.asks("EHLO x", "250")
			p.asks(logIn, "235")
			p.asks("ATRN", "502 5.5.1 ATRN is not offered here")
		})
	}
}

// What is pipelined behind ATRN would be read as the replies of a server.
func TestNothingMayStandBehindATRN(t *testing.T) {
	h := newPumphouse()
	p := dial(t, onSocketOf(t, h))
	p.want("220")
	p.asks("EHLO x", "250")
	p.asks(logIn, "235")
	p.asks("ATRN\r\n220 I am the server already", "554 5.5.0 More was sent behind ATRN")
	p.wantEnd()
	if len(h.turns) > 0 {
		t.Error("it was turned")
	}
}

func TestAServerThatStopsEndsATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newPumphouse()
		s := New(h, Options{})
		ours, theirs := net.Pipe()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			s.ServeConn(ctx, ours, &config.Listener{})
			close(ended)
		}()
		p := newPeer(t, noDeadline{theirs})
		p.want("220")
		p.asks("EHLO x", "250")
		p.asks(logIn, "235")
		p.asks("ATRN", "250")
		began := time.Now()
		stop()
		<-ended
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
		if s.Connections() != 0 {
			t.Error("its place is still taken")
		}
		<-h.turns
	})
}
