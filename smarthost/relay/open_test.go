package relay

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	gosasl "github.com/emersion/go-sasl"

	"mailcrane/queue"
	"mailcrane/smarthost/relay/sasl"
)

var password = sasl.Credentials{User: "ann", Secret: "sesame-open", Mechanism: "auto"}

// refusal is what a test wants of a route fault.
type refusal struct {
	step   queue.Step
	says   string // part of the sentence
	hint   string // part of the hint
	person bool
}

func (want refusal) check(t *testing.T, fault *queue.RouteFault) {
	t.Helper()
	if fault == nil {
		t.Fatal("the session opened; a route fault was due")
	}
	if fault.Step != want.step || fault.NeedsPerson != want.person {
		t.Errorf("step %q, needs a person %v; want %q, %v", fault.Step, fault.NeedsPerson, want.step, want.person)
	}
	if !strings.Contains(fault.Sentence(), want.says) {
		t.Errorf("sentence %q lacks %q", fault.Sentence(), want.says)
	}
	if !strings.Contains(fault.Hint, want.hint) || want.hint == "" && fault.Hint != "" {
		t.Errorf("hint %q lacks %q", fault.Hint, want.hint)
	}
	if strings.Contains(fault.Sentence()+fault.Hint, password.Secret) {
		t.Errorf("the fault shows the password: %s %s", fault.Sentence(), fault.Hint)
	}
}

