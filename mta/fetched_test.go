package mta

import (
	"bufio"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/queue"
)

// fetching is a Fetch for client.example, and the server's end of its connection.
func fetching(t *testing.T, text string) (f *Fetch, c *client, got chan []Fetched) {
	t.Helper()
	spool := queue.NewSpool(t.TempDir(), queue.OS{}, time.Now)
	if err := spool.Prepare(); err != nil {
		t.Fatal(err)
	}
	f = &Fetch{
		Config: configOf(t, text), Domains: []string{"client.example"}, Spool: spool, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Place: func(e *queue.Envelope) { e.Account = "local:" },
	}
	ours, theirs := net.Pipe()
	t.Cleanup(func() { theirs.Close() })
	got = make(chan []Fetched, 1)
	go func() { got <- f.Take(t.Context(), ours) }()
	return f, &client{t, theirs, bufio.NewReader(theirs)}, got
}

// Coverage: X7.
func TestOnATurnedConnectionOnlyMailForTheDomainsAskedForIsTakenIn(t *testing.T) {
	f, c, got := fetching(t, "")
	c.hello()
	c.say("AUTH PLAIN AGZyZWQAc2VjcmV0", "503")
	c.say("STARTTLS", "503")
	c.say("ETRN client.example", "502")
	c.say("ATRN client.example", "502")
	c.say("VRFY ann", "502")
	c.say("MAIL FROM:<bob@example.org> RET=HDRS", "250")
	for _, to := range []string{"ann@other.example", "ann@sub.client.example", "ann", "ann%client.example@other.example", `"ann@client.example"@other.example`} {
		c.say("RCPT TO:<"+to+">", "55")
	}
	c.say("RCPT TO:<ann@Client.Example> NOTIFY=NEVER", "250")
	c.say("DATA", "354")
	c.say("Subject: x\r\n\r\nhello\r\n.", "250 2.0.0")
	c.say("MAIL FROM:<bob@example.org>", "250")
	c.say("RCPT TO:<ann@client.example>", "250")
	c.say("DATA", "354")
	c.say(strings.Repeat("Received: from a by b; Mon, 2 Jan 2006 15:04:05 +0000\r\n", 25)+"\r\n.", "554 5.4.6 Too many hops")
	c.say("QUIT", "221")
	all := <-got
	if len(all) != 1 || all[0].From != "bob@example.org" || all[0].To[0] != "ann@Client.Example" {
		t.Fatalf("%+v has come", all)
	}
	var entries []queue.Entry
	_ = f.Spool.Names(func(n queue.Name) bool {
		e, ok := f.Spool.Entry(n)
		if ok {
			entries = append(entries, e)
		}
		return true
	})
	if len(entries) != 1 || entries[0].Envelope.Account != "local:" || entries[0].Envelope.Ret != "HDRS" || entries[0].Envelope.To[0].Notify != "NEVER" {
		t.Errorf("the queue has %+v", entries)
	}
}

// Regression: the domain of a route is that of the machine which is to go on with
// it, so that what was fetched was relayed to anywhere.
func TestWhatIsFetchedIsRelayedToNobody(t *testing.T) {
	for _, to := range []string{
		"bob%other.example@client.example", `"bob@other.example"@client.example`, "other.example!bob@client.example",
		"@client.example:bob%other.example@client.example", `"bob%other.example"@client.example`,
	} {
		f, c, _ := fetching(t, "")
		c.hello()
		c.say("MAIL FROM:<bob@example.org>", "250")
		c.say("RCPT TO:<"+to+">", "250") // all goes to one mailbox
		f.Place = nil
		c.say("RCPT TO:<"+to+">", "550 5.7.1")
		c.say("RCPT TO:<ann+x@client.example>", "250")
	}
}

func TestAFetchedMessageHasTheBoundsOfOneThatIsTakenIn(t *testing.T) {
	_, c, _ := fetching(t, "")
	c.reply()
	if said := c.say("EHLO provider.example", "250"); !strings.Contains(said, "SIZE 104857600") || !strings.Contains(said, "RCPTMAX=1000") {
		t.Errorf("it is offered %q", said)
	}
	c.say("MAIL FROM:<bob@example.org> SIZE=200000000", "552")
}

func TestAServerThatSaysNothingOnATurnedConnectionIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c, got := fetching(t, "[timeout]\ncommand = \"5m\"\n")
		_ = c.SetDeadline(time.Time{})
		c.reply()
		began := time.Now()
		go func() { _, _ = c.in.ReadString('\n') }() // of the last reply
		<-got
		if took := time.Since(began); took > 7*time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}
