package relay

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"mailcrane/queue"
	"mailcrane/smarthost/relay/sasl"
)

// secured opens a session over TLS with a server that offers the mechanisms
// and then plays the script; trace is what was traced.
func secured(t *testing.T, mechs string, auth Authenticator, play ...string) (s *Session, fault *queue.RouteFault, trace string) {
	t.Helper()
	ca := newAuthority(t)
	start := script{"TLS", "S: 220 hi", "C: EHLO *", "S: 250-x\n250 AUTH " + mechs}
	var lines strings.Builder
	s, fault = Open(t.Context(), Target{
		LoginHint: "type: mailcrane login work", Server: "smtp.example.org", Address: "smtp.example.org:465", TLS: TLS{Roots: ca.pool()}, Auth: auth,
		Trace: func(line string) { fmt.Fprintln(&lines, line) },
		Dial:  serve(t, ca.good(t), append(start, play...)),
	})
	// What is kept for a message's story, or a route's, is no more than that.
	kept := ""
	if fault != nil {
		kept = strings.Join(fault.Transcript, "\n") + "\n"
	} else {
		kept = strings.Join(s.dialogue.prelude.lines, "\n") + "\n"
	}
	if kept != lines.String() {
		t.Errorf("kept is %q, traced was %q", kept, lines.String())
	}
	return s, fault, lines.String()
}

