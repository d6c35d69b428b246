package mta

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"mailcrane/mta/auth"
)

func TestAReloadChangesTheRulesAndKeepsEveryConnection(t *testing.T) {
	r := run(t, ours, "")
	before := r.dial()
	before.hello()
	c := configOf(t, "local = [\"example.com\"]\n[mta.policy]\naccept_unresolvable_domains = true\n[[mta.listen]]\naddress = \"127.0.0.1:0\"\n[[mta.listen]]\naddress = \"[::1]:0\"\n")
	if err := r.Reload(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got := r.Addresses(); len(got) != 2 || got[0].String() != r.address {
		t.Errorf("it listens on %v, and did on %s", got, r.address)
	}
	after := r.dial()
	after.hello()
	for _, test := range []struct {
		c    *client
		here string
	}{{before, "example.org"}, {after, "example.com"}} {
		test.c.say("MAIL FROM:<>", "250")
		test.c.say("RCPT TO:<you@"+test.here+">", "250")
		test.c.say("DATA", "354")
		test.c.say("Subject: x\r\n\r\n.", "250")
	}
	gone := configOf(t, "[[mta.listen]]\naddress = \"[::1]:0\"\n")
	if err := r.Reload(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	before.say("NOOP", "250") // it came by a listener that is no more
	if c, err := net.Dial("tcp", r.address); err == nil {
		c.Close()
		t.Error("the listener that was taken out still answers")
	}
}

func TestAReloadOfWhatIsWrongChangesNothing(t *testing.T) {
	r := run(t, ours, "")
	missing := filepath.Join(t.TempDir(), "missing.pem")
	for _, test := range []struct{ reason, text string }{
		{"a certificate that is not there", "[mta.tls]\ncert = \"" + missing + "\"\nkey = \"" + missing + "\"\n[[mta.listen]]\naddress = \"127.0.0.1:0\"\n"},
		{"a port that is taken", "[[mta.listen]]\naddress = \"127.0.0.1:0\"\n[[mta.listen]]\naddress = \"" + taken(t) + "\"\n"},
		{"another user", "run_as = \"nobody\"\n[[mta.listen]]\naddress = \"127.0.0.1:0\"\n"},
	} {
		t.Run(test.reason, func(t *testing.T) {
			if err := r.Reload(t.Context(), configOf(t, test.text)); err == nil {
				t.Fatal("it was taken")
			}
			c := r.dial()
			c.hello()
			c.say("MAIL FROM:<>", "250")
			c.say("RCPT TO:<you@example.org>", "250")
		})
	}
}

func taken(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// A message under way when the server is told to stop is taken in; one who waits
// is told.
func TestAStopFinishesWhatIsUnderWay(t *testing.T) {
	r := run(t, ours, "")
	sending, waiting := r.dial(), r.dial()
	sending.hello()
	waiting.hello()
	sending.say("MAIL FROM:<>", "250")
	sending.say("RCPT TO:<you@example.org>", "250")
	sending.say("DATA", "354")
	r.stop()
	if got := waiting.reply(); !strings.HasPrefix(got, "421 4.3.2") {
		t.Errorf("who waits is told %q", got)
	}
	sending.say("Subject: x\r\n\r\nthe end\r\n.", "250 2.0.0")
	if entries, _ := r.kept(); len(entries) != 1 {
		t.Errorf("%d messages are kept", len(entries))
	}
}

// A reload is in an administrator's hand, and must not be a way to guess on, or to
// ask the name service for everything at once.
func TestAReloadForgetsNeitherWhoGuessesNorWhatTheNameServiceSaid(t *testing.T) {
	text := users(t) + "[mta.auth]\noptions = \"y\"\n[[mta.listen]]\naddress = \"127.0.0.1:0\"\n"
	synctest.Test(t, func(t *testing.T) { forgetsNothing(t, text) })
}

func forgetsNothing(t *testing.T, text string) {
	s := serverOf(t, text)
	defer s.closePorts() // they are shut whatever they say
	asked := s.rules.Load().names
	if err := s.Reload(t.Context(), configOf(t, text)); err != nil {
		t.Fatal(err)
	}
	if s.rules.Load().names != asked {
		t.Error("the answers of the name service are forgotten")
	}
	facts := auth.Facts{Remote: netip.MustParseAddrPort("192.0.2.7:4711")}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	before := s.rules.Load().auth
	for range 8 {
		go func() {
			server, err := before.Server(ctx, "PLAIN", facts, func(string, error) {})
			if err != nil {
				t.Error(err)
				return
			}
			_, _, _ = server.Next([]byte("\x00fred\x00wrong")) // it waits for its answer
		}()
	}
	synctest.Wait()
	if err := s.Reload(t.Context(), configOf(t, "name_servers = [\"192.0.2.53\"]\n"+text)); err != nil {
		t.Fatal(err)
	}
	if s.rules.Load().names == asked {
		t.Error("another name server is not asked")
	}
	server, err := s.rules.Load().auth.Server(t.Context(), "PLAIN", facts, func(string, error) {})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err = server.Next([]byte("\x00fred\x00secret")); err == nil || !strings.Contains(err.Error(), "Too many wrong log-ins") {
		t.Errorf("who guesses is told %v", err)
	}
}

// A bad line keeps the map from before, on SIGHUP too.
func TestAReloadWithABadAccessMapKeepsTheEntriesFromBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("From:bad@example.net\tREJECT\n")
	text := "dont_blame_sendmail = [\"TrustStickyBit\"]\nlocal = [\"example.org\"]\nmap = { access = \"" + path + "\" }\n[mta.policy]\naccept_unresolvable_domains = true\n"
	r := run(t, text, "")
	write("From:bad@example.net\tREJECT\nGreetPause:[192.0.2.1\tsoon\n")
	if err := r.Reload(t.Context(), configOf(t, text+"[[mta.listen]]\naddress = \"127.0.0.1:0\"\n")); err != nil {
		t.Fatal(err)
	}
	c := r.dial()
	c.hello()
	c.say("MAIL FROM:<bad@example.net>", "550 5.7.1")
	c.say("MAIL FROM:<good@example.net>", "250")
}

func TestTheGreylistOutlivesAReloadThatDoesNotChangeIt(t *testing.T) {
	text := "local = [\"example.org\"]\n[mta.policy]\naccept_unresolvable_domains = true\n[mta.greylist]\non = true\n"
	r := run(t, text, "")
	before := r.rules.Load().greylist
	if before == nil {
		t.Fatal("there is none")
	}
	listener := "[[mta.listen]]\naddress = \"127.0.0.1:0\"\n"
	if err := r.Reload(t.Context(), configOf(t, text+listener)); err != nil {
		t.Fatal(err)
	}
	if r.rules.Load().greylist != before {
		t.Error("the same settings made another list")
	}
	if err := r.Reload(t.Context(), configOf(t, text+"delay = \"1m\"\n"+listener)); err != nil {
		t.Fatal(err)
	}
	if r.rules.Load().greylist == before {
		t.Error("other settings kept the list as it was")
	}
}