func TestOpenFaultsInTheClear(t *testing.T) {
	tests := []struct {
		why    string
		script script
		mode   Mode
		auth   Authenticator
		want   refusal
	}{
		{
			mode:   Insecure,
			why:    "554 in place of the greeting: the network is not welcome",
			script: script{"S: 554 5.7.1 your address is listed"},
			want:   refusal{queue.StepGreeting, "refuses connections from here: 554 5.7.1 your address is listed", "another network", true},
		},
		{
			mode:   Insecure,
			why:    "421 in place of the greeting passes by itself",
			script: script{"S: 421 4.3.2 too busy"},
			want:   refusal{queue.StepGreeting, "421 4.3.2 too busy", "", false},
		},
		{
			mode:   Insecure,
			why:    "4xx in place of the greeting passes by itself",
			script: script{"S: 450 4.3.2 later"},
			want:   refusal{queue.StepGreeting, "no mail just now: 450 4.3.2 later", "", false},
		},
		{
			mode:   Insecure,
			why:    "a captive portal answers every port with a web page",
			script: script{"S: HTTP/1.1 302 Found\nLocation: http://portal.example/"},
			want:   refusal{queue.StepGreeting, `a web server answers, not a mail server: "HTTP/1.1 302 Found"`, "log-in page", false},
		},
		{
			mode:   Insecure,
			why:    "a POP3 server is not an SMTP server",
			script: script{"S: +OK Dovecot ready."},
			want:   refusal{queue.StepGreeting, "a server for reading mail", "outgoing server", true},
		},
		{
			mode:   Insecure,
			why:    "closed without a word, as some networks do with port 25",
			script: script{"CLOSE"},
			want:   refusal{queue.StepGreeting, "closed the connection before it said a word", "smtps://", false},
		},
		{
			mode:   Insecure,
			why:    "a line without end",
			script: script{"S: 220 " + strings.Repeat("x", maxReplyLine)},
			want:   refusal{queue.StepGreeting, "more than 2048 octets", "", false},
		},
		{
			mode:   Insecure,
			why:    "a reply without end",
			script: script{"S- " + strings.Repeat("220-x\r\n", maxReplyLines+1)},
			want:   refusal{queue.StepGreeting, "more than 200 lines", "", false},
		},
		{
			mode:   Insecure,
			why:    "EHLO refused for good",
			script: script{"S: 220 hi", "C: EHLO localhost.localdomain", "S: 550 5.7.1 bogus name"},
			want:   refusal{queue.StepHello, "refuses EHLO localhost.localdomain: 550 5.7.1 bogus name", "ask the provider", true},
		},
		{
			mode:   Insecure,
			why:    "EHLO refused for now",
			script: script{"S: 220 hi", "C: EHLO localhost.localdomain", "S: 451 4.3.0 later"},
			want:   refusal{queue.StepHello, "no mail just now", "", false},
		},
		{
			mode:   Insecure,
			why:    "421 to EHLO",
			script: script{"S: 220 hi", "C: EHLO localhost.localdomain", "S: 421 4.4.2 bye"},
			want:   refusal{queue.StepHello, "ends the session: 421 4.4.2 bye", "", false},
		},
		{
			why:    "STARTTLS is required and not offered: never on in the clear",
			mode:   StartTLS,
			auth:   password,
			script: script{"S: 220 hi", "C: EHLO localhost.localdomain", "S: 250-x\n250 AUTH PLAIN"},
			want:   refusal{queue.StepTLS, "does not offer STARTTLS", "smtps://", true},
		},
		{
			why:    "HELO cannot tell of STARTTLS, so it is not tried",
			mode:   StartTLS,
			script: script{"S: 220 hi", "C: EHLO localhost.localdomain", "S: 502 5.5.1 what"},
			want:   refusal{queue.StepHello, "refuses EHLO", "ask the provider", true},
		},
		{
			why:    "STARTTLS refused for now",
			mode:   StartTLS,
			script: script{"S: 220 hi", "C: EHLO localhost.localdomain", "S: 250-x\n250 STARTTLS", "C: STARTTLS", "S: 454 4.7.0 no TLS now"},
			want:   refusal{queue.StepTLS, "refuses STARTTLS: 454 4.7.0 no TLS now", "smtps://", false},
		},
		{
			why:    "a reply slipped in behind the 220 to STARTTLS",
			mode:   StartTLS,
			script: script{"S: 220 hi", "C: EHLO localhost.localdomain", "S: 250-x\n250 STARTTLS", "C: STARTTLS", "S- 220 go\r\n250-x\r\n250 AUTH PLAIN\r\n"},
			want:   refusal{queue.StepTLS, "sent more in the clear after agreeing to STARTTLS", "another one", true},
		},
		{
			why:    "plain words in place of the TLS handshake",
			mode:   StartTLS,
			script: script{"S: 220 hi", "C: EHLO localhost.localdomain", "S: 250-x\n250 STARTTLS", "C: STARTTLS", "S: 220 go", "C# 1", "S: 500 what?", "HANG"},
			want:   refusal{queue.StepTLS, "agreed to STARTTLS and then did not speak TLS", "another network", false},
		},
		{
			why:    "a port with STARTTLS where TLS at once is wanted",
			mode:   Implicit,
			script: script{"S: 220 hi", "HANG"},
			want:   refusal{queue.StepTLS, "does not speak TLS at once", "smtp://", true},
		},
		{
			why:    "a captive portal on the TLS port",
			mode:   Implicit,
			script: script{"C# 5", "S: HTTP/1.1 400 Bad Request", "HANG"},
			want:   refusal{queue.StepTLS, "a web server answers", "log-in page", false},
		},
		{
			why:    "a refusal in the clear on the TLS port",
			mode:   Implicit,
			script: script{"S: 554 no", "HANG"},
			want:   refusal{queue.StepTLS, "refuses the connection in plain SMTP", "port 587", false},
		},
		{
			why:    "closed in the middle of the handshake",
			mode:   Implicit,
			script: script{"C# 5", "CLOSE"},
			want:   refusal{queue.StepTLS, "closed the connection during the TLS handshake", "speaks TLS", false},
		},
		{
			mode:   Insecure,
			why:    "a log-in is wanted and not offered",
			auth:   password,
			script: script{"S: 220 hi", "C: EHLO localhost.localdomain", "S: 250 x"},
			want:   refusal{queue.StepAuth, "offers no log-in", `auth = "none"`, true},
		},
		{
			mode:   Insecure,
			why:    "PLAIN without TLS is never used",
			auth:   password,
			script: script{"S: 220 hi", "C: EHLO localhost.localdomain", "S: 250-x\n250 AUTH PLAIN LOGIN"},
			want:   refusal{queue.StepAuth, "without TLS the password is not sent", "smtps://", true},
		},
		{
			mode:   Insecure,
			why:    "nor when an authenticator chooses it",
			auth:   reckless{},
			script: script{"S: 220 hi", "C: EHLO localhost.localdomain", "S: 250-x\n250 AUTH XOAUTH2"},
			want:   refusal{queue.StepAuth, "nothing was sent", "smtps://", true},
		},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			_, fault := Open(t.Context(), Target{
				LoginHint: "type: mailcrane login work", Server: "smtp.example.org", Address: "smtp.example.org:587", Mode: test.mode, Auth: test.auth,
				Dial: serve(t, nil, test.script),
			})
			test.want.check(t, fault)
		})
	}
}

// reckless chooses a mechanism that must not be used without TLS.
type reckless struct{}

func (reckless) Choose([]string, sasl.Link) (gosasl.Client, string, error) {
	return gosasl.NewPlainClient("", "ann", password.Secret), "XOAUTH2", nil
}

func TestOpenFaultsOfTheNetwork(t *testing.T) {
	dial := func(err error) func(context.Context, string, string) (net.Conn, error) {
		return func(context.Context, string, string) (net.Conn, error) { return nil, err }
	}
	tests := []struct {
		why  string
		err  error
		want refusal
	}{
		{"no such name", &net.DNSError{Err: "no such host", Name: "smtp.example.org", IsNotFound: true}, refusal{queue.StepLookup, "smtp.example.org does not exist", "VPN", false}},
		{
			"no name server", &net.DNSError{Err: "read udp 192.0.2.9:52882->192.0.2.1:53: read: connection refused", Name: "smtp.example.org"},
			refusal{queue.StepLookup, "this network's name server could not say where smtp.example.org is: connection refused", "", false},
		},
		{"name server silent", &net.DNSError{Err: "i/o timeout", Name: "smtp.example.org", IsTimeout: true}, refusal{queue.StepLookup, "no answer from this network's name server", "", false}},
		{"name server broken", &net.DNSError{Err: "server misbehaving", Name: "smtp.example.org"}, refusal{queue.StepLookup, "server misbehaving", "", false}},
		{"closed port", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, refusal{queue.StepConnect, "connection refused", "check the port", false}},
		{"offline", &net.OpError{Op: "dial", Err: syscall.ENETUNREACH}, refusal{queue.StepConnect, "no way to the server", "mailcrane status", false}},
		{"kernel's timeout", &net.OpError{Op: "dial", Err: syscall.ETIMEDOUT}, refusal{queue.StepConnect, "no connection within 30s", "mail ports", false}},
		{"something else", errors.New("proxy says no"), refusal{queue.StepConnect, "proxy says no", "", false}},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			_, fault := Open(t.Context(), Target{Server: "smtp.example.org", Address: "smtp.example.org:465", Dial: dial(test.err)})
			test.want.check(t, fault)
		})
	}
}

