package mta

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mailcrane/internal/logbook"
	"mailcrane/internal/socket"
	"mailcrane/mta/watch"
	"mailcrane/queue"
)

// A ledger is a log that is written and read at once.
type ledger struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *ledger) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// await wants a line in the log, sooner or later.
func (l *ledger) await(t *testing.T, want string) {
	t.Helper()
	for range 500 {
		l.mu.Lock()
		text := l.text.String()
		l.mu.Unlock()
		if strings.Contains(text, want) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t.Fatalf("the log lacks %q:\n%s", want, &l.text)
}

// told is a server whose log and metrics can be read.
func told(t *testing.T, text, listener string, free func(string) (int64, error)) (*running, *ledger, *watch.Metrics) {
	t.Helper()
	out, metrics := &ledger{}, watch.NewMetrics()
	log := slog.New(logbook.Leveled(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}), 14))
	s, err := New(configOf(t, text+"\n[[mta.listen]]\naddress = \"127.0.0.1:0\"\n"+listener), Options{
		Users: everybody{},
		Spool: queue.NewSpool(filepath.Join(t.TempDir(), "spool"), queue.OS{}, time.Now), Now: time.Now,
		Load: func() float64 { return 0 }, Free: free, Log: log, Watch: watch.New(watch.Options{Log: log, Metrics: metrics}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Bind(t.Context(), &socket.Inheritance{}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	return &running{Server: s, t: t, address: s.Addresses()[0].String(), stop: stop}, out, metrics
}

// mapOf is a file with entries of an access map.
func mapOf(t *testing.T, entries string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "access")
	if err := os.WriteFile(path, []byte(entries), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// counted wants a line among the metrics.
func counted(t *testing.T, m *watch.Metrics, want string) {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler(nil, nil).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if !strings.Contains(w.Body.String(), "\n"+want+"\n") {
		t.Errorf("the metrics lack %s:\n%s", want, w.Body)
	}
}

// What the engine finds wrong with a client reaches the log in sendmail's words:
// events that nobody calls would be no log.
// Coverage: B60.
func TestWhatGoesWrongWithAClientIsTold(t *testing.T) {
	cert, key, _ := certificateOf(t, "mx.example.org")
	r, log, metrics := told(t, "dont_blame_sendmail = [\"TrustStickyBit\"]\nlimits.bad_recipients_throttle = 1\n"+ours+"blocklist_recipients = true\n[mta.map]\naccess = \""+mapOf(t, "To:bad@example.org REJECT\n")+"\"\n[mta.tls]\ncert = \""+cert+"\"\nkey = \""+key+"\"\n[submit]\nmax_message = 1000\n", "", nil)
	for _, test := range []struct {
		reason, want string
		does         func(c *client)
	}{
		{"a handshake that fails", "STARTTLS=server, error: accept failed, reason=", func(c *client) {
			c.say("STARTTLS", "220")
			fmt.Fprint(c, "this is no TLS, and so it must end\r\n")
		}},
		{"a message that says to be too large", "message size (5000) exceeds maximum (1000)", func(c *client) {
			c.say("MAIL FROM:<me@example.net> SIZE=5000", "552 5.2.3")
		}},
		{"a message that is too large", "exceeds maximum (1000)", func(c *client) {
			c.say("MAIL FROM:<me@example.net>", "250")
			c.say("RCPT TO:<you@example.org>", "250")
			c.say("DATA", "354")
			c.say("Subject: x\r\n\r\n"+strings.Repeat("x", 990)+"\r\n.", "552 5.2.3")
		}},
		{"a malformed address", "malformed address <you@@> in RCPT from localhost [127.0.0.1]: ", func(c *client) {
			c.say("MAIL FROM:<me@example.net>", "250")
			c.say("RCPT TO:<you@@>", "553")
		}},
		{"many wrong recipients", "localhost [127.0.0.1]: Possible SMTP RCPT flood, throttling.", func(c *client) {
			c.say("MAIL FROM:<me@example.net>", "250")
			c.say("RCPT TO:<bad@example.org>", "550")
			fmt.Fprint(c, "RCPT TO:<me@example.org>\r\n") // it waits
		}},
		{"a connection that breaks", "lost input channel from localhost [127.0.0.1] to ", func(c *client) {
			c.say("MAIL FROM:<me@example.net>", "250")
			c.Close()
		}},
	} {
		t.Run(test.reason, func(t *testing.T) {
			c := r.dial()
			c.hello()
			test.does(c)
			log.await(t, test.want)
		})
	}
	counted(t, metrics, `mailcrane_tls_handshakes_total{result="failed",version="none"} 1`)
	counted(t, metrics, `mailcrane_messages_total{result="too-large"} 2`)
}

// Coverage: B60.
func TestAWordThatHasNoEffectIsTold(t *testing.T) {
	_, log, _ := told(t, "dont_blame_sendmail = [\"InsufficientEntropy\"]\n"+ours, "", nil)
	log.await(t, "DontBlameSendmail=InsufficientEntropy has no effect")
}

// MaxDaemonChildren: one too many is turned away, logged and counted.
func TestAClientForWhomThereIsNoRoomIsTold(t *testing.T) {
	r, log, metrics := told(t, "limits.connections = 1\n"+ours, "", nil)
	first := r.dial()
	first.hello()
	second := r.dial()
	if got := second.reply(); !strings.HasPrefix(got, "421 4.3.2") {
		t.Errorf("the second hears %q", got)
	}
	log.await(t, "refused connection from [127.0.0.1]: too many connections")
	counted(t, metrics, `mailcrane_connections_total{port="MTA",result="refused"} 1`)
}

// Coverage: B131.
func TestAFullDiskIsToldInSendmailsWords(t *testing.T) {
	r, log, _ := told(t, ours+"[submit]\nmin_free_blocks = 100\n", "", func(string) (int64, error) { return 5, nil })
	c := r.dial()
	c.hello()
	c.say("MAIL FROM:<me@example.net> SIZE=1000", "452 4.4.5 Insufficient disk space; try again later")
	log.await(t, "low on space (SMTP-DAEMON needs 1000 octets + MinFreeBlocks in the queue, 5 are free)")
}

// An answer is not a refusal, though novrfy forbids what was asked.
// Coverage: B134.
func TestVRFYThatIsForbiddenIsAnsweredAndNotLoggedAsRefused(t *testing.T) {
	r, log, _ := told(t, ours+"[submit]\nprivacy_options = [\"novrfy\"]\n", "", nil)
	c := r.dial()
	c.hello()
	c.say("VRFY you", "252 2.5.2 Cannot VRFY user; ")
	log.await(t, "VRFY you")
	log.mu.Lock()
	defer log.mu.Unlock()
	if strings.Contains(log.text.String(), "check_vrfy") {
		t.Errorf("it is logged as a refusal:\n%s", &log.text)
	}
}

// MAIL before HELO is as in sendmail: taken, unless needmailhelo forbids it.
// Coverage: B134.
func TestMailBeforeHELOIsRefusedByTheFlagAlone(t *testing.T) {
	for _, test := range []struct{ reason, flags, want string }{
		{"without the flag", "", "250 2.1.0"},
		{"needmailhelo", `"needmailhelo"`, "503 5.0.0 Polite people say HELO first"},
		{"goaway", `"goaway"`, "503 5.0.0 Polite people say HELO first"},
	} {
		t.Run(test.reason, func(t *testing.T) {
			c := run(t, ours+"[submit]\nprivacy_options = ["+test.flags+"]\n", "").dial()
			c.reply()
			c.say("MAIL FROM:<me@example.net>", test.want)
		})
	}
}
