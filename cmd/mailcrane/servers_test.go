package main

import (
	"net/textproto"
	"strings"
	"testing"

	"mailcrane/internal/lab"
)

// What the servers themselves make of octets that SMTP does not allow, seen by
// sending them past the program: so that a difference found elsewhere is known
// to be ours or theirs.
func TestWhatTheServersDoToUnfitOctets(t *testing.T) {
	type want struct{ postfix, exim string }
	for _, c := range []struct {
		name, why, line string
		want            want
	}{
		{"nul", "Postfix and Exim keep it", "a\x00b", want{"a\x00b\n", "a\x00b\n"}},
		{"cr", "Postfix makes a blank of it, Exim a line end", "a\rb", want{"a b\n", "a\nb\n"}},
		{"cr-crlf", "Postfix drops CR before CRLF, Exim makes a line end of it", "a\r", want{"a\n", "a\n\n"}},
		{"long", "both keep a line of any length", strings.Repeat("x", 10_000), want{strings.Repeat("x", 10_000) + "\n", strings.Repeat("x", 10_000) + "\n"}},
		{"eight-bit", "and octets over 127", "\xff\x80", want{"\xff\x80\n", "\xff\x80\n"}},
		{"trailing", "and blanks at the end", "x \t ", want{"x \t \n", "x \t \n"}},
	} {
		for name, start := range map[string]func(testing.TB) lab.Smarthost{"Postfix": lab.Postfix, "Exim": lab.Exim} {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				host := start(t)
				box := host.Mailbox(t)
				to := box.Address("raw")
				sendRaw(t, host.Plain, to, head+"\n"+c.line+"\n")
				expect := map[string]string{"Postfix": c.want.postfix, "Exim": c.want.exim}[name]
				if got := string(box.Wait(to).Body()); got != expect {
					t.Errorf("%s: arrived %.60q (%d octets), want %.60q", c.why, got, len(got), expect)
				}
			})
		}
	}
}

// sendRaw sends text by DATA, each LF as CRLF and nothing else changed.
func sendRaw(t *testing.T, address, to, text string) {
	t.Helper()
	c, err := textproto.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, step := range []struct {
		line string
		code int
	}{
		{"", 220},
		{"EHLO test\r\n", 250},
		{"MAIL FROM:<me@example.test>\r\n", 250},
		{"RCPT TO:<" + to + ">\r\n", 250},
		{"DATA\r\n", 354},
		{strings.ReplaceAll(text, "\n", "\r\n") + ".\r\n", 250},
		{"QUIT\r\n", 221},
	} {
		if _, err := c.W.WriteString(step.line); err != nil {
			t.Fatal(err)
		}
		if err := c.W.Flush(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.ReadResponse(step.code); err != nil {
			t.Fatalf("%.20q: %v", step.line, err)
		}
	}
}