func TestAClosedPortIsNotToBeReplacedByItself(t *testing.T) {
	for mode, want := range map[Mode]string{Implicit: "smtp:// (port 587)", StartTLS: "smtps:// (port 465)"} {
		dial := func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ETIMEDOUT }
		_, fault := Open(t.Context(), Target{Server: "smtp.example.org", Address: "smtp.example.org:1", Mode: mode, Dial: dial})
		if !strings.Contains(fault.Hint, want) || strings.Count(fault.Hint, "(port ") != 1 {
			t.Errorf("mode %v: %s", mode, fault.Hint)
		}
	}
}

func TestOpenGivesUpInTime(t *testing.T) {
	never := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	tests := []struct {
		why    string
		mode   Mode
		dial   func(context.Context, string, string) (net.Conn, error)
		script script
		after  time.Duration
		want   refusal
	}{
		{"connecting", Implicit, never, nil, 30 * time.Second, refusal{queue.StepConnect, "no connection within 30s", "mail ports", false}},
		{"a TLS port, asked in the clear, says nothing", StartTLS, nil, script{"HANG"}, 2 * time.Minute, refusal{queue.StepGreeting, "said nothing for 2m0s", "smtps:// in place of smtp://", false}},
		{"a server that is deaf to TLS", Implicit, nil, script{"HANG"}, time.Minute, refusal{queue.StepTLS, "did not finish the TLS handshake within 1m0s", "smtp:// in place of smtps://", false}},
		{"EHLO unanswered", Insecure, nil, script{"S: 220 hi", "HANG"}, 5 * time.Minute, refusal{queue.StepHello, "no answer to EHLO within 5m0s", "", false}},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dial := test.dial
				if dial == nil {
					dial = serve(t, nil, test.script)
				}
				start := time.Now()
				_, fault := Open(t.Context(), Target{Server: "smtp.example.org", Mode: test.mode, Dial: dial})
				test.want.check(t, fault)
				if took := time.Since(start); took != test.after {
					t.Errorf("gave up after %v, want %v", took, test.after)
				}
			})
		})
	}
}

func TestOpenStopsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		_, fault := Open(ctx, Target{Server: "smtp.example.org", Mode: Insecure, Dial: serve(t, nil, script{"HANG"})})
		refusal{queue.StepGreeting, "the time for this run was up", "", false}.check(t, fault)
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("stopped after %v", took)
		}
	})
}

func TestOldServerIsGreetedWithHELO(t *testing.T) {
	s, fault := Open(t.Context(), Target{
		Server: "smtp.example.org", Mode: Insecure, Hello: "me.example",
		Dial: serve(t, nil, script{"S: 220-long\n220 hi", "C: EHLO me.example", "S: 500 what?", "C: HELO me.example", "S: 250 hello", "C: QUIT", "CLOSE"}),
	})
	if fault != nil {
		t.Fatal(fault.Sentence())
	}
	s.Close(t.Context())
}

func TestCapabilitiesAfterSTARTTLSReplaceThoseInTheClear(t *testing.T) {
	ca := newAuthority(t)
	s, fault := Open(t.Context(), Target{
		Server: "smtp.example.org", Mode: StartTLS, TLS: TLS{Roots: ca.pool()},
		Dial: serve(t, ca.good(t), script{
			"S: 220 hi", "C: EHLO *", "S: 250-x\n250-AUTH FAKE\n250-CHUNKING\n250 STARTTLS", "C: STARTTLS", "S: 220 go", "TLS",
			"C: EHLO *", "S: 250-x\n250-pipelining\n250-SIZE 1000\n250-auth=LOGIN plain\n250-AUTH PLAIN XOAUTH2\n250 8BITMIME", "C: QUIT", "S: 221 bye",
		}),
	})
	if fault != nil {
		t.Fatal(fault.Sentence())
	}
	c := s.Capabilities()
	if !c.Pipelining || c.Chunking || !c.EightBitMIME || c.MaxSize != 1000 || strings.Join(c.Auth, " ") != "LOGIN PLAIN XOAUTH2" {
		t.Errorf("capabilities %+v", c)
	}
	s.Close(t.Context())
}