func b64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// Coverage: A34.
func TestLogIn(t *testing.T) {
	const user, secret = "ann", "sesame-open"
	long := strings.Repeat("t", 600)
	set := func(mechanism string) sasl.Credentials {
		return sasl.Credentials{User: user, Secret: secret, Mechanism: mechanism, Host: "smtp.example.org", Port: 465}
	}
	token := func(mechanism, secret string) sasl.Credentials {
		c := set(mechanism)
		c.Token, c.Secret = true, secret
		return c
	}
	google := `{"status":"401","schemes":"bearer","scope":"https://mail.google.com/"}`
	bearer := func(token string) string {
		return b64("n,a=ann,\x01host=smtp.example.org\x01port=465\x01auth=Bearer " + token + "\x01\x01")
	}
	tests := []struct {
		why   string
		mechs string
		with  sasl.Credentials
		play  script
		want  refusal // the zero one: it works
	}{
		{
			why: "auto prefers PLAIN to LOGIN and CRAM-MD5 under TLS", mechs: "CRAM-MD5 LOGIN PLAIN", with: set("auto"),
			play: script{"C: AUTH PLAIN " + b64("\x00ann\x00sesame-open"), "S: 235 2.7.0 welcome"},
		},
		{
			why: "LOGIN with an initial response", mechs: "LOGIN", with: set("auto"),
			play: script{"C: AUTH LOGIN " + b64(user), "S: 334 " + b64("Password:"), "C: " + b64(secret), "S: 235 ok"},
		},
		{
			why: "LOGIN with a server that asks for the name again, in words of its own", mechs: "LOGIN", with: set("login"),
			play: script{"C: AUTH LOGIN " + b64(user), "S: 334 " + b64("username\x00"), "C: " + b64(user), "S: 334 " + b64("password"), "C: " + b64(secret), "S: 235 ok"},
		},
		{
			// The example of RFC 2195, with its challenge.
			why: "CRAM-MD5", mechs: "CRAM-MD5", with: sasl.Credentials{User: "tim", Secret: "tanstaaftanstaaf"},
			play: script{"C: AUTH CRAM-MD5", "S: 334 " + b64("<1896.697170952@postoffice.reston.mci.net>"), "C: " + b64("tim b913a602c7eda7a495b4e6e7334d3890"), "S: 235 ok"},
		},
		{
			why: "EXTERNAL says nothing, which is written =", mechs: "PLAIN EXTERNAL", with: sasl.Credentials{Certificate: true},
			play: script{"C: AUTH EXTERNAL =", "S: 235 ok"},
		},
		{
			why: "a token goes by OAUTHBEARER first", mechs: "PLAIN XOAUTH2 OAUTHBEARER", with: token("auto", "tok-123"),
			play: script{"C: AUTH OAUTHBEARER " + bearer("tok-123"), "S: 235 ok"},
		},
		{
			why: "a refused token: the challenge is answered and its reason shown", mechs: "OAUTHBEARER", with: token("auto", "tok-123"),
			play: script{"C: AUTH OAUTHBEARER " + bearer("tok-123"), "S: 334 " + b64(`{"status":"invalid_token"}`), "C: AQ==", "S: 535 5.7.8 no"},
			want: refusal{queue.StepAuth, "535 5.7.8 no (status invalid_token)", "mailcrane login work", true},
		},
		{
			why: "XOAUTH2 answers with an empty line", mechs: "XOAUTH2", with: token("xoauth2", "tok-123"),
			play: script{"C: AUTH XOAUTH2 " + b64("user=ann\x01auth=Bearer tok-123\x01\x01"), "S: 334 " + b64(google), "C: ", "S: 535 5.7.8 no"},
			want: refusal{queue.StepAuth, "535 5.7.8 no (status 401, scope https://mail.google.com/)", "mailcrane login work", true},
		},
		{
			why: "a token that does not fit into the command line follows it", mechs: "XOAUTH2", with: token("auto", long),
			play: script{"C: AUTH XOAUTH2", "S: 334 ", "C: " + b64("user=ann\x01auth=Bearer "+long+"\x01\x01"), "S: 235 ok"},
		},
		{
			why: "a wrong password", mechs: "PLAIN", with: set("plain"),
			play: script{"C: AUTH PLAIN *", "S: 535 5.7.8 authentication failed"},
			want: refusal{queue.StepAuth, "refuses user name or password (PLAIN): 535 5.7.8 authentication failed", "mailcrane login work", true},
		},
		{
			why: "534: a stronger mechanism is wanted, or an app password", mechs: "PLAIN", with: set("auto"),
			play: script{"C: AUTH PLAIN *", "S: 534 5.7.9 application-specific password required"},
			want: refusal{queue.StepAuth, "application-specific password required", "mailcrane login work", true},
		},
		{
			why: "454 passes by itself", mechs: "PLAIN", with: set("auto"),
			play: script{"C: AUTH PLAIN *", "S: 454 4.7.0 try later"},
			want: refusal{queue.StepAuth, "cannot check the log-in just now: 454 4.7.0 try later", "", false},
		},
		{
			why: "421 ends the session", mechs: "PLAIN", with: set("auto"),
			play: script{"C: AUTH PLAIN *", "S: 421 4.7.0 too many"},
			want: refusal{queue.StepAuth, "ends the session: 421", "", false},
		},
		{
			why: "504: the mechanism is not taken after all", mechs: "PLAIN LOGIN", with: set("auto"),
			play: script{"C: AUTH PLAIN *", "S: 504 5.5.4 no"},
			want: refusal{queue.StepAuth, "does not take PLAIN", "plain, login", true},
		},
		{
			why: "the mechanism that is set is not offered", mechs: "LOGIN", with: set("plain"),
			want: refusal{queue.StepAuth, "does not offer the log-in set in auth, plain", "login", true},
		},
		{
			why: "a server that repeats what it did not understand does not get the password shown", mechs: "PLAIN", with: set("auto"),
			play: script{"C: AUTH PLAIN *", "S: 535 5.5.2 what is " + b64("\x00ann\x00sesame-open") + ", is it sesame-open?"},
			want: refusal{queue.StepAuth, "what is *, is it *?", "mailcrane login work", true},
		},
		{
			why: "nor does one that cuts short what it repeats", mechs: "XOAUTH2", with: token("auto", long),
			play: script{"C: AUTH XOAUTH2", "S: 334 ", "C: *", "S: 535 5.5.2 unknown: \"" + b64("user=ann\x01auth=Bearer " + long)[:200] + "\", see https://example.org/support"},
			want: refusal{queue.StepAuth, `unknown: "*", see https://example.org/support`, "mailcrane login work", true},
		},
		{
			why: "nor by an answer that is no reply", mechs: "PLAIN", with: set("auto"),
			play: script{"C: AUTH PLAIN *", "S: what is sesame-open"},
			want: refusal{queue.StepAuth, `not SMTP: "what is *"`, "log-in page", false},
		},
		{
			why: "a challenge that is no base64 is cancelled", mechs: "CRAM-MD5", with: set("auto"),
			play: script{"C: AUTH CRAM-MD5", "S: 334 !!!", "C: *", "S: 501 cancelled"},
			want: refusal{queue.StepAuth, "CRAM-MD5 does not work with this server", "cram-md5", true},
		},
		{
			why: "a server that asks for the work of a miner", mechs: "SCRAM-SHA-256", with: set("auto"),
			play: script{"C: AUTH SCRAM-SHA-256 *", "S: 334 " + b64("r=x,s=QUJD,i=2000000000"), "C: *", "S: 501 cancelled"},
			want: refusal{queue.StepAuth, "rounds of hashing", "scram-sha-256", true},
		},
		{
			why: "a server that says in SCRAM's own words that the password is wrong", mechs: "SCRAM-SHA-256", with: set("auto"),
			play: script{"C: AUTH SCRAM-SHA-256 *", "S: 334 " + b64("e=invalid-proof"), "C: ", "S: 535 5.7.8 no"},
			want: refusal{queue.StepAuth, "refuses user name or password (SCRAM-SHA-256): 535 5.7.8 no (invalid-proof)", "mailcrane login work", true},
		},
		{
			why: "a challenge that would write on the terminal", mechs: "SCRAM-SHA-256", with: set("auto"),
			play: script{"C: AUTH SCRAM-SHA-256 *", "S: 334 " + b64("\x1b[2Jx,s=QUJD,i=4096"), "C: *", "S: 501 cancelled"},
			want: refusal{queue.StepAuth, "error parsing '?[2Jx' for field", "scram-sha-256", true},
		},
		{
			why: "a server that says yes to SCRAM without its proof", mechs: "SCRAM-SHA-256", with: set("auto"),
			play: script{"C: AUTH SCRAM-SHA-256 *", "S: 235 welcome"},
			want: refusal{queue.StepAuth, "without proof that it knows the password", "false server", true},
		},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			play := test.play
			if test.want.step == "" {
				play = append(play, "C: QUIT", "S: 221 bye")
			}
			s, fault, trace := secured(t, test.mechs, test.with, play...)
			// A challenge is enough to guess the password at home.
			for line := range strings.Lines(trace) {
				if strings.HasPrefix(line, "<<< 334") && line != "<<< 334 *\n" {
					t.Errorf("the trace shows a challenge: %s", line)
				}
			}
			for _, hidden := range []string{test.with.Secret, b64(test.with.Secret), b64("\x00ann\x00" + test.with.Secret)} {
				if hidden != "" && strings.Contains(trace, hidden) {
					t.Errorf("the trace shows %q:\n%s", hidden, trace)
				}
			}
			if test.want.step != "" {
				test.want.check(t, fault)
				return
			}
			if fault != nil {
				t.Fatal(fault.Sentence())
			}
			s.Close(t.Context())
		})
	}
}

