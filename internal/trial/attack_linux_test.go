package trial

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mailcrane/internal/lab"
)

// A besieged is a running "mailcrane mta", and a client of its that behaves
// well.
type besieged struct {
	*agent
	clear, secure, proxied string // addresses of its listeners
	taken                  atomic.Int64
	wrong                  atomic.Pointer[string] // the first that was not as it should be
}

// besiegedServer has listeners of each kind; lines are those of [mta.limits], and
// within is a command that starts the one behind it.
func besiegedServer(t *testing.T, lines string, within ...string) *besieged {
	t.Helper()
	h := newHome(t, "smarthost = \"smtp+insecure://127.0.0.1:9\"\n", "none")
	certFile, keyFile := ownCertificate(t, h)
	b := &besieged{clear: freeAddress(t), secure: freeAddress(t), proxied: freeAddress(t)}
	h.write(".config/mailcrane/mailcrane.toml", fmt.Sprintf(`delivery_mode = "queue"
[queue]
refuse_load = 0
[submit]
max_message = %d
[mta]
hostname = "trial.example"
local = ["trial.example"]
dont_blame_sendmail = ["TrustStickyBit"]
[mta.deliver]
luser_relay = "relay:[192.0.2.1]"
[mta.policy]
accept_unresolvable_domains = true
[mta.tls]
cert = %q
key = %q
[mta.limits]
%s
[[mta.listen]]
address = %q
[[mta.listen]]
address = %q
tls = "implicit"
[[mta.listen]]
address = %q
proxy = ["127.0.0.1"]
`, mostOctets(), certFile, keyFile, lines, b.clear, b.secure, b.proxied))
	b.agent = h.startedBy(within, "mta")
	await(t, "the server listens", func() bool { return strings.Count(b.said(), "listening") >= 3 })
	return b
}

// long says that the trial is the whole one.
func long() bool { return os.Getenv("MAILCRANE_TRIAL_ATTACK") == "long" }

// mostOctets is the largest message that a besieged server takes.
func mostOctets() int {
	if long() {
		return 100 << 20
	}
	return 2 << 20
}

// freeAddress is one on the loopback where nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (b *besieged) failed(err error) {
	text := err.Error()
	b.wrong.CompareAndSwap(nil, &text)
}

// A caller is a connection that says lines and reads replies.
type caller struct {
	net.Conn
	r *bufio.Reader
}

func call(address string) (*caller, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	// Reaching it is a failure.
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	return &caller{c, bufio.NewReader(c)}, nil
}

// says is a line, "" for none, and the reply to it, whose code is to be want.
func (c *caller) says(line, want string) error {
	if line != "" {
		if _, err := io.WriteString(c, line+"\r\n"); err != nil {
			return err
		}
	}
	for {
		reply, err := c.r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("after %.40q: %w", line, err)
		}
		if len(reply) > 3 && reply[3] == '-' {
			continue
		}
		if !strings.HasPrefix(reply, want) {
			return fmt.Errorf("after %.40q: %q, want %s", line, reply, want)
		}
		return nil
	}
}

// mails is one message of 4 KiB on a connection that was greeted.
func (c *caller) mails() error {
	body := strings.Repeat(strings.Repeat("x", 62)+"\r\n", 64)
	for _, each := range [...][2]string{
		{"MAIL FROM:<me@other.example>", "250"},
		{"RCPT TO:<you@trial.example>", "250"},
		{"DATA", "354"},
		{"Subject: trial\r\n\r\n" + body + ".", "250"},
	} {
		if err := c.says(each[0], each[1]); err != nil {
			return err
		}
	}
	return nil
}

// admitted is a connection that was greeted. The clients of the attack before have
// closed theirs, of which the server may have yet to learn: until then they count.
func (b *besieged) admitted(t *testing.T) *caller {
	t.Helper()
	var c *caller
	await(t, "a client is greeted", func() bool {
		var err error
		if c, err = call(b.clear); err != nil {
			t.Fatal(err)
		}
		if err = c.says("", "220"); err != nil {
			c.Close()
		}
		return err == nil
	})
	return c
}

