package msp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

// machineStation is the agent of a machine whose users share an account, in
// which alice has an address of her own.
func machineStation(t *testing.T) *station {
	t.Helper()
	s := newStation(t, `
[system]
socket = "/run/mailcrane/submit.sock"
drop = "/var/spool/mailcrane/drop"
[account.work]
from = ["box@example.org", "alice@example.org", "*@example.org"]
smarthost = "smtps://smtp.example.org"
`)
	s.Users = people{"alice": {"alice", 1001, "", "/"}, "mallet": {"mallet", 1002, "", "/"}, "daemon": {"daemon", 1, "", "/"}, "root": {"root", 0, "", "/"}}
	return s
}

const alice, mallet = 1001, 1002

func handedIn(uid int, from string) *queue.Envelope {
	return &queue.Envelope{From: from, To: []queue.Recipient{{Address: "joe@example.net"}}, Owner: fmt.Sprint(uid), Submitter: fmt.Sprintf("uid %d, SMTP", uid)}
}

func TestNobodyWritesAsAnotherUserOfTheMachine(t *testing.T) {
	for _, c := range []struct {
		reason       string
		uid          int
		from, header string
		refused      bool
	}{
		{"her own address", alice, "alice@example.org", "From: alice@example.org\n", false},
		{"the account's own address is everybody's", mallet, "box@example.org", "From: box@example.org\n", false},
		{"an address of nobody", mallet, "x@example.org", "From: x@example.org\n", false},
		{"whom sendmail trusts", 1, "alice@example.org", "From: alice@example.org\n", false},
		{"a user without a name", 1999, "alice@example.org", "", true},
		{"the envelope", mallet, "alice@example.org", "", true},
		{"in other letters", mallet, "ALICE@Example.ORG", "", true},
		{"with a detail", mallet, "alice+x@example.org", "", true},
		{"in quotes", mallet, `"alice"@example.org`, "", true},
		{"in quotes with a quoted letter", mallet, `"al\ice"@example.org`, "", true},
		{"in quotes with a quoted detail", mallet, `"alice\+x"@example.org`, "", true},
		{"From", mallet, "", "From: alice@example.org\n", true},
		{"one of many", mallet, "", "From: box@example.org, alice@example.org\n", true},
		{"a second From", mallet, "", "From: box@example.org\nFROM: alice@example.org\n", true},
		{"Sender", mallet, "", "Sender: <alice@example.org>\n", true},
		{"Resent-From", mallet, "", "Resent-From: A <alice@example.org>\n", true},
		{"with comments", mallet, "", "From: alice(x)@(y)example.org\n", true},
		{"with spaces", mallet, "", "From: alice @ example . org\n", true},
		{"in a group", mallet, "", "From: all: alice@example.org;\n", true},
		{"with a route", mallet, "", "From: <@relay.example:alice@example.org>\n", true},
		{"folded", mallet, "", "From:\n\talice@\n\texample.org\n", true},
		{"beside what is no address", mallet, "", "From: alice@example.org <<x\n", true},
		{"in brackets that do not end", mallet, "", "From: <alice@example.org\n", true},
		{"with a dot behind the domain", mallet, "", "From: alice@example.org.\n", true},
		{"a space before the colon", mallet, "", "From : alice@example.org\n", false}, // an mbox line, which goes
		{"a name that is not an address", mallet, "", "From: \"alice\" <box@example.org>\n", false},
		{"a login name", mallet, "", "From: alice\n", false}, // becomes the account's own
	} {
		for _, bare := range []bool{false, true} { // as it came, and with CRs
			s := machineStation(t)
			header := c.header
			if bare {
				header = crlf(header)
			}
			from := c.from
			if from == "" {
				from = "box@example.org"
			}
			err := s.smtp(handedIn(c.uid, from), header+"\n")
			switch {
			case c.refused && sysexits.Code(err) != sysexits.NoPerm && sysexits.Code(err) != sysexits.DataErr:
				t.Errorf("%s: not refused: %v; the message is %q", c.reason, err, s.spool.message)
			case !c.refused && err != nil:
				t.Errorf("%s: %v", c.reason, err)
			case !c.refused && c.uid == mallet && strings.Contains(s.spool.message, "alice@"):
				t.Errorf("%s: became %q", c.reason, s.spool.message)
			}
		}
	}
}

// What the session checks for SMTP's clients nobody has checked for a dropped
// file, which its owner may have made by hand.
func TestAHandMadeEnvelopeSaysNothingOfItsOwnToTheServer(t *testing.T) {
	to := func(r queue.Recipient) func(*queue.Envelope) {
		return func(e *queue.Envelope) { r.Address = "joe@example.net"; e.To = []queue.Recipient{r} }
	}
	for _, c := range []struct {
		reason string
		change func(e *queue.Envelope)
	}{
		{"a parameter behind ENVID", func(e *queue.Envelope) { e.EnvID = "x AUTH=<root@example.org>" }},
		{"ENVID too long", func(e *queue.Envelope) { e.EnvID = strings.Repeat("x", 101) }},
		{"a parameter behind RET", func(e *queue.Envelope) { e.Ret = "FULL AUTH=<>" }},
		{"no RET", func(e *queue.Envelope) { e.Ret = "ALL" }},
		{"no NOTIFY", to(queue.Recipient{Notify: "ALWAYS"})},
		{"a NOTIFY that ends early", to(queue.Recipient{Notify: "NEVER,SUCCESS"})},
		{"an ORCPT without a type", to(queue.Recipient{ORcpt: "joe@example.net"})},
		{"an ORCPT that is no xtext", to(queue.Recipient{ORcpt: "rfc822;a=b"})},
		{"an ORCPT of a strange type", to(queue.Recipient{ORcpt: "rfc 822;a"})},
		{"a time in a thousand years", func(e *queue.Envelope) { e.NotBefore = time.Date(3026, 1, 1, 0, 0, 0, 0, time.UTC) }},
		{"a recipient with a space", func(e *queue.Envelope) { e.To[0].Address = "joe@example.net NOTIFY=NEVER" }},
		{"a recipient with a bracket", func(e *queue.Envelope) { e.To[0].Address = `"joe>"@example.net> X=<` }},
	} {
		s := machineStation(t)
		e := handedIn(mallet, "box@example.org")
		c.change(e)
		if err := s.smtp(e, "\n"); err == nil {
			t.Errorf("%s: taken as %+v", c.reason, *s.spool.envelope)
		} else if code := sysexits.Code(err); code == sysexits.TempFail || code == sysexits.Software {
			t.Errorf("%s: would be tried for ever: %v", c.reason, err)
		}
	}
	s := machineStation(t)
	e := handedIn(mallet, "box@example.org")
	e.Ret, e.EnvID, e.NotBefore = "HDRS", "a+2Bb", s.Now().Add(time.Hour)
	e.To = []queue.Recipient{
		{Address: "joe@example.net", Notify: "SUCCESS,FAILURE,DELAY", ORcpt: "rfc822;joe+40example.net"},
		{Address: "jim@example.net", Notify: "NEVER", ORcpt: "utf-8;jörg@example.net"},
	}
	if err := s.smtp(e, "\n"); err != nil {
		t.Error(err)
	}
}
