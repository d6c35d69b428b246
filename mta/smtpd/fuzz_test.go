package smtpd

import (
	"bytes"
	"net"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"mailcrane/internal/config"
)

// A script is a client that has said all that it will.
type script struct {
	in  *bytes.Reader
	few int // octets that come at once; 0 is all
	out bytes.Buffer
}

func (s *script) Read(p []byte) (int, error) {
	if s.few > 0 {
		p = p[:min(len(p), s.few)]
	}
	return s.in.Read(p)
}
func (s *script) Write(p []byte) (int, error) { return s.out.Write(p) }
func (*script) Close() error                  { return nil }
func (*script) LocalAddr() net.Addr           { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 25} }

func (*script) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 999} }
func (*script) SetDeadline(time.Time) error      { return nil }
func (*script) SetReadDeadline(time.Time) error  { return nil }
func (*script) SetWriteDeadline(time.Time) error { return nil }

// outcome is what a client heard, and what was taken from it.
type outcome struct {
	said  string
	taken []taken
	log   string
}

func (o outcome) bodies() []string {
	var all []string
	for _, m := range o.taken {
		all = append(all, m.body)
	}
	return all
}

func play(t *testing.T, in string, few int) (o outcome) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		f := allFeatures
		f.StartTLS, f.Size = false, 4096
		h := &house{features: f}
		c := &script{in: bytes.NewReader([]byte(in)), few: few}
		New(h, Options{MaxHeaders: 2048, Log: logTo(&log)}).ServeConn(t.Context(), c, &config.Listener{})
		o = outcome{c.out.String(), h.taken, log.String()}
	})
	return o
}

var (
	aReply     = regexp.MustCompile(`^(?:[2345]\d\d[ -].*|[2345]\d\d|334 .*)$`)
	acceptance = regexp.MustCompile(`(?m)^250 2\.0\.0 Message accepted for delivery\r$`)
)

// judge lets a client say in, at once and octet by octet: that makes no
// difference, each reply is well formed, and a message is taken if and only if
// that was said, and is one of which every other server sees the same end.
func judge(t *testing.T, in string) outcome {
	t.Helper()
	o := play(t, in, 0)
	if few := play(t, in, 1); few.said != o.said && !strings.Contains(few.said+o.said, "DATA was refused") {
		t.Errorf("octet by octet the replies are\n%s\nat once\n%s", few.said, o.said)
	}
	if strings.Contains(o.log, "level=ERROR") {
		t.Errorf("logged: %s", o.log)
	}
	for line := range strings.SplitAfterSeq(o.said, "\r\n") {
		text, whole := strings.CutSuffix(line, "\r\n")
		if line == "" {
			continue
		}
		if !whole || !aReply.MatchString(text) || len(line) > 512 && !strings.HasPrefix(line, "334") || !utf8.ValidString(text) || strings.ContainsAny(text, "\r\n\x00") {
			t.Errorf("a reply is %q", line)
		}
	}
	if said := len(acceptance.FindAllString(o.said, -1)); said != len(o.taken) {
		t.Errorf("%d messages were taken and %d answered so:\n%s", len(o.taken), said, o.said)
	}
	for _, m := range o.taken {
		if m.mail.Body != "BINARYMIME" && strings.ContainsAny(strings.ReplaceAll(m.body, "\r\n", ""), "\r\n\x00") {
			t.Errorf("a message with a bare CR, bare LF or NUL was taken: %q", m.body)
		}
		if len(m.to) == 0 || len(m.body) > 4096 {
			t.Errorf("taken: %d octets for %q", len(m.body), m.to)
		}
	}
	return o
}

// dottedBody is what DATA holds, read line by line; it is not clean where a
// line holds what none may, and not whole where no line of one dot comes.
func dottedBody(in string) (body string, clean, whole bool) {
	clean = true
	for {
		line, rest, ended := strings.Cut(in, "\r\n")
		switch {
		case !ended:
			return body, clean, false
		case line == ".":
			return body, clean, true
		case strings.ContainsAny(line, "\r\n\x00"):
			clean = false
		}
		body += strings.TrimPrefix(line, ".") + "\r\n"
		in = rest
	}
}

const (
	toHello = "EHLO x\r\n"
	toMail  = toHello + "MAIL FROM:<a@b.c>"
	toRcpt  = toMail + "\r\nRCPT TO:<d@e.f>"
	toBody  = toRcpt + "\r\n"
)

