//go:build unix

package smarthost

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/queue"
	"mailcrane/smarthost/relay"
)

// restarts is a world whose processes share a spool.
func restarts(t *testing.T) (w *world, spool string) {
	t.Helper()
	w, spool = newWorld(t), filepath.Join(t.TempDir(), "spool")
	s := queue.NewSpool(spool, queue.OS{}, func() time.Time { return testNow })
	if err := s.Prepare(); err != nil {
		t.Fatal(err)
	}
	w.files = s
	return w, spool
}

// once opens a session in a process of its own, closes it, and says what it cost.
func (w *world) once() queue.Cost {
	w.t.Helper()
	s, fault := w.transport().Open(w.t.Context(), "work")
	if fault != nil {
		w.t.Fatalf("%s; %s", fault.Sentence(), fault.Hint)
	}
	s.Close(context.Background())
	return s.(queue.Coster).Cost()
}

// Coverage: session-cache.
func TestATLSSessionIsResumedAfterARestart(t *testing.T) {
	for _, c := range []struct {
		why     string
		mode    config.TLSMode
		version uint16
	}{
		{"TLS at once", config.Implicit, tls.VersionTLS13},
		{"STARTTLS", config.StartTLS, tls.VersionTLS13},
		{"TLS 1.2", config.Implicit, tls.VersionTLS12},
	} {
		t.Run(c.why, func(t *testing.T) {
			w, _ := restarts(t)
			s := serve(t, c.mode == config.Implicit, w.good(), "PLAIN")
			s.tls.MaxVersion = c.version
			a := w.account("work", "me@example.org", s.address)
			a.Smarthost.TLS, a.TLS.KeyExchange = c.mode, config.Classical
			if w.once().Resumed {
				t.Fatal("the first session was resumed")
			}
			for i := range 6 {
				cost := w.once()
				if !cost.Resumed {
					t.Fatalf("session %d after a restart was not resumed", i)
				}
				if cost.HandshakeSent >= 1<<10 || cost.HandshakeReceived >= 1<<10 {
					t.Errorf("its handshake took %d octets out and %d in, want under 1 KiB", cost.HandshakeSent, cost.HandshakeReceived)
				}
			}
		})
	}
}

func TestATLSSessionIsForOneServerUserAndPolicyOnly(t *testing.T) {
	w, _ := restarts(t)
	s := serve(t, true, w.good(), "PLAIN")
	a := w.account("work", "me@example.org", s.address)
	before := *a
	otherCA := filepath.Join(t.TempDir(), "ca.pem")
	both, err := os.ReadFile(w.ca.caFile())
	if err == nil {
		another, err2 := os.ReadFile(newAuthority(t, "another CA").caFile())
		if err = err2; err == nil {
			err = os.WriteFile(otherCA, append(both, another...), 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		why    string
		change func()
	}{
		{"a pin", func() { a.TLS.Pin = []string{relay.CertificatePin(s.tls.Certificates[0].Leaf).String()} }},
		{"other CAs", func() { a.TLS.CA = otherCA }},
		{"a client certificate", func() { a.TLS.Cert, a.TLS.Key = w.ca.files(*w.good(), "client") }},
		{"another user", func() { a.User = "you@example.org" }},
		{"another account", func() { a.Name = "home" }},
		{"another key exchange", func() { a.TLS.KeyExchange = config.PostQuantum }},
	} {
		*a = before
		w.once() // which leaves sessions to resume
		c.change()
		session, fault := w.transport().Open(t.Context(), queue.Route(a.Name))
		if fault != nil {
			t.Fatalf("%s: %s", c.why, fault.Sentence())
		}
		session.Close(t.Context())
		if session.(queue.Coster).Cost().Resumed {
			t.Errorf("%s: the session was resumed", c.why)
		}
	}
}

func TestTLSSessionsAreKeptThoughTheSessionBroke(t *testing.T) {
	w, _ := restarts(t)
	s := serve(t, true, w.good(), "PLAIN")
	w.account("work", "me@example.org", s.address)
	ctx, cancel := context.WithCancel(t.Context())
	session := w.open(w.transport(), "work")
	cancel()
	e := &queue.Envelope{From: "me@example.org", To: []queue.Recipient{{Address: "you@example.net"}}}
	if fault := session.Deliver(ctx, &queue.Delivery{ID: "x", Envelope: e, To: e.To}); fault == nil {
		t.Fatal("the session did not break")
	}
	if !w.once().Resumed {
		t.Error("the next was not resumed")
	}
}

func TestTheNextProcessHearsThatALogInWasRefused(t *testing.T) {
	for what, hear := range map[string]func(t *testing.T, tr *Transport) *queue.RouteFault{
		"by a message": func(t *testing.T, tr *Transport) *queue.RouteFault {
			session, fault := tr.Open(t.Context(), "work")
			if fault != nil {
				t.Fatal(fault.Sentence())
			}
			e := &queue.Envelope{From: "me@example.org", To: []queue.Recipient{{Address: "you@example.net"}}}
			return session.Deliver(t.Context(), &queue.Delivery{
				ID: "x", Envelope: e, To: e.To, Size: 2,
				Open:   func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("\r\n")), nil },
				Commit: func(context.Context) error { return nil },
				Report: func(int, queue.Outcome) {},
			})
		},
		"by a check": func(t *testing.T, tr *Transport) *queue.RouteFault {
			_, fault := tr.Check(t.Context(), "work")
			return fault
		},
	} {
		t.Run(what, func(t *testing.T) {
			w, _ := restarts(t)
			s := serve(t, true, w.good(), "PLAIN")
			a := w.account("work", "me@example.org", s.address)
			loggedIn := func() string {
				server := w.transport().memory(a).server
				server.Refresh()
				return server.Memory.Recall().LoggedIn
			}
			w.once()
			if got := loggedIn(); got != "PLAIN" {
				t.Fatalf("the log-in that was accepted is %q", got)
			}
			s.locked(func() { s.password = "another" })
			if fault := hear(t, w.transport()); fault == nil || fault.Step != queue.StepAuth {
				t.Fatalf("%+v", fault)
			}
			if got := loggedIn(); got != "" {
				t.Errorf("the next process trusts the log-in %q", got)
			}
		})
	}
}

