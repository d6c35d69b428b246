package mta

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/socket"
	"mailcrane/queue"
)

// A running is a server that runs on one listener of the loopback.
type running struct {
	*Server
	t       *testing.T
	address string
	stop    func()
}

// run starts a server of a configuration that has the listener's other keys last.
func run(t *testing.T, text, listener string) *running {
	t.Helper()
	return serving(t, serverOf(t, text+"\n[[mta.listen]]\naddress = \"127.0.0.1:0\"\n"+listener))
}

// serving has a server run until the test ends.
func serving(t *testing.T, s *Server) *running {
	t.Helper()
	if err := s.Bind(t.Context(), &socket.Inheritance{}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	r := &running{Server: s, t: t, address: s.Addresses()[0].String(), stop: stop}
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return r
}

// A client is a connection with a running server.
type client struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

func (r *running) dial() *client {
	r.t.Helper()
	c, err := net.Dial("tcp", r.address)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return &client{r.t, c, bufio.NewReader(c)}
}

// reply is the next whole reply.
func (c *client) reply() string {
	c.t.Helper()
	var all strings.Builder
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			c.t.Fatalf("after %q: %v", all.String(), err)
		}
		all.WriteString(line)
		if len(line) > 3 && line[3] == ' ' {
			return all.String()
		}
	}
}

// say sends a line and wants a reply that begins with, or has in it, want.
func (c *client) say(line, want string) string {
	c.t.Helper()
	if _, err := fmt.Fprint(c, line+"\r\n"); err != nil {
		c.t.Fatal(err)
	}
	got := c.reply()
	if !strings.Contains(got, want) {
		c.t.Fatalf("to %q it says %q, want %q", line, got, want)
	}
	return got
}

func (c *client) hello() string {
	c.t.Helper()
	c.reply()
	return c.say("EHLO client.example.net", "250")
}

// kept are the messages in the queue, whole.
func (r *running) kept() (all []queue.Entry, text []string) {
	r.t.Helper()
	list, err := r.Spool.List(queue.ListOrder{})
	if err != nil {
		r.t.Fatal(err)
	}
	list.Each(func(e queue.Entry) bool {
		file, err := os.ReadFile(filepath.Join(r.Spool.QueueDir(), e.Name.String()))
		if err != nil {
			r.t.Fatal(err)
		}
		all, text = append(all, e), append(text, string(file))
		return true
	})
	return all, text
}

const ours = "local = [\"example.org\"]\n[mta.policy]\naccept_unresolvable_domains = true\n"

// Coverage: A14.
func TestAMessageThatIsAcceptedIsInTheQueueWhole(t *testing.T) {
	r := run(t, ours, "")
	c := r.dial()
	c.hello()
	c.say("MAIL FROM:<me@example.net> RET=HDRS ENVID=a+2Bb BODY=8BITMIME", "250 2.1.0 <me@example.net>... Sender ok")
	c.say("RCPT TO:<you@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;old+2Bname@example.org", "250 2.1.5 <you@example.org>... Recipient ok")
	c.say("DATA", "354")
	said := c.say("Subject: x\r\nMessage-ID: <1@example.net>\r\n\r\n..dot\r\nb\xc3\xa4r\r\n.", "250 2.0.0 ")
	entries, texts := r.kept()
	if len(entries) != 1 {
		t.Fatalf("%d messages are kept", len(entries))
	}
	e := entries[0]
	if !strings.Contains(said, string(e.Name.ID)+" Message accepted for delivery") {
		t.Errorf("it was told %q, and is kept as %s", said, e.Name.ID)
	}
	if e.Envelope.From != "me@example.net" || e.Envelope.Ret != "HDRS" || e.Envelope.EnvID != "a+2Bb" {
		t.Errorf("the envelope is %+v", e.Envelope)
	}
	to := e.Envelope.To[0]
	if to.Address != "you@example.org" || to.Notify != "SUCCESS,DELAY" || to.ORcpt != "rfc822;old+2Bname@example.org" {
		t.Errorf("the recipient is %+v", to)
	}
	for _, want := range []string{
		"Received: from client.example.net (localhost [127.0.0.1])\r\n\tby mx.example.org (mailcrane) with ESMTP id " + string(e.Name.ID) + "\r\n\tfor <you@example.org>; ",
		"\r\nSubject: x\r\nMessage-ID: <1@example.net>\r\n\r\n.dot\r\nb\xc3\xa4r\r\n",
	} {
		if !strings.Contains(texts[0], want) {
			t.Errorf("the file lacks %q:\n%s", want, texts[0])
		}
	}
}

func TestTheRecipientsOfAMessageToSeveralAreNotInItsTrace(t *testing.T) {
	r := run(t, ours, "")
	c := r.dial()
	c.hello()
	c.say("MAIL FROM:<me@example.net>", "250")
	c.say("RCPT TO:<one@example.org>", "250")
	c.say("RCPT TO:<two@example.org>", "250")
	c.say("DATA", "354")
	c.say("Subject: x\r\n\r\n.", "250")
	if _, texts := r.kept(); strings.Contains(texts[0], "for <") {
		t.Errorf("one recipient is told of another:\n%s", texts[0])
	}
}

