package smtpd

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// trap is a message whose text is a transaction; it must never be run.
const trap = "MAIL FROM:<evil@example.org>\r\nRCPT TO:<you@example.org>\r\nDATA\r\nsmuggled\r\n.\r\n"

func logTo(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

func wantBodies(t *testing.T, h *house, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, h.bodies()); diff != "" {
		t.Errorf("messages taken (-want +got):\n%s", diff)
	}
	if strings.Contains(h.calls(), "evil@example.org") {
		t.Errorf("what was smuggled has run: %s", h.calls())
	}
}

// Segmentations of what a client says: none may make a difference.
var segmentations = []struct {
	name string
	say  func(c net.Conn, text string)
}{
	{"in one segment", func(c net.Conn, text string) { _, _ = io.WriteString(c, text) }},
	{"octet by octet", func(c net.Conn, text string) { sayInParts(c, text, 1) }},
	{"in threes", func(c net.Conn, text string) { sayInParts(c, text, 3) }},
}

func sayInParts(c net.Conn, text string, size int) {
	for len(text) > 0 {
		n := min(size, len(text))
		if _, err := io.WriteString(c, text[:n]); err != nil {
			return
		}
		text = text[n:]
	}
}

// What one server takes for the end of a message and another does not can
// hide a second message in the first.
func TestSmugglingSequencesAreRefused(t *testing.T) {
	for _, c := range []struct {
		name, body string
		open       bool // the end is certain, so the session goes on
	}{
		{"LF.LF", "a\n.\n" + trap, false},
		{"LF.CRLF", "a\n.\r\n" + trap, false},
		{"CRLF.LF", "a\r\n.\n" + trap, false},
		{"CRLF.CR", "a\r\n.\r" + trap, false},
		{"CR.CR", "a\r.\r" + trap, false},
		{"CR.CRLF", "a\r.\r\n" + trap, false},
		{"CR.LF", "a\r.\n" + trap, false},
		{"LF.CR", "a\n.\r" + trap, false},
		{"LFCR.CRLF", "a\n\r.\r\n" + trap, false},
		{"LF.LF at the start", "\n.\n" + trap, false},
		{".LF at the start", ".\n" + trap, false},
		{".CR at the start", ".\r" + trap, false},
		{"CRCRLF.CRLF, after which go-smtp hangs and swallows what follows", "a\r\r\n.\r\n", true},
		{"a bare LF", "a\nb\r\n.\r\n", true},
		{"a bare CR", "a\rb\r\n.\r\n", true},
		{"a NUL", "a\x00b\r\n.\r\n", true},
		{"a NUL between CR and LF", "a\r\x00\n.\r\n.\r\n", false},
		{"a NUL beside the end", "a\r\n.\x00\r\n.\r\n", true},
		{"a bare LF, then a stuffed dot", "a\n\r\n..\r\n.\r\n", true},
		{"far from the start", strings.Repeat("ordinary line\r\n", 10000) + "a\nb\r\n.\r\n", true},
	} {
		for _, s := range segmentations {
			t.Run(c.name+" "+s.name, func(t *testing.T) {
				if len(c.body) > 10000 && s.name == "octet by octet" {
					return // it takes long
				}
				var h house
				p := dial(t, onSocket(t, &h, Options{}))
				p.envelope()
				p.asks("DATA", "354")
				go s.say(p.Conn, c.body)
				p.want("554 5.6.0 Line ")
				if !c.open {
					p.wantEnd()
					wantBodies(t, &h)
					return
				}
				p.again()
				p.asks("DATA", "354")
				p.say("good\r\n.\r\n")
				p.want("250")
				wantBodies(t, &h, "good\r\n")
			})
		}
	}
}

func TestDotsAreTakenOutWhereverASegmentEnds(t *testing.T) {
	body := "..\r\n...x\r\n\r\n....\r\nx.\r\n.x\r\n" + strings.Repeat("..long", 20000) + "\r\n..\r\n.\r\n"
	want := ".\r\n..x\r\n\r\n...\r\nx.\r\nx\r\n" + strings.Repeat("..long", 20000)[1:] + "\r\n.\r\n"
	for _, size := range []int{1, 2, 3, 7, 4095, 4096, 4097, 65536, len(body)} {
		if size < 3 && testing.Short() {
			continue
		}
		var h house
		p := dial(t, onSocket(t, &h, Options{}))
		p.envelope()
		p.asks("DATA", "354")
		go sayInParts(p.Conn, body, size)
		p.want("250")
		if got := h.bodies(); len(got) != 1 || got[0] != want {
			t.Errorf("in parts of %d: the message is another", size)
		}
	}
}

