package listen

import (
	"strings"
	"testing"
)

// Coverage: B134.
func TestCommandsOutOfOrderAreRefused(t *testing.T) {
	ready := "EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<a@b.c>\r\n"
	for _, c := range []struct{ name, setup, command, want string }{
		{"MAIL before EHLO", "", "MAIL FROM:<a@b.c>\r\n", "503 5.5.1"},
		{"RCPT before MAIL", "EHLO x\r\n", "RCPT TO:<a@b.c>\r\n", "503 5.5.1"},
		{"DATA before RCPT", "EHLO x\r\nMAIL FROM:<a@b.c>\r\n", "DATA\r\n", "503 5.5.1"},
		{"a second MAIL", "EHLO x\r\nMAIL FROM:<a@b.c>\r\n", "MAIL FROM:<d@e.f>\r\n", "503 5.5.1"},
		{"a MAIL after RCPT", ready, "MAIL FROM:<d@e.f>\r\n", "503 5.5.1"},
		{"MAIL between chunks", ready + "BDAT 0\r\n", "MAIL FROM:<d@e.f>\r\n", "503 5.5.1"},
		{"RCPT between chunks", ready + "BDAT 0\r\n", "RCPT TO:<d@e.f>\r\n", "503 5.5.1"},
		{"DATA between chunks", ready + "BDAT 0\r\n", "DATA\r\n", "503 5.5.1"},
		{"RCPT after RSET", ready + "RSET\r\n", "RCPT TO:<d@e.f>\r\n", "503 5.5.1"},
		{"RCPT after a second EHLO", ready + "EHLO y\r\n", "RCPT TO:<d@e.f>\r\n", "503 5.5.1"},
		{"AUTH, which is not offered", "EHLO x\r\n", "AUTH PLAIN AGEAYg==\r\n", "502 5.5.1"},
		{"STARTTLS, which is not offered", "EHLO x\r\n", "STARTTLS\r\n", "502 5.5.1"},
		{"an unknown command", "EHLO x\r\n", "FROB\r\n", "500 5.5.1"},
		{"an empty line", "EHLO x\r\n", "\r\n", "500 5.5.1"},
		{"a bare CR in a command", "EHLO x\r\n", "MAIL FROM:<a@b.c>\rRCPT TO:<a@b.c>\r\n", "500 5.5.2"},
		{"a NUL in a command", "EHLO x\r\n", "MAIL FROM:<a\x00@b.c>\r\n", "500 5.5.2"},
		{"octets that are not UTF-8", "EHLO x\r\n", "MAIL FROM:<a\xff@b.c> SMTPUTF8\r\n", "500 5.5.2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r recorder
			p := dial(t, onSocket(t, r.submit, Options{}))
			p.say(c.setup)
			for range strings.Count(c.setup, "\r\n") {
				p.want("250")
			}
			p.say(c.command)
			p.want(c.want)
			p.say("NOOP\r\n")
			p.want("250")
		})
	}
}

// After each of these, what the client sends next could be anything.
func TestSessionsThatCannotBeUnderstoodAreCutOff(t *testing.T) {
	for _, c := range []struct {
		name, sent, want string
		replies          int // before it
	}{
		{"a web page's form", "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nEHLO x\r\n" + trap, "554 5.5.1", 0},
		{"a command that ends in a bare LF", "EHLO x\n" + trap, "500 5.5.2", 0},
		{"a line without end", "EHLO " + strings.Repeat("x", 40000), "500 5.5.2", 0},
		{"a line of more than 2048 octets", "EHLO " + strings.Repeat("x", 2048) + "\r\n" + trap, "500 5.5.2", 0},
		{"a message after a refused DATA, not waiting", "EHLO x\r\nDATA\r\n" + trap, "421 4.7.0", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r recorder
			p := dial(t, onSocket(t, r.submit, Options{}))
			p.say(c.sent)
			for range c.replies {
				p.want("")
			}
			p.want(c.want)
			p.wantEnd()
			wantBodies(t, &r)
		})
	}
}

func TestAMessageSentAfterARefusedDataIsNotRun(t *testing.T) {
	var r recorder
	c := dial(t, onSocket(t, r.submit, Options{}))
	c.say("EHLO x\r\nDATA\r\n")
	c.want("250", "503")
	c.say("Subject: x\r\n\r\n" + trap)
	c.want("421 4.7.0")
	c.wantEnd()
	wantBodies(t, &r)
}

func TestErrorsAreCounted(t *testing.T) {
	for _, wrong := range []string{"FROB\r\n", "MAIL FROM\r\n", "RCPT TO:<a@b.c>\r\n", "AUTH PLAIN\r\n", "MAIL FROM:<a@b.c> RET=x\r\n", "BDAT 0 LAST\r\n"} {
		c := dial(t, onSocket(t, new(recorder).submit, Options{MaxErrors: 5}))
		c.say("EHLO x\r\n")
		c.want("250")
		for range 5 {
			c.say(wrong)
			c.want("5")
		}
		c.want("421 4.7.0 Too many errors")
		c.wantEnd()
	}
}

func TestRefusedMessagesAreCounted(t *testing.T) {
	c := dial(t, onSocket(t, new(recorder).submit, Options{MaxErrors: 2}))
	c.envelope()
	c.data("x\x00\r\n.\r\n")
	c.want("554")
	c.again()
	c.data("x\x00\r\n.\r\n")
	c.want("554", "421 4.7.0")
}

func TestOneConnectionTooManyIsToldSo(t *testing.T) {
	address := onSocket(t, new(recorder).submit, Options{MaxConnections: 2})
	first, second := dial(t, address), dial(t, address)
	third := connect(t, address)
	third.want("421 4.3.2 Too many connections")
	third.wantEnd()
	first.say("QUIT\r\n")
	first.want("221")
	first.wantEnd()
	second.say("NOOP\r\n")
	second.want("250")
	for {
		c := connect(t, address)
		if greeting := c.want(""); strings.HasPrefix(greeting, "220") {
			return // the place of the first
		}
	}
}
