package smtpd

import (
	"fmt"
	"strings"
	"testing"
)

// go-smtp leaves the chunk of a BDAT that it refuses, and runs it as commands.
func TestAChunkIsNeverRunAsCommands(t *testing.T) {
	size := fmt.Sprint(len(trap))
	for _, c := range []struct {
		name, setup, bdat, after, want string
		open                           bool
	}{
		{"an unknown second word", "", "BDAT " + size + " BADARG", "", "501 5.5.4", true},
		{"three words", "", "BDAT " + size + " LAST x", "", "501 5.5.4", true},
		{"no transaction", "RSET\r\n", "BDAT " + size + " LAST", "", "503 5.0.0 Need MAIL command", true},
		{"no size", "", "BDAT", "", "501 5.5.4", false},
		{"a size that is no number", "", "BDAT x LAST", "", "501 5.5.4", false},
		{"a negative size", "", "BDAT -1 LAST", "", "501 5.5.4", false},
		{"a size beyond 64 bits", "", "BDAT 99999999999999999999 LAST", "", "501 5.5.4", false},
		{"a huge chunk is not read for ever", "", "BDAT 9223372036854775807 LAST", "", "552 5.2.3", false},
		{"a chunk beyond the limit that can be read away", "", "BDAT " + fmt.Sprint(len(trap)+2000000) + " LAST", strings.Repeat("x", 2000000), "552 5.2.3", true},
		{"a line that the message may not have", "", "BDAT " + fmt.Sprint(len(trap)+2) + " LAST\r\na\n", "", "554 5.6.0", true},
		{"a bare CR at the end", "", "BDAT " + fmt.Sprint(len(trap)+1) + " LAST", "\r", "554 5.6.0", true},
		{"the session refuses the body", "RCPT TO:<nobody@e.f>\r\n", "BDAT " + size + " LAST", "", "554 5.7.1", true},
	} {
		for _, s := range segmentations {
			t.Run(c.name+" "+s.name, func(t *testing.T) {
				if len(c.after) > 1000 && s.name != "in one segment" {
					return
				}
				h := house{features: Features{Size: 1 << 20}}
				if strings.Contains(c.name, "session") {
					h.verdict = map[string]error{"body": refusal(554, 5, 7, 1, "no")}
				}
				p := dial(t, onSocket(t, &h, Options{}))
				p.envelope()
				if c.setup != "" {
					p.say(c.setup)
					p.want("250")
				}
				bdat := c.bdat
				if !strings.Contains(bdat, "\r\n") {
					bdat += "\r\n"
				}
				go s.say(p.Conn, bdat+trap+c.after)
				p.want(c.want)
				if !c.open {
					p.wantEnd()
				} else {
					h.verdict = nil
					p.asks("RCPT TO:<d@e.f>", "503 5.0.0 Need MAIL before RCPT")
					p.again()
					p.say("BDAT 4 LAST\r\nx: y")
					p.want("250")
				}
				if c.open {
					wantBodies(t, &h, "x: y")
				} else {
					wantBodies(t, &h)
				}
			})
		}
	}
}

func TestAMessageInChunksIsTakenAsItWasSent(t *testing.T) {
	body := "Subject: x\r\n\r\n.\r\n" + strings.Repeat("y", 5000) + "\r\nno end"
	for _, s := range segmentations {
		t.Run(s.name, func(t *testing.T) {
			var h house
			p := dial(t, onSocket(t, &h, Options{}))
			p.envelope()
			go s.say(p.Conn, fmt.Sprintf("BDAT %d\r\n%sBDAT 0\r\nNOOP\r\nBDAT %d\r\n%sRCPT TO:<x@y.z>\r\nBDAT 0 LAST\r\nNOOP\r\n", len(body), body, len(body), body))
			p.want("250", "250", "250 2.0.0 OK", "250", "503 5.5.1 A message is being sent in chunks", "250 2.0.0 Message accepted", "250 2.0.0 OK")
			wantBodies(t, &h, body+body)
		})
	}
}

func TestABareCRIsFoundAcrossChunks(t *testing.T) {
	for _, c := range []struct {
		name, sent string
		want       []string
		bodies     []string
	}{
		{"no LF follows", "BDAT 2\r\na\rBDAT 2 LAST\r\nb\n", []string{"250", "554 5.6.0 Line 1"}, nil},
		{"nothing follows", "BDAT 2\r\na\rBDAT 0 LAST\r\n", []string{"250", "554 5.6.0 Line 1"}, nil},
		{"an LF follows in the next", "BDAT 2\r\na\rBDAT 1 LAST\r\n\n", []string{"250", "250 2.0.0"}, []string{"a\r\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var h house
			p := dial(t, onSocket(t, &h, Options{}))
			p.envelope()
			p.say(c.sent)
			p.want(c.want...)
			wantBodies(t, &h, c.bodies...)
		})
	}
}

func TestATransactionBrokenOffBetweenChunksIsForgotten(t *testing.T) {
	for _, c := range []struct{ with, want, then string }{
		{"RSET\r\n", "250 2.0.0 Reset state", "503 5.0.0 Need MAIL"},
		{"EHLO again\r\n", "250-localhost Hello", "503 5.0.0 Need MAIL"},
		{"BDAT 1 LAST x\r\ny", "501 5.5.4", "503 5.0.0 Need MAIL"},
		{"QUIT\r\n", "221", ""},
		{"NO\nOP\r\n", "500 5.5.2", ""},
		{"Subject: x\r\n", "421 4.7.0", ""},
	} {
		t.Run(c.with, func(t *testing.T) {
			var h house
			p := dial(t, onSocket(t, &h, Options{}))
			p.envelope()
			p.say("BDAT 3\r\nx: " + c.with)
			p.want("250", c.want)
			if c.then == "" {
				p.wantEnd()
			} else {
				p.say("BDAT 0 LAST\r\n")
				p.want(c.then)
				p.again()
			}
			wantBodies(t, &h)
		})
	}
}

func TestDATAMixedWithChunksIsRefused(t *testing.T) {
	var h house
	p := dial(t, onSocket(t, &h, Options{}))
	p.envelope()
	p.say("BDAT 3\r\nx: DATA\r\nMAIL FROM:<x@y.z>\r\nBDAT 1 LAST\r\ny")
	p.want("250", "503 5.5.1", "503 5.5.0 Sender already specified", "250 2.0.0")
	wantBodies(t, &h, "x: y")
}