func TestARefusalNamesTheLineAndTheOctet(t *testing.T) {
	var h house
	p := dial(t, onSocket(t, &h, Options{}))
	p.envelope()
	p.asks("DATA", "354")
	p.say("Subject: x\r\n\r\nthird\nfourth\r\n.\r\n")
	p.want("554 5.6.0 Line 3 of the message has a bare LF; it is not taken")
}

// Coverage: B133.
func TestAMessageOverTheLimitIsRefused(t *testing.T) {
	limit := Features{Size: 1000}
	for _, c := range []struct {
		name, mail, data string
		want             []string
		bodies           int
	}{
		{"by SIZE", "MAIL FROM:<a@b.c> SIZE=1001", "", []string{"552 5.2.3 Message size exceeds fixed maximum message size (1000)"}, 0},
		{"by a SIZE beyond 32 bits", "MAIL FROM:<a@b.c> SIZE=5000000000", "", []string{"552 5.2.3"}, 0},
		{"by a SIZE beyond 64 bits", "MAIL FROM:<a@b.c> SIZE=99999999999999999999", "", []string{"552 5.2.3"}, 0},
		{"by SIZE, just not", "MAIL FROM:<a@b.c> SIZE=1000", "", []string{"250"}, 0},
		{"by count, after the dot", "", strings.Repeat("x", 999) + "\r\n.\r\n", []string{"552 5.2.3 Message exceeds maximum fixed size (1000)", "250 2.0.0 OK"}, 0},
		{"by count, of many megabytes", "", strings.Repeat(strings.Repeat("x", 998)+"\r\n", 30000) + ".\r\n", []string{"552 5.2.3 Message exceeds", "250 2.0.0 OK"}, 0},
		{"by count, just not: dots that were added are not counted", "", ".." + strings.Repeat("x", 997) + "\r\n.\r\n", []string{"250 2.0.0", "250 2.0.0 OK"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := house{features: limit}
			p := dial(t, onSocket(t, &h, Options{}))
			p.want("220")
			if got := p.asks("EHLO x", "250"); !strings.Contains(got, "250-SIZE 1000 |") {
				t.Errorf("SIZE is not offered: %s", got)
			}
			if c.mail != "" {
				p.asks(c.mail, c.want[0])
				return
			}
			p.again()
			p.asks("DATA", "354")
			go func() { _, _ = io.WriteString(p, c.data+"NOOP\r\n") }()
			p.want(c.want...)
			if len(h.bodies()) != c.bodies {
				t.Errorf("%d messages were taken", len(h.bodies()))
			}
		})
	}
}

func TestTheHeaderSectionHasABound(t *testing.T) {
	for _, c := range []struct {
		reason, text, want string
	}{
		{"just the most", "a: b\r\nc: d\r\n\r\n" + strings.Repeat("x", 500), "250"},
		{"one more", "a: b\r\nc: de\r\n\r\n", "552 5.6.0 Headers too large (14 max)"},
		{"that never ends", strings.Repeat("x", 50), "552 5.6.0"},
	} {
		for _, how := range []string{"DATA", "BDAT"} {
			t.Run(c.reason+" "+how, func(t *testing.T) {
				p := dial(t, onSocket(t, new(house), Options{MaxHeaders: 14}))
				p.envelope()
				if how == "DATA" {
					p.asks("DATA", "354")
					p.say(c.text + "\r\n.\r\n")
				} else {
					p.say(fmt.Sprintf("BDAT %d LAST\r\n%s", len(c.text), c.text))
				}
				p.want(c.want)
				p.asks("NOOP", "250")
			})
		}
	}
}

func TestACommandLineHasABound(t *testing.T) {
	for _, c := range []struct {
		name, line, want string
		open             bool
	}{
		{"512 octets", "NOOP " + strings.Repeat("x", 505) + "\r\n", "250", true},
		{"513 octets", "NOOP " + strings.Repeat("x", 506) + "\r\n", "500 5.5.2 Line too long", true},
		{"4096 octets of MAIL", "MAIL FROM:<a@b.c> " + strings.Repeat("x", 4076) + "\r\n", "555 5.5.4", true},
		{"4097 octets of MAIL", "MAIL FROM:<a@b.c> " + strings.Repeat("x", 4077) + "\r\n", "500 5.5.2 Line too long", false},
		{"12288 octets of AUTH", "AUTH PLAIN " + strings.Repeat("=", 12275) + "\r\n", "501 5.5.2", true},
		{"12289 octets of AUTH", "AUTH PLAIN " + strings.Repeat("=", 12276) + "\r\n", "500 5.5.2 Line too long", false},
		{"30 MB, answered once", strings.Repeat("NOOP ", 6<<20) + "\r\nNOOP\r\n", "500 5.5.2 Line too long", false},
		{"30 MB of a verb", strings.Repeat("x", 30<<20), "500 5.5.2 Line too long", false},
		{"a bare LF", "NOOP\nNOOP\r\n", "500 5.5.2 A line ended in a bare LF", false},
		{"a bare CR", "NOOP\rNOOP\r\n", "500 5.5.2 A command holds a control character", true},
		{"a NUL", "NOOP \x00\r\n", "500 5.5.2 A command holds a control character", true},
		{"octets that are no UTF-8", "NOOP \xff\r\n", "500 5.5.2 A command holds", true},
		{"an empty line", "\r\n", "500 5.5.1", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := dial(t, onSocket(t, &house{features: allFeatures}, Options{}))
			p.want("220")
			p.asks("EHLO x", "250")
			go func() { _, _ = io.WriteString(p, c.line) }()
			p.want(c.want)
			if c.open {
				p.asks("NOOP", "250")
			} else {
				p.wantEnd()
			}
		})
	}
}