func FuzzGreeting(f *testing.F) {
	for _, s := range []string{"GET / HTTP/1.1\r\n", "QUIT\r\n", "\r\n\r\n", "NOOP\n", "NOOP\rQUIT\r\n", "Host: x\r\n", toBody + "DATA\r\n.\r\n", "\x16\x03\x01\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) { judge(t, in) })
}

func FuzzEHLO(f *testing.F) {
	for _, s := range []string{"x\r\nHELP\r\n", "\r\nHELO x\r\nVRFY x\r\nEXPN y\r\nETRN #z\r\nVERB\r\n", "[IPv6:::1]\r\nXCLIENT ADDR=192.0.2.1 NAME=[TEMPUNAVAIL]\r\nNOOP\r\n", strings.Repeat("x", 600) + "\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) { judge(t, "EHLO "+in) })
}

func FuzzMail(f *testing.F) {
	for _, s := range []string{"<a@b.c> SIZE=5 BODY=8BITMIME\r\n", "<>\r\nRCPT TO:<Postmaster>\r\nDATA\r\n.\r\n", "<\"a b\"@c> RET=HDRS ENVID=a+2B AUTH=<>\r\n", "<\xc3\xa5@b> SMTPUTF8 HOLDFOR=9 MT-PRIORITY=-9\r\n", "<@x:y@z> HOLDUNTIL=2026-11-23T08:00:00Z\r\nRSET\r\n", "x\x00\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) { judge(t, toHello+"MAIL FROM:"+in) })
}

func FuzzRcpt(f *testing.F) {
	for _, s := range []string{"<d@e.f> NOTIFY=NEVER ORCPT=rfc822;a+20b\r\nDATA\r\n.\r\n", "root\r\n", "<>\r\n", "<a@[1.2.3.4]> ORCPT=utf-8;\xc3\xa5@b\r\n", strings.Repeat("<a@b>\r\nRCPT TO:", 120)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) { judge(t, toMail+"\r\nRCPT TO:"+in) })
}

func FuzzData(f *testing.F) {
	for _, s := range []string{"a: b\r\n\r\n..\r\n.\r\nQUIT\r\n", "a\n.\n" + trap, "a\r\r\n.\r\nNOOP\r\n", ".\r\n", "\x00\r\n.\r\n", "a\r\n.\r" + trap, "\r\n" + strings.Repeat("x", 5000) + "\r\n.\r\n", strings.Repeat("a: b\r\n", 500) + "\r\n.\r\n", "\r\n..\r\n.x\r\n.\r\n" + trap} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		o := judge(t, toBody+"DATA\r\n"+in)
		body, clean, whole := dottedBody(in)
		end, _, _ := strings.Cut(body+"\r\n", "\r\n\r\n")
		switch {
		case !whole && len(o.taken) > 0:
			t.Errorf("taken from a message that did not end: %q", o.bodies())
		case whole && clean && len(body) <= 4096 && len(end)+4 <= 2048 && (len(o.taken) == 0 || o.taken[0].body != body):
			t.Errorf("taken: %q, want %q", o.bodies(), body)
		case whole && !clean && strings.Count(o.said, "554 5.6.0 Line") == 0 && !strings.Contains(o.said, "552 5."):
			t.Errorf("no word of what is wrong with %q:\n%s", in, o.said)
		}
	})
}

func FuzzBdat(f *testing.F) {
	for _, s := range []string{"3\r\na\r\nBDAT 0\r\nBDAT 2 LAST\r\nb\r", "2\r\na\rBDAT 1 LAST\r\n\n", "2 BAD\r\nxxBDAT 9999 LAST\r\nx", "1\r\nxRSET\r\n" + toBody + "BDAT 1 LAST\r\ny", "0 LAST\r\n", "9223372036854775807 LAST\r\n", "1\r\nxDATA\r\nEHLO y\r\n", "5000 LAST\r\n" + strings.Repeat("x", 5000) + "NOOP\r\n"} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, in string, binary bool) {
		body := ""
		if binary {
			body = " BODY=BINARYMIME"
		}
		o := judge(t, toMail+body+"\r\nRCPT TO:<d@e.f>\r\nBDAT "+in)
		var size int
		for _, c := range in {
			if c < '0' || c > '9' || size > 4096 {
				break
			}
			size = size*10 + int(c-'0')
		}
		// A chunk is a counted piece of what came, and nothing in it has run.
		_, rest, ok := strings.Cut(in, " LAST\r\n")
		if ok && binary && strings.Trim(in[:len(in)-len(rest)-len(" LAST\r\n")], "0123456789") == "" && in[0] != ' ' && size <= 2048 && size <= len(rest) {
			if len(o.taken) == 0 || o.taken[0].body != rest[:size] {
				t.Errorf("taken: %q, want %q", o.bodies(), rest[:size])
			}
		}
	})
}

func FuzzAuth(f *testing.F) {
	for _, s := range []string{"PLAIN AGZyZWQAc2VjcmV0\r\nNOOP\r\n", "LOGIN\r\n\r\nc2VjcmV0\r\n", "PLAIN =\r\n", "PLAIN\r\n*\r\n", "LOGIN ?\r\n", strings.Repeat("x", 13000), "PLAIN\r\nAGZy\nZWQ\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) { judge(t, toHello+"AUTH "+in) })
}