func TestCRAMIsLeftWithoutTLS(t *testing.T) {
	challenge := b64("<1@x>")
	s := opened(t, "AUTH PLAIN CRAM-MD5", func(target *Target) { target.Auth = password },
		"C: AUTH CRAM-MD5", "S: 334 "+challenge, "C: *", "S: 235 ok", "C: QUIT", "CLOSE")
	s.Close(t.Context())
}

// connAt is a connection whose other end is said to be elsewhere.
type connAt struct {
	net.Conn
	peer net.Addr
}

func (c connAt) RemoteAddr() net.Addr { return c.peer }

func TestPasswordGoesInTheClearToThisMachineOnly(t *testing.T) {
	for peer, allowed := range map[string]bool{
		"127.0.0.1": true, "127.3.2.1": true, "::1": true,
		"192.0.2.1": false, "::": false, "0.0.0.0": false, "10.0.0.1": false, "fe80::1": false,
	} {
		t.Run(peer, func(t *testing.T) {
			play := script{"S: 220 hi", "C: EHLO *", "S: 250-x\n250 AUTH PLAIN"}
			if allowed {
				play = append(play, "C: AUTH PLAIN "+b64("\x00ann\x00sesame-open"), "S: 235 ok", "C: QUIT", "CLOSE")
			}
			dial := serve(t, nil, play)
			s, fault := Open(t.Context(), Target{
				// The name says nothing: localhost may be anywhere.
				Server: "localhost", Address: "localhost:25", Mode: Insecure, Auth: password,
				Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
					conn, err := dial(ctx, network, address)
					return connAt{conn, &net.TCPAddr{IP: net.ParseIP(peer), Port: 25}}, err
				},
			})
			if !allowed {
				refusal{queue.StepAuth, "without TLS the password is not sent", "smtps://", true}.check(t, fault)
				return
			}
			if fault != nil {
				t.Fatal(fault.Sentence())
			}
			s.Close(t.Context())
		})
	}
}

func TestOnlyARefusedSecretIsRefused(t *testing.T) {
	for said, code := range map[string]int{
		"535 5.7.8 no": 535, "534 5.7.9 app password": 534, "554 5.7.1 blocked": 554,
		"501 5.5.2 cannot decode": 0, "504 5.5.4 no such mechanism": 0, "454 4.7.0 later": 0, "421 4.7.0 bye": 0, "354 go": 0,
	} {
		_, fault, _ := secured(t, "PLAIN", password, "C: AUTH PLAIN *", "S: "+said)
		if fault == nil {
			t.Fatalf("%s: no fault", said)
		}
		refused, ok := errors.AsType[*Refused](fault.Err)
		if ok != (code != 0) || ok && (refused.Code != code || refused.Mechanism != "PLAIN") {
			t.Errorf("%s: %+v", said, fault.Err)
		}
	}
}

func TestClientCertificateThatIsMissingIsNamed(t *testing.T) {
	ca := newAuthority(t)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*ca.good(t)}, ClientAuth: tls.RequireAnyClientCert})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if conn, err := listener.Accept(); err == nil {
			_, _ = conn.Read(make([]byte, 1))
			conn.Close()
		}
	}()
	_, fault := Open(t.Context(), Target{
		Server: "smtp.example.org", Address: "smtp.example.org:465", TLS: TLS{Roots: ca.pool()},
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, listener.Addr().String())
		},
	})
	<-done
	refusal{queue.StepTLS, "certificate required", "tls.cert", true}.check(t, fault)
}