// Coverage: session-cache.
func TestKeyExchangeIsTheOneThatWasSet(t *testing.T) {
	const hybrid, classical = "X25519MLKEM768", "X25519"
	for _, c := range []struct {
		why     string
		setting string
		rate    int64 // of the last link, octets a second
		age     time.Duration
		old     bool // the server knows nothing newer
		want    string
	}{
		{"nothing is known of the link", "auto", 0, 0, false, hybrid},
		{"the link was fast", "auto", 1 << 20, 0, false, hybrid},
		{"the link was slow", "auto", 1200, 0, false, classical},
		{"the link was slow two days ago", "auto", 1200, 48 * time.Hour, false, hybrid},
		{"an old server", "auto", 0, 0, true, classical},
		{"classical", config.Classical, 1 << 20, 0, false, classical},
		{"post-quantum on a slow link", config.PostQuantum, 1200, 0, false, hybrid},
		{"post-quantum with an old server", config.PostQuantum, 0, 0, true, ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			w := newWorld(t)
			s := serve(t, true, w.good(), "PLAIN")
			if c.old {
				s.tls.CurvePreferences = []tls.CurveID{tls.X25519}
			}
			a := w.account("work", "me@example.org", s.address)
			a.TLS.KeyExchange = c.setting
			tr := w.transport()
			link := relay.Link{RoundTrip: time.Millisecond, Rate: c.rate, At: testNow.Add(-c.age)}
			tr.memory(a).server.Memory.Learn(func(k *relay.Known) { k.Link = link })
			session, fault := tr.Open(t.Context(), "work")
			if c.want == "" {
				w.wantFault(fault, queue.StepTLS, "post-quantum", `tls.key_exchange = "auto"`, true)
				return
			}
			if fault != nil {
				t.Fatal(fault.Sentence())
			}
			session.Close(t.Context())
			if got := session.(queue.Coster).Cost().KeyExchange; got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// Coverage: session-cache.
func TestTheLastGoodAddressIsDialledAtOnce(t *testing.T) {
	w, _ := restarts(t)
	s := serve(t, true, w.good(), "PLAIN")
	a := w.atItsPort(s)
	w.once()
	w.once()
	if want := []string{a.Smarthost.Addr(), s.address}; !slices.Equal(w.dialed, want) {
		t.Errorf("dialled %q, want %q", w.dialed, want)
	}
}

func TestAnAddressThatIsSomebodyElsesNowIsForgotten(t *testing.T) {
	for _, mode := range []config.TLSMode{config.Implicit, config.StartTLS} {
		w, _ := restarts(t)
		first := serve(t, mode == config.Implicit, w.good(), "PLAIN")
		a := w.atItsPort(first)
		a.Smarthost.TLS = mode
		w.once()
		// The server moves, and its address goes to another.
		moved := serve(t, mode == config.Implicit, w.good(), "PLAIN")
		w.real[a.Smarthost.Addr()] = moved.address
		other := w.ca.issue("other.test", testNow.AddDate(1, 0, 0))
		first.tls.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return &tls.Config{Certificates: []tls.Certificate{other}, SessionTicketsDisabled: true}, nil
		}
		w.dialed = nil
		w.once()
		w.once()
		if want := []string{first.address, a.Smarthost.Addr(), a.Smarthost.Addr()}; !slices.Equal(w.dialed, want) {
			t.Errorf("mode %d: dialled %q, want %q", mode, w.dialed, want)
		}
		if _, logins := first.seen(); len(logins) != 1 {
			t.Errorf("mode %d: logged in with another's server: %q", mode, logins)
		}
	}
}

func TestWhatIsKeptOfAServerIsPrivate(t *testing.T) {
	w, spool := restarts(t)
	s := serve(t, true, w.good(), "PLAIN")
	w.account("work", "me@example.org", s.address)
	w.once()
	dir := filepath.Join(spool, "known")
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v", files, err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	for _, file := range files {
		info, err := file.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		text, err := os.ReadFile(filepath.Join(dir, file.Name()))
		shown := base64.StdEncoding.EncodeToString(s.tls.Certificates[0].Certificate[0])
		if err != nil || leaks(string(text)) || strings.Contains(string(text), shown[8:40]) {
			t.Errorf("%s: %s, %v", file.Name(), text, err)
		}
	}
}

func TestAnotherProcessKnowsHowTheLinkWas(t *testing.T) {
	w, _ := restarts(t)
	a := w.account("work", "me@example.org", "127.0.0.1:1")
	if got := w.transport().Link(a); got != (relay.Link{}) {
		t.Errorf("nothing is known, and it is %+v", got)
	}
	want := relay.Link{RoundTrip: 600 * time.Millisecond, Rate: 1200, At: testNow}
	server := w.transport().memory(a).server
	server.Memory.Learn(func(k *relay.Known) { k.Link = want })
	server.Save()
	if got := w.transport().Link(a); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
