package smtpd

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"mailcrane/internal/config"
)

// A house is a Backend whose sessions take all mail, and remembers it.
type house struct {
	features Features
	greeting string
	pause    time.Duration
	tls      *tls.Config
	// Verdicts, by what is asked; nil or no entry takes it.
	open    func(*Conn) error
	verdict map[string]error
	data    func(*guest, io.Reader) error

	mu    sync.Mutex
	taken []taken
	asked []string
}

// taken is a message and its envelope as Data got it.
type taken struct {
	from string
	to   []string
	body string
	mail smtp.MailOptions
	rcpt []smtp.RcptOptions
	with Extras
}

func (h *house) Open(_ context.Context, c *Conn) (Session, error) {
	if h.open != nil {
		if err := h.open(c); err != nil {
			return nil, err
		}
	}
	return &guest{house: h, conn: c}, nil
}

func (h *house) bodies() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for _, m := range h.taken {
		all = append(all, m.body)
	}
	return all
}

func (h *house) calls() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.asked, " | ")
}

// A guest is one session of it.
type guest struct {
	house *house
	conn  *Conn
	now   taken
}

func (g *guest) asks(what string) error {
	g.house.mu.Lock()
	g.house.asked = append(g.house.asked, what)
	g.house.mu.Unlock()
	verb, _, _ := strings.Cut(what, " ")
	if err, ok := g.house.verdict[what]; ok {
		return err
	}
	return g.house.verdict[verb]
}

func (g *guest) Greeting() (string, time.Duration) {
	if g.house.greeting == "" {
		return "here ESMTP mailcrane", g.house.pause
	}
	return g.house.greeting, g.house.pause
}
func (g *guest) Features() Features               { return g.house.features }
func (g *guest) Helo(name string, ext bool) error { return g.asks("helo " + name) }
func (g *guest) TLS() (*tls.Config, error)        { return g.house.tls, g.asks("tls") }
func (g *guest) Secured() error                   { return g.asks("secured") }
func (g *guest) Body() error                      { return g.asks("body") }
func (g *guest) Verify(address string) error      { return g.asks("verify " + address) }
func (g *guest) Expand(list string) error         { return g.asks("expand " + list) }
func (g *guest) ETRN(node string) error           { return g.asks("etrn " + node) }
func (g *guest) Reset()                           { g.now = taken{} }
func (g *guest) Logout() error                    { return g.asks("logout") }
func (g *guest) AuthMechanisms() []string         { return []string{"PLAIN", "LOGIN"} }
func (g *guest) Auth(mech string) (sasl.Server, error) {
	if err := g.asks("auth " + mech); err != nil {
		return nil, err
	}
	switch mech {
	case "LOGIN":
		return &login{}, nil
	case "PLAIN":
	default:
		return nil, refusal(504, 5, 5, 4, "not available")
	}
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "fred" || password != "secret" {
			return errors.New("wrong")
		}
		return nil
	}), nil
}

// login asks for a name and a password.
type login struct{ step int }

func (l *login) Next(response []byte) ([]byte, bool, error) {
	if response == nil {
		return []byte("Username:"), false, nil
	}
	l.step++
	switch {
	case l.step == 1:
		return []byte("Password:"), false, nil
	case string(response) != "secret":
		return nil, false, errors.New("wrong")
	}
	return nil, true, nil
}

func (g *guest) Mail(from string, opts *smtp.MailOptions) error {
	g.now = taken{from: from, mail: *opts, with: g.conn.Extras()}
	return g.asks("mail " + from)
}

func (g *guest) Rcpt(to string, opts *smtp.RcptOptions) error {
	err := g.asks("rcpt " + to)
	if err == nil {
		g.now.to = append(g.now.to, to)
		g.now.rcpt = append(g.now.rcpt, *opts)
	}
	return err
}