// serves has a well-behaved client send message after message until stop is
// called, which says how many were taken.
func (b *besieged) serves(t *testing.T) (stop func()) {
	t.Helper()
	c := b.admitted(t)
	if err := c.says("EHLO good.example", "250"); err != nil {
		t.Fatal(err)
	}
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer c.Close()
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			_ = c.SetDeadline(time.Now().Add(patience))
			if err := c.mails(); err != nil {
				b.failed(err)
				return
			}
			b.taken.Add(1)
			select {
			case <-over:
				return
			case <-tick.C:
			}
		}
	}()
	return func() { close(over); <-ended }
}

// settledDown holds that the queue has what was told 250, and that nothing is left of
// the rest.
func (b *besieged) settledDown(t *testing.T) {
	t.Helper()
	if why := b.wrong.Load(); why != nil {
		t.Errorf("the client that behaves well: %s; the server:\n%.4000s", *why, b.said())
	}
	await(t, "nothing is left of messages that were not taken", func() bool { return len(b.home.files("tmp")) == 0 })
	if got, want := len(b.home.queued()), int(b.taken.Load()); got != want {
		t.Errorf("%d messages are in the queue, %d were told 250", got, want)
	}
	if strings.Contains(b.said(), "panic") {
		t.Errorf("the server said:\n%s", b.said())
	}
	t.Logf("%d messages were taken meanwhile; %+v", b.taken.Load(), b.footprint())
}

// dribbles are what slow clients begin with, and send an octet of now and then.
func (b *besieged) dribbles() [][2]string {
	const envelope = "EHLO slow.example\r\nMAIL FROM:<a@slow.example>\r\nRCPT TO:<b@trial.example>\r\n"
	return [][2]string{
		{b.clear, ""},
		{b.clear, envelope + "DATA\r\nSubject: "},
		{b.clear, envelope + "DATA\r\nSubject: x\r\n\r\n"},
		{b.clear, envelope + "BDAT 1000000\r\n"},
		{b.secure, "\x16\x03\x01\x02\x00"},
		{b.proxied, "PROXY TCP4 192.0.2.1"},
	}
}

// Whoever is served goes on being served whatever others do, nothing of theirs is
// kept, and memory stays bounded. MAILCRANE_TRIAL_ATTACK=long has ten times
// as much of each, 10,000 connections, and a message of 1 GiB.
func TestAServerUnderAttackServesOn(t *testing.T) {
	crowd, burst, flood, huge := 60, 960, 3<<20, 8<<20
	if long() {
		crowd, burst, flood, huge = 600, 10_240, 30<<20, 1<<30
	}
	for _, limits := range []struct{ reason, lines string }{
		{"by the default bound of clients", ""},
		{"with a bound of its own", "connections = 40"},
	} {
		t.Run(limits.reason, func(t *testing.T) {
			b := besiegedServer(t, limits.lines)
			for _, attack := range []struct {
				reason string
				do     func(t *testing.T)
			}{
				{"an octet now and then", func(t *testing.T) { b.slowly(t, crowd) }},
				{"connections at once", func(t *testing.T) { b.burst(t, burst) }},
				{"a command that does not end", func(t *testing.T) { b.pours(t, "", "x", flood, "500") }},
				{"a header that does not end", func(t *testing.T) { b.pours(t, letterTo, "X-Y: z\r\n", flood, "552") }},
				{"a message too large by its SIZE", func(t *testing.T) {
					b.refuses(t, "MAIL FROM:<a@b.example> SIZE=1073741824")
				}},
				{"a message too large by count", func(t *testing.T) {
					b.pours(t, letterTo+"\r\n", strings.Repeat("y", 62)+"\r\n", huge, "552 5.2.3")
				}},
				{"recipients without end", func(t *testing.T) {
					b.pours(t, "EHLO x\r\nMAIL FROM:<a@b.example>\r\n", "RCPT TO:<you@trial.example>\r\n", flood, "452 4.5.3")
				}},
				{"commands whose replies nobody reads", func(t *testing.T) { b.deaf(t, strings.Repeat("RSET\r\n", flood/6)) }},
				{"idle commands whose replies nobody reads", func(t *testing.T) { b.deaf(t, strings.Repeat("NOOP\r\n", flood/6)) }},
			} {
				before := b.taken.Load()
				stop := b.serves(t)
				attack.do(t)
				await(t, attack.reason+": the other client is served", func() bool { return b.taken.Load() > before+2 || b.wrong.Load() != nil })
				stop()
				if t.Failed() || b.wrong.Load() != nil {
					t.Errorf("the attack was: %s", attack.reason)
					break
				}
				const mostKB = 120_000 // a thousand clients, some of them in a handshake
				if own := lab.StatusNumber(t, b.proc("status"), "RssAnon"); own > mostKB {
					t.Errorf("%s: the server has %d kB", attack.reason, own)
				}
			}
			b.settledDown(t)
		})
	}
}

