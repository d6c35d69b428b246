package smtpd

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/emersion/go-smtp"
)

func TestTheReplyToEHLOIsInSendmailsOrder(t *testing.T) {
	now := func() time.Time { return time.Unix(1795324200, 0) }
	for _, c := range []struct {
		reason   string
		features Features
		want     string
	}{
		{"all of it", allFeatures, "ENHANCEDSTATUSCODES PIPELINING EXPN VERB 8BITMIME SIZE_1048576 DSN ETRN AUTH_PLAIN_LOGIN STARTTLS SMTPUTF8 CHUNKING BINARYMIME LIMITS_RCPTMAX=100 FUTURERELEASE_86400_2026-11-23T05:10:00Z MT-PRIORITY XCLIENT_NAME_ADDR_PORT_PROTO_HELO_LOGIN_DESTADDR_DESTPORT HELP"},
		{"nothing that can be left out", Features{}, "ENHANCEDSTATUSCODES 8BITMIME SIZE SMTPUTF8 CHUNKING BINARYMIME HELP"},
	} {
		p := dial(t, onSocket(t, &house{features: c.features}, Options{Now: now}))
		p.want("220 here ESMTP mailcrane")
		lines := strings.Split(p.asks("EHLO me", "250-localhost Hello me [127.0.0.1], pleased to meet you"), " | ")
		var got []string
		for _, line := range lines[1:] {
			got = append(got, strings.ReplaceAll(line[4:], " ", "_"))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.reason, strings.Join(got, " "), c.want)
		}
	}
}