func (g *guest) Data(r io.Reader) error {
	if g.house.data != nil {
		return g.house.data(g, r)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := g.asks("data"); err != nil {
		return err
	}
	g.now.body = string(body)
	g.house.mu.Lock()
	defer g.house.mu.Unlock()
	g.house.taken = append(g.house.taken, g.now)
	return nil
}

var allFeatures = Features{
	StartTLS: true, Auth: true, DSN: true, ETRN: true, Pipelining: true, Expand: true, Verbose: true,
	Size: 1 << 20, FutureRelease: 24 * time.Hour, Priority: true, MaxRecipients: 100, XClient: true,
}

// onSocket serves h on a socket until the test ends.
func onSocket(t testing.TB, h *house, o Options) string {
	t.Helper()
	return serveAt(t, New(h, o), &config.Listener{})
}

func serveAt(t testing.TB, s *Server, port *config.Listener) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l, port) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return l.Addr().String()
}

// A peer is the other end of a connection.
type peer struct {
	net.Conn
	t testing.TB
	r *bufio.Reader
}

func dial(t testing.TB, address string) *peer {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return newPeer(t, c)
}

func newPeer(t testing.TB, c net.Conn) *peer {
	t.Cleanup(func() { _ = c.Close() })
	return &peer{Conn: c, t: t, r: bufio.NewReader(c)}
}

func (p *peer) say(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p, text); err != nil {
		p.t.Fatalf("saying %.60q: %v", text, err)
	}
}

// reply reads one whole reply, its lines joined by " | ".
func (p *peer) reply() string {
	p.t.Helper()
	_ = p.SetReadDeadline(time.Now().Add(10 * time.Second))
	var lines []string
	for {
		line, err := p.r.ReadString('\n')
		if err != nil {
			return strings.Join(append(lines, line), " | ") + "!" + err.Error()
		}
		line = strings.TrimSuffix(line, "\r\n")
		lines = append(lines, line)
		if len(line) < 4 || line[3] == ' ' {
			return strings.Join(lines, " | ")
		}
	}
}

// want reads a reply for each and looks at how it begins.
func (p *peer) want(replies ...string) string {
	p.t.Helper()
	got := ""
	for _, want := range replies {
		if got = p.reply(); !strings.HasPrefix(got, want) {
			p.t.Fatalf("got %q, want %q", got, want)
		}
	}
	return got
}

// asks says one line and looks at how its reply begins.
func (p *peer) asks(line, want string) string {
	p.t.Helper()
	p.say(line + "\r\n")
	if got := p.reply(); !strings.HasPrefix(got, want) {
		p.t.Fatalf("%.80q: got %q, want %q", line, got, want)
		return ""
	} else {
		return got
	}
}

func (p *peer) wantEnd() {
	p.t.Helper()
	_ = p.SetReadDeadline(time.Now().Add(10 * time.Second))
	if rest, err := io.ReadAll(p.r); err != nil && !strings.Contains(err.Error(), "reset") || len(rest) > 0 {
		p.t.Errorf("the connection goes on with %q, %v", rest, err)
	}
}

// envelope goes as far as DATA or BDAT.
func (p *peer) envelope() {
	p.t.Helper()
	p.want("220 ")
	p.asks("EHLO x", "250-")
	p.again()
}

func (p *peer) again() {
	p.t.Helper()
	p.asks("MAIL FROM:<a@b.c>", "250 2.1.0")
	p.asks("RCPT TO:<d@e.f>", "250 2.1.5")
}

func TestAMessageIsTakenAsItWasSent(t *testing.T) {
	var h house
	p := dial(t, onSocket(t, &h, Options{}))
	p.envelope()
	p.asks("DATA", "354")
	p.say("Subject: x\r\n\r\n..one dot\r\n...two\r\n\r\n.\r\n")
	p.want("250 2.0.0 Message accepted for delivery")
	p.asks("QUIT", "221 2.0.0")
	p.wantEnd()
	if got := h.bodies(); len(got) != 1 || got[0] != "Subject: x\r\n\r\n.one dot\r\n..two\r\n\r\n" {
		t.Errorf("taken: %q", got)
	}
}