// RFC 6710, RFC 4865: what a user of ours asks for holds in the queue.
func TestPriorityAndTimeAreKept(t *testing.T) {
	r := run(t, ours, "submission = true\n")
	c := r.dial()
	c.hello()
	c.say("MAIL FROM:<me@example.net> MT-PRIORITY=-3 HOLDFOR=3600", "250")
	c.say("RCPT TO:<you@example.org>", "250")
	c.say("DATA", "354")
	c.say("Subject: x\r\nPrecedence: special-delivery\r\n\r\n.", "250")
	entries, _ := r.kept()
	name := entries[0].Name
	if want := (queue.Class{Precedence: -30, Timing: queue.NonUrgent}); name.Class != want {
		t.Errorf("its class is %+v, want %+v", name.Class, want)
	}
	if wait := time.Until(name.NotBefore); wait < 59*time.Minute || wait > time.Hour+time.Second {
		t.Errorf("it may leave in %v", wait)
	}
}

// Relaying is denied where nothing permits it, and to a client of another
// machine whatever it says (here by a trusted PROXY line).
func TestAStrangerCannotRelay(t *testing.T) {
	r := run(t, ours, "proxy = [\"127.0.0.1\"]\n")
	c := r.dial()
	fmt.Fprint(c, "PROXY TCP4 192.0.2.7 198.51.100.1 4321 25\r\n")
	c.hello()
	c.say("MAIL FROM:<me@example.net>", "250")
	for _, to := range []string{"you@elsewhere.example", "you%elsewhere.example@example.org", "@example.org:you@elsewhere.example"} {
		c.say("RCPT TO:<"+to+">", "550 5.7.1")
	}
	c.say("RCPT TO:<you@example.org>", "250")
}

// RFC 1985, and who may not ask: nobody on a port for our own users, nor where
// PrivacyOptions say noetrn.
//
// Coverage: X7.
func TestETRNStartsAQueueRunForItsNode(t *testing.T) {
	for _, test := range []struct{ reason, text, listener, line, want, node string }{
		{"a domain", ours, "", "ETRN example.net", "250 2.0.0 Queuing for node example.net started", "example.net"},
		{"and what is below it", ours, "", "ETRN @example.net", "250 2.0.0 Queuing for node @example.net started", "@example.net"},
		{"no domain", ours, "", "ETRN @", "459 4.5.4", ""},
		{"a run that does not begin", ours, "", "ETRN busy.example", "458 4.5.4", ""},
		{"a port for our users", ours, "submission = true\n", "ETRN example.net", "502", ""},
		{"a listener without it", ours, "no_etrn = true\n", "ETRN example.net", "502", ""},
		{"PrivacyOptions", ours + "[submit]\nprivacy_options = [\"noetrn\"]\n", "", "ETRN example.net", "502 5.7.0", ""},
	} {
		t.Run(test.reason, func(t *testing.T) {
			r := run(t, test.text, test.listener)
			var ran []queue.Node
			busy, _ := queue.ParseNode("busy.example")
			r.Run = func(n queue.Node) error {
				if n == busy {
					return errors.New("too many wait")
				}
				ran = append(ran, n)
				return nil
			}
			c := r.dial()
			c.hello()
			c.say(test.line, test.want)
			var want []queue.Node
			if test.node != "" {
				node, _ := queue.ParseNode(test.node)
				want = append(want, node)
			}
			if !slices.Equal(ran, want) {
				t.Errorf("runs for %v, want %v", ran, want)
			}
		})
	}
}

func TestAMessageThatRunsInCirclesIsRefused(t *testing.T) {
	r := run(t, ours, "")
	c := r.dial()
	c.hello()
	c.say("MAIL FROM:<me@example.net>", "250")
	c.say("RCPT TO:<you@example.org>", "250")
	c.say("DATA", "354")
	c.say(strings.Repeat("Received: from a by b; Mon, 2 Jan 2006 15:04:05 +0000\r\n", 25)+"\r\n.", "554 5.4.6 Too many hops")
	if entries, _ := r.kept(); len(entries) != 0 {
		t.Errorf("it is kept: %v", entries)
	}
	c.say("NOOP", "250") // and the session goes on
}

// RFC 6409 section 8: what our own users leave out is added, and what others
// leave out is not.
func TestMailOfOurUsersIsCompleted(t *testing.T) {
	for _, test := range []struct {
		reason, listener string
		want             bool
	}{{"submission", "submission = true\n", true}, {"relay", "", false}} {
		t.Run(test.reason, func(t *testing.T) {
			r := run(t, ours, test.listener)
			c := r.dial()
			c.hello()
			c.say("MAIL FROM:<me@example.net>", "250")
			c.say("RCPT TO:<you@example.org>", "250")
			c.say("DATA", "354")
			c.say("Subject: x\r\n\r\n.", "250")
			_, texts := r.kept()
			for _, field := range []string{"\r\nDate: ", "\r\nFrom: me@example.net\r\n", "\r\nMessage-ID: <"} {
				if strings.Contains(texts[0], field) != test.want {
					t.Errorf("%q is there: %v, want %v\n%s", field, !test.want, test.want, texts[0])
				}
			}
		})
	}
}