func TestAClientThatHangsUpWithinAMessageHasSentNone(t *testing.T) {
	for _, c := range []struct{ name, sent string }{
		{"in DATA", "DATA\r\nSubject: x\r\n\r\nhalf"},
		{"in DATA, at a lone dot without its end", "DATA\r\nSubject: x\r\n\r\nhalf\r\n."},
		{"in DATA, before the last LF", "DATA\r\nhalf\r\n.\r"},
		{"in the last chunk: go-smtp takes the end of input for the end of the chunk", "BDAT 100 LAST\r\nSubject: x\r\n\r\nhalf"},
		{"between chunks", "BDAT 4\r\nx: y"},
		{"before the chunk", "BDAT 4 LAST\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var h house
			p := dial(t, onSocket(t, &h, Options{}))
			p.envelope()
			p.say(c.sent)
			if err := p.Conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			rest, _ := io.ReadAll(p.r)
			if strings.Contains(string(rest), "250 2.0.0 Message accepted") {
				t.Errorf("replies %q", rest)
			}
			wantBodies(t, &h)
		})
	}
}

func TestAMessageThatFollowsARefusedDATADoesNotRun(t *testing.T) {
	for _, c := range []struct{ name, said, want string }{
		{"in the same segment", "DATA\r\n" + trap, "421 4.7.0 DATA was refused"},
		{"whose first line is a field", "DATA\r\nSubject: x\r\n" + trap, "421 4.7.0 DATA was refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var h house
			p := dial(t, onSocket(t, &h, Options{}))
			p.want("220")
			p.asks("EHLO x", "250")
			p.say(c.said)
			p.want("503 5.0.0 Need MAIL command", c.want)
			p.wantEnd()
			wantBodies(t, &h)
		})
	}
	t.Run("in another segment", func(t *testing.T) {
		p := dial(t, onSocket(t, new(house), Options{}))
		p.want("220")
		p.asks("DATA", "503")
		p.asks("a line of text", "421 4.7.0 DATA was refused")
		p.wantEnd()
	})
	t.Run("a client that has waited goes on", func(t *testing.T) {
		p := dial(t, onSocket(t, new(house), Options{}))
		p.want("220")
		p.asks("DATA", "503")
		p.asks("RSET", "250")
		p.again()
	})
}

func TestWhatDataLeavesUnreadIsNotRun(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"it refuses", refusal(554, 5, 7, 1, "virus"), "554 5.7.1 virus"},
		{"it discards", nil, "250 2.0.0 Message accepted"},
	} {
		for _, sent := range []string{
			"DATA\r\nx\r\n" + strings.ReplaceAll(trap, "\r\n.", "\r\n..") + ".\r\n",
			fmt.Sprintf("BDAT %d LAST\r\n%s", len(trap), trap),
		} {
			t.Run(c.name+" "+sent[:4], func(t *testing.T) {
				h := house{data: func(*guest, io.Reader) error { return c.err }}
				p := dial(t, onSocket(t, &h, Options{}))
				p.envelope()
				p.say(sent + "NOOP\r\n")
				if sent[:4] == "DATA" {
					p.want("354")
				}
				p.want(c.want, "250 2.0.0 OK")
				wantBodies(t, &h)
			})
		}
	}
	t.Run("a session that says yes to what was spoiled is not believed", func(t *testing.T) {
		h := house{data: func(_ *guest, r io.Reader) error { _, _ = io.ReadAll(r); return nil }}
		p := dial(t, onSocket(t, &h, Options{}))
		p.envelope()
		p.asks("DATA", "354")
		p.say("a\nb\r\n.\r\n")
		p.want("554 5.6.0")
	})
}