func TestEachCommandHasItsReply(t *testing.T) {
	refused := errors.New("a fault")
	for _, c := range []struct {
		reason   string
		features Features
		verdict  map[string]error
		dialogue string // "C: line" and "S: how the reply begins"
	}{
		{"order", Features{}, nil, `
			C: RCPT TO:<a@b.c>
			S: 503 5.0.0 Need MAIL before RCPT
			C: MAIL FROM:<a@b.c>
			S: 250 2.1.0 <a@b.c>... Sender ok
			C: MAIL FROM:<a@b.c>
			S: 503 5.5.0 Sender already specified
			C: DATA
			S: 503 5.0.0 Need RCPT (recipient)
			C: RSET
			S: 250 2.0.0 Reset state
			C: RCPT TO:<a@b.c>
			S: 503 5.0.0 Need MAIL before RCPT`},
		{"addresses reach the session as they are", Features{}, nil, `
			C: MAIL FROM:<"a b"@d>
			S: 250 2.1.0 <"a b"@d>... Sender ok
			C: RCPT TO:<Postmaster>
			S: 250 2.1.5 <Postmaster>... Recipient ok
			C: RCPT TO:<root>
			S: 250 2.1.5 <root>... Recipient ok
			C: RCPT TO:<@route.example:x@y.z>
			S: 250 2.1.5 <x@y.z>... Recipient ok
			C: rcpt to: <x@[192.0.2.1]>
			S: 250
			C: RCPT TO:<>
			S: 553 5.0.0
			C: RCPT TO:<a b@c>
			S: 553 5.1.3 Bad address`},
		{"UTF-8 in addresses needs SMTPUTF8", Features{}, nil, `
			C: MAIL FROM:<å@b.c>
			S: 553 5.6.7
			C: MAIL FROM:<å@b.c> SMTPUTF8
			S: 250 2.1.0 <å@b.c>... Sender ok
			C: RCPT TO:<ø@b.c>
			S: 250 2.1.5 <ø@b.c>
			C: RSET
			S: 250
			C: MAIL FROM:<a@b.c> SMTPUTF8=x
			S: 501 5.5.4
			C: MAIL FROM:<a@b.c>
			S: 250
			C: RCPT TO:<ø@b.c>
			S: 553 5.6.7`},
		{"parameters", allFeatures, nil, `
			C: MAIL FROM:<a@b.c> FROB=1
			S: 555 5.5.4 FROB parameter unrecognized
			C: MAIL FROM:<a@b.c> SIZE=1 SIZE=2
			S: 501 5.5.0 Duplicate SIZE parameter
			C: MAIL FROM:<a@b.c> SIZE
			S: 501 5.5.2 SIZE requires a value
			C: MAIL FROM:<a@b.c> SIZE=-1
			S: 501 5.5.4 Bad argument "-1" to SIZE
			C: MAIL FROM:<a@b.c> BODY=9BIT
			S: 501 5.5.4 Unknown BODY type 9BIT
			C: MAIL FROM:<a@b.c> RET=SOME
			S: 501 5.5.4 Bad argument "SOME" to RET
			C: MAIL FROM:<a@b.c> ENVID=a+zz
			S: 501 5.5.4 Syntax error in ENVID parameter value
			C: MAIL FROM:<a@b.c> ENVID=a+0D
			S: 501 5.5.4 Syntax error in ENVID parameter value
			C: MAIL FROM:<a@b.c> HOLDFOR=1 HOLDUNTIL=2026-11-23T05:10:00Z
			S: 501 5.5.4 HOLDFOR or HOLDUNTIL, not both
			C: MAIL FROM:<a@b.c> HOLDFOR=999999
			S: 501 5.5.4 HOLDFOR= and HOLDUNTIL= may be at most 24h0m0s ahead
			C: MAIL FROM:<a@b.c> MT-PRIORITY=10
			S: 501 5.5.4 Bad argument "10" to MT-PRIORITY
			C: MAIL FROM:<a@b.c> AUTH=+
			S: 501 5.5.4 Bad argument
			C: MAIL FROM:<a@b.c> SIZE=9 BODY=8bitmime RET=hdrs ENVID=a+2Bb HOLDFOR=60 MT-PRIORITY=-3 AUTH=<>
			S: 250
			C: RCPT TO:<a@b.c> NOTIFY=NEVER,SUCCESS
			S: 501 5.5.4 Bad argument
			C: RCPT TO:<a@b.c> ORCPT=a@b
			S: 501 5.5.4 Bad argument
			C: RCPT TO:<a@b.c> SIZE=1
			S: 555 5.5.4 SIZE parameter unrecognized
			C: RCPT TO:<a@b.c> NOTIFY=success,failure ORCPT=rfc822;x+2By@z
			S: 250`},
		{"parameters of what is not offered", Features{}, nil, `
			C: MAIL FROM:<a@b.c> RET=FULL
			S: 504 5.7.0 Sorry, RET not supported, we do not allow DSN
			C: MAIL FROM:<a@b.c> AUTH=<>
			S: 555 5.5.4
			C: MAIL FROM:<a@b.c> HOLDFOR=1
			S: 555 5.5.4
			C: MAIL FROM:<a@b.c> MT-PRIORITY=1
			S: 555 5.5.4
			C: MAIL FROM:<a@b.c> SIZE=9223372036854775807
			S: 250
			C: RCPT TO:<a@b.c> NOTIFY=NEVER
			S: 504 5.7.0 Sorry, NOTIFY not supported, we do not allow DSN
			C: AUTH PLAIN
			S: 503 5.3.3 AUTH not available
			C: STARTTLS
			S: 503 5.5.0 TLS not available
			C: XCLIENT ADDR=192.0.2.1
			S: 550 5.7.0
			C: EXPN x
			S: 502 5.7.0 Sorry, we do not allow this operation
			C: ETRN x
			S: 502 5.7.0 Sorry, we do not allow this operation
			C: VERB
			S: 502 5.7.0 Verbose unavailable`},
		{"what is asked beside transactions", allFeatures, map[string]error{"expand": refusal(250, 2, 1, 5, "<a@b.c>\n<d@e.f>"), "etrn no": refusal(458, 4, 5, 4, "Unable")}, `
			C: HELP
			S: 214-2.0.0 This is mailcrane
			C: VRFY
			S: 501 5.5.2 Argument required
			C: VRFY x
			S: 252 2.5.2 Cannot VRFY user
			C: EXPN list
			S: 250-2.1.5 <a@b.c> | 250 2.1.5 <d@e.f>
			C: ETRN
			S: 500 5.5.2 Parameter required
			C: ETRN @node
			S: 250 2.0.0 Queuing for node @node started
			C: ETRN no
			S: 458 4.5.4 Unable
			C: VERB
			S: 250 2.0.0 Verbose mode
			C: FROBNICATE x
			S: 500 5.5.1 Command unrecognized: "FROBNICATE"`},
		{"a log-in is needed", Features{NeedAuth: true, Auth: true}, nil, `
			C: MAIL FROM:<a@b.c>
			S: 530 5.7.0 Authentication required`},
		{"a session that fails says nothing of why", Features{}, map[string]error{"mail": refused}, `
			C: MAIL FROM:<a@b.c>
			S: 451 4.3.0 Temporary system failure`},
		{"a reply of many lines, each fit to be seen", Features{}, map[string]error{"mail": refusal(550, 5, 7, 1, "no\x07\r\nfor "+strings.Repeat("ü", 1000)+"\nlast")}, `
			C: MAIL FROM:<a@b.c>
			S: 550-5.7.1 no? | 550-5.7.1 for ????`},
		{"a message in binary needs chunks", Features{}, nil, `
			C: MAIL FROM:<a@b.c> BODY=BINARYMIME
			S: 250
			C: RCPT TO:<a@b.c>
			S: 250
			C: DATA
			S: 503 5.5.1 BODY=BINARYMIME needs BDAT`},
		{"recipients have a bound", Features{MaxRecipients: 1}, nil, `
			C: MAIL FROM:<a@b.c>
			S: 250
			C: RCPT TO:<a@b.c>
			S: 250
			C: RCPT TO:<d@e.f>
			S: 452 4.5.3 Too many recipients
			C: DATA
			S: 354`},
	} {
		t.Run(c.reason, func(t *testing.T) {
			p := dial(t, onSocket(t, &house{features: c.features, verdict: c.verdict}, Options{}))
			p.want("220")
			p.asks("EHLO x", "250")
			for line := range strings.SplitSeq(c.dialogue, "\n") {
				line = strings.TrimSpace(line)
				if said, ok := strings.CutPrefix(line, "C: "); ok {
					p.say(said + "\r\n")
				} else if want, ok := strings.CutPrefix(line, "S: "); ok {
					p.want(want)
				}
			}
		})
	}
}