// letterTo is all that stands before a header.
const letterTo = "EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<you@trial.example>\r\nDATA\r\nSubject: x\r\n"

// A thousand clients that do nothing, in the clear and under TLS, leave a server
// below 60 MB, and twenty that send at once below 40.
func TestAServersMemory(t *testing.T) {
	const clients, senders, messages = 1000, 20, 25
	b := besiegedServer(t, "connections = 5000")
	var sending sync.WaitGroup
	for range senders {
		sending.Go(func() {
			c, err := call(b.clear)
			if err != nil {
				b.failed(err)
				return
			}
			defer c.Close()
			for _, each := range [...][2]string{{"", "220"}, {"EHLO x", "250"}} {
				if err := c.says(each[0], each[1]); err != nil {
					b.failed(err)
					return
				}
			}
			for range messages {
				if err := c.mails(); err != nil {
					b.failed(err)
					return
				}
				b.taken.Add(1)
			}
		})
	}
	sending.Wait()
	b.wantMemory(t, "twenty sessions that send", 40_000)
	var idle []net.Conn
	defer func() {
		for _, c := range idle {
			c.Close()
		}
	}()
	for _, way := range []struct {
		reason, address string
		most            int // kB; both together in the end
	}{{"a thousand idle clients", b.clear, 60_000}, {"a thousand more under TLS", b.secure, 120_000}} {
		for range clients {
			c, err := net.Dial("tcp", way.address)
			if err != nil {
				t.Fatal(err)
			}
			idle = append(idle, c)
			if way.address == b.secure {
				c = tls.Client(c, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // its own certificate
			}
			if err := (&caller{c, bufio.NewReaderSize(c, 256)}).says("", "220"); err != nil {
				t.Fatal(err)
			}
		}
		b.wantMemory(t, way.reason, way.most)
	}
	b.settledDown(t)
}

func (b *besieged) wantMemory(t *testing.T, reason string, most int) {
	t.Helper()
	resident := lab.StatusNumber(t, b.proc("status"), "VmRSS")
	t.Logf("%s: %d kB resident, %d its own", reason, resident, b.footprint().Own)
	if resident > most {
		t.Errorf("%s: the server has %d kB, more than %d", reason, resident, most)
	}
}

// A server that may open few files takes no more clients than leave some for the
// messages of those who are served.
func TestAServerWithFewFilesServesOn(t *testing.T) {
	b := besiegedServer(t, "connections = 0", "sh", "-c", `ulimit -n 100 && exec "$0" "$@"`)
	stop := b.serves(t)
	var all []*caller
	refused := 0
	for range 400 {
		c, err := call(b.clear)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
		if line, _ := c.r.ReadString('\n'); strings.HasPrefix(line, "421") {
			refused++
		}
	}
	before := b.taken.Load()
	await(t, "the client is served", func() bool { return b.taken.Load() > before+2 || b.wrong.Load() != nil })
	for _, c := range all {
		c.Close()
	}
	stop()
	if refused == 0 || refused == len(all) {
		t.Errorf("of %d newcomers %d were told to come back", len(all), refused)
	}
	b.settledDown(t)
}

// ownCertificate are the files of one in the home.
func ownCertificate(t *testing.T, h *home) (cert, key string) {
	t.Helper()
	c, caFile := newCertificate(t)
	text, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	h.write("cert.pem", string(text))
	h.write("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	return filepath.Join(h.dir, "cert.pem"), filepath.Join(h.dir, "key.pem")
}
