package mta

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"mailcrane/queue"
)

// A pier is a Turner that greets as a client, and remembers who has asked.
type pier struct{ asked string }

func (p *pier) Ask(user string, allowed []string, domains string) (func(context.Context, net.Conn), error) {
	p.asked = user + " " + strings.Join(allowed, ",") + " " + domains
	switch domains {
	case "none.example":
		return nil, &smtp.SMTPError{Code: 453, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "You have no mail"}
	case "broken.example":
		return nil, errors.New("the disk is gone")
	}
	return func(_ context.Context, c net.Conn) {
		_, _ = bufio.NewReader(c).ReadString('\n')
		_, _ = io.WriteString(c, "EHLO provider.example\r\n")
	}, nil
}

// Coverage: X7.
func TestWhoHasLoggedInMayFetchTheMailOfTheirDomains(t *testing.T) {
	p := &pier{}
	s := serverOf(t, users(t)+"[mta.turn]\nusers = [\"fred Client.Example, two.example\", \"ann three.example\", \"fred four.example\"]\n"+
		"[[mta.listen]]\naddress = \"127.0.0.1:0\"\nodmr = true\n[[mta.listen]]\naddress = \"127.0.0.1:0\"\n")
	s.Turn = p
	r := serving(t, s)
	c := r.dial()
	if hello := c.hello(); !strings.Contains(hello, "ATRN") {
		t.Errorf("it offers:\n%s", hello)
	}
	c.secure()
	c.say("EHLO client.example.net", "250")
	c.say("ATRN", "530 5.7.0")
	c.say("AUTH PLAIN "+fred, "235")
	c.say("ATRN none.example", "453 4.3.0 You have no mail")
	c.say("ATRN broken.example", "451 4.3.0 Unable to process ATRN request now")
	c.say("ATRN client.example", "250 2.0.0 OK now reversing the connection")
	if want := "fred client.example,two.example,four.example client.example"; p.asked != want {
		t.Errorf("it is asked %q, want %q", p.asked, want)
	}
	_, _ = io.WriteString(c, "220 laptop\r\n")
	if line, err := c.in.ReadString('\n'); line != "EHLO provider.example\r\n" {
		t.Errorf("the other way round it hears %q, %v", line, err)
	}

	r.address = r.Addresses()[1].String()
	c = r.dial()
	if hello := c.hello(); strings.Contains(hello, "ATRN") {
		t.Errorf("without odmr it offers:\n%s", hello)
	}
	c.say("ATRN", "502 5.5.1")
}

// RFC 1985 section 5.3: 251, 252 and 253 are for who has logged in; how much mail
// waits for whom is nobody else's business.
//
// Coverage: X7.
func TestETRNTellsWhoHasLoggedInWhatWaits(t *testing.T) {
	r := run(t, users(t)+"[queue.slow.side]\nafter = \"1d\"\n", "")
	r.Run = func(queue.Node) error { return nil }
	for _, to := range []string{"a@client.example", "b@client.example", "c@sub.client.example"} {
		e := &queue.Envelope{From: "me@example.org", To: []queue.Recipient{{Address: to}}}
		if _, err := r.Spool.Put(t.Context(), e, strings.NewReader("Subject: x\n\n")); err != nil {
			t.Fatal(err)
		}
	}
	asks := []string{"ETRN client.example", "ETRN @client.example", "ETRN empty.example", "ETRN #side", "ETRN #mqueue", "ETRN #none"}
	said := func(c *client) (all []string) {
		for _, line := range asks {
			all = append(all, strings.TrimSuffix(c.say(line, ""), "\r\n"))
		}
		return all
	}
	stranger := r.dial()
	stranger.hello()
	want := []string{
		"250 2.0.0 Queuing for node client.example started", "250 2.0.0 Queuing for node @client.example started", "250 2.0.0 Queuing for node empty.example started",
		"250 2.0.0 Queuing for queue group side started", "250 2.0.0 Queuing for queue group mqueue started", "459 4.5.4 Queue none unknown",
	}
	if got := said(stranger); !slices.Equal(got, want) {
		t.Errorf("a stranger hears %q, want %q", got, want)
	}
	known := r.dial()
	known.hello()
	known.secure()
	known.say("EHLO client.example.net", "250")
	known.say("AUTH PLAIN "+fred, "235")
	want = []string{
		"253 2.0.0 OK, 2 pending messages for node client.example started", "253 2.0.0 OK, 3 pending messages for node @client.example started", "251 2.0.0 OK, no messages waiting for node empty.example",
		"251 2.0.0 OK, no messages waiting for queue group side", "253 2.0.0 OK, 3 pending messages for queue group mqueue started", "459 4.5.4 Queue none unknown",
	}
	if got := said(known); !slices.Equal(got, want) {
		t.Errorf("who has logged in hears %q, want %q", got, want)
	}
}