func TestTheSessionGetsWhatTheEnvelopeSays(t *testing.T) {
	h := house{features: allFeatures}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	p := dial(t, onSocket(t, &h, Options{Now: func() time.Time { return now }}))
	p.want("220")
	p.asks("EHLO x", "250")
	p.asks("MAIL FROM:<a@b.c> SIZE=9 BODY=BINARYMIME RET=HDRS ENVID=a+2Bb HOLDFOR=60 MT-PRIORITY=-3 AUTH=u+3Dv SMTPUTF8", "250")
	p.asks("RCPT TO:<d@e.f> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+2By@z", "250")
	p.say("BDAT 9 LAST\r\n\x00\rbare\n\xff.")
	p.want("250 2.0.0")
	user := "u=v"
	want := []taken{{
		from: "a@b.c", to: []string{"d@e.f"}, body: "\x00\rbare\n\xff.",
		mail: smtp.MailOptions{Body: smtp.BodyBinaryMIME, Size: 9, UTF8: true, Return: smtp.DSNReturnHeaders, EnvelopeID: "a+b", Auth: &user},
		rcpt: []smtp.RcptOptions{{Notify: []smtp.DSNNotify{"SUCCESS", "DELAY"}, OriginalRecipientType: "RFC822", OriginalRecipient: "x+y@z"}},
		with: Extras{Until: now.Add(time.Minute), Priority: -3, Prioritized: true, Size: 9, EnvelopeID: "a+2Bb"},
	}}
	if diff := cmp.Diff(want, h.taken, cmp.AllowUnexported(taken{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestABatchIsAnsweredInOneSegment(t *testing.T) {
	p := dial(t, onSocket(t, &house{features: allFeatures}, Options{}))
	p.want("220")
	p.asks("EHLO x", "250")
	p.say("MAIL FROM:<a@b.c>\r\nRCPT TO:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n")
	_ = p.SetReadDeadline(time.Now().Add(10 * time.Second))
	segment := make([]byte, 4096)
	n, err := p.Read(segment)
	if got := strings.Count(string(segment[:n]), "\r\n"); got != 4 || err != nil {
		t.Errorf("the first segment has %d replies: %q, %v", got, segment[:n], err)
	}
}

func TestWhoIsNoMailClientIsSentAway(t *testing.T) {
	for _, c := range []struct {
		reason, before, line, want string
		features                   Features
	}{
		{"a proxy is looked for", "", "CONNECT mx.example:25 HTTP/1.0", "421 4.7.0 localhost Rejecting open proxy [127.0.0.1]", Features{}},
		{"a browser", "", "POST / HTTP/1.1", "421 4.7.0 localhost Rejecting open proxy", Features{}},
		{"GET", "", "get / HTTP/1.1", "421 4.7.0", Features{}},
		{"USER", "", "USER x", "421 4.7.0", Features{}},
		{"later it is just no command", "NOOP", "GET / HTTP/1.1", "500 5.5.1", Features{}},
		{"unless that is forbidden at any time", "NOOP", "GET / HTTP/1.1", "421 4.7.0", Features{DropHTTP: true}},
		{"a field of a message", "NOOP", "Subject: x", "421 4.7.0 That is a line of a message", Features{}},
		{"a field without a body", "NOOP", "Host:", "421 4.7.0 That is a line of a message", Features{}},
		{"a colon further on is no field", "NOOP", "a b: c", "500 5.5.1", Features{}},
	} {
		p := dial(t, onSocket(t, &house{features: c.features}, Options{}))
		p.want("220")
		if c.before != "" {
			p.asks(c.before, "250")
		}
		p.say(c.line + "\r\n" + trap)
		if got := p.reply(); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.reason, got, c.want)
		}
	}
}

func TestAClientThatMayNotComeInIsToldInEachReply(t *testing.T) {
	for _, c := range []struct {
		err              *smtp.SMTPError
		greeting, answer string
	}{
		{refusal(550, 5, 7, 1, "Access denied"), "554 5.7.1 Access denied", "550 5.7.1 Access denied"},
		{refusal(451, 4, 1, 8, "Try later"), "451 4.1.8 Try later", "451 4.1.8 Try later"},
		{refusal(421, 4, 3, 2, "Too many open connections."), "421 4.3.2 Too many open connections.", ""},
	} {
		h := &house{open: func(*Conn) error { return c.err }}
		p := dial(t, onSocket(t, h, Options{}))
		p.want(c.greeting)
		if c.answer != "" {
			p.asks("EHLO x", c.answer)
			p.asks("MAIL FROM:<a@b.c>", c.answer)
			p.asks("QUIT", "221")
		}
		p.wantEnd()
	}
}

func TestLoggingIn(t *testing.T) {
	plain := base64.StdEncoding.EncodeToString([]byte("\x00fred\x00secret"))
	wrong := base64.StdEncoding.EncodeToString([]byte("\x00fred\x00guess"))
	secret := base64.StdEncoding.EncodeToString([]byte("secret"))
	for _, c := range []struct {
		reason string
		said   []string
		want   []string
	}{
		{"with an initial response", []string{"AUTH PLAIN " + plain}, []string{"235 2.0.0"}},
		{"without", []string{"AUTH PLAIN", plain}, []string{"334 ", "235 2.0.0"}},
		{"in two steps, one empty", []string{"auth login", "=", secret}, []string{"334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235"}},
		{"an empty line is an empty answer", []string{"AUTH LOGIN", "", secret}, []string{"334", "334", "235"}},
		{"wrong, and then right", []string{"AUTH PLAIN " + wrong, "AUTH PLAIN " + plain}, []string{"535 5.7.8 Authentication failed", "235"}},
		{"given up", []string{"AUTH LOGIN", "*", "NOOP"}, []string{"334", "501 5.7.0 AUTH aborted", "250"}},
		{"no base64", []string{"AUTH PLAIN", "?", "NOOP"}, []string{"334", "501 5.5.2", "250"}},
		{"a command is no answer", []string{"AUTH PLAIN", "MAIL FROM:<a@b.c>", "NOOP"}, []string{"334", "501 5.5.2", "250"}},
		{"twice", []string{"AUTH PLAIN " + plain, "AUTH PLAIN " + plain}, []string{"235", "503 5.5.0 Already Authenticated"}},
		{"within a transaction", []string{"MAIL FROM:<a@b.c>", "AUTH PLAIN " + plain}, []string{"250", "503 5.5.0 AUTH not permitted during a mail transaction"}},
		{"by a mechanism that there is not", []string{"AUTH GSSAPI"}, []string{"504 5.5.4 not available"}},
		{"by none", []string{"AUTH"}, []string{"501 5.5.2"}},
		{"what is offered after it", []string{"AUTH PLAIN " + plain, "EHLO x"}, []string{"235", "250-"}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			p := dial(t, onSocket(t, &house{features: Features{Auth: true, NeedAuth: true}, verdict: nil}, Options{}))
			p.want("220")
			p.asks("EHLO x", "250")
			if strings.Contains(c.reason, "transaction") {
				p = dial(t, onSocket(t, &house{features: Features{Auth: true}}, Options{}))
				p.want("220")
				p.asks("EHLO x", "250")
			}
			for i, line := range c.said {
				if got := p.asks(line, c.want[i]); line == "EHLO x" && strings.Contains(got, "AUTH") {
					t.Errorf("AUTH is offered to a client that has logged in: %s", got)
				}
			}
		})
	}
	p := dial(t, onSocket(t, &house{features: Features{Auth: true}}, Options{}))
	p.want("220")
	p.asks("HELO x", "250")
	p.asks("AUTH PLAIN "+plain, "503 5.5.1 AUTH needs EHLO first")
}

func TestATrustedClientSaysWhomItSpeaksFor(t *testing.T) {
	for _, c := range []struct {
		said, want string
		remote     string
		x          XClient
	}{
		{"XCLIENT ADDR=192.0.2.7 PORT=99 NAME=mx.example LOGIN=u+3Dv PROTO=ESMTP HELO=there", "220 here", "192.0.2.7:99", XClient{Name: "mx.example", Login: "u=v", Proto: "ESMTP", Helo: "there"}},
		{"XCLIENT NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::1", "220 here", "[2001:db8::1]:0", XClient{NoName: true}},
		{"XCLIENT NAME=[TEMPUNAVAIL] LOGIN=[UNAVAILABLE] ADDR=192.0.2.7 PORT=1", "220 here", "192.0.2.7:1", XClient{NameLater: true}},
		{"XCLIENT ADDR=mx.example", "501 5.5.4", "", XClient{}},
		{"XCLIENT FROB=1", "501 5.5.4", "", XClient{}},
		{"XCLIENT NAME=a+0Db", "501 5.5.4", "", XClient{}},
		{"XCLIENT", "501 5.5.4", "", XClient{}},
	} {
		var conns []*Conn
		h := &house{features: Features{XClient: true}, open: func(c *Conn) error { conns = append(conns, c); return nil }}
		p := dial(t, onSocket(t, h, Options{}))
		p.want("220")
		p.asks("EHLO x", "250")
		p.asks(c.said, c.want)
		p.asks("NOOP", "250")
		if c.remote == "" {
			continue
		}
		last := conns[len(conns)-1]
		if len(conns) != 2 || *last.XClient() != c.x {
			t.Errorf("%s: opened %d times, %+v", c.said, len(conns), last.XClient())
		}
		if got := last.Remote(); !strings.HasSuffix(c.remote, ":0") && got.String() != c.remote {
			t.Errorf("%s: the client is %v, want %s", c.said, got, c.remote)
		}
		if !strings.Contains(h.calls(), "logout") {
			t.Error("the former session was not closed")
		}
		p.asks("MAIL FROM:<a@b.c>", "250")
		p.asks("XCLIENT ADDR=192.0.2.8", "503 5.5.0")
	}
}
