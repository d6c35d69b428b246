package auth

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"

	"mailcrane/internal/config"
	"mailcrane/internal/lab"
	"mailcrane/mta/safefile"
	relaysasl "mailcrane/smarthost/relay/sasl"
)

func byDovecot(t *testing.T, socket string) (*Auth, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	c := &config.Config{}
	c.MTA.Users = config.Users{Dovecot: socket, Options: "py"}
	a, err := New(t.Context(), c, safefile.Rules{}, slog.New(slog.NewTextHandler(log, nil)), time.Now, NewGuesses(time.Now), nil)
	if err != nil {
		t.Fatal(err)
	}
	return a, log
}

func TestARealDovecotLogsInByAllThatItOffers(t *testing.T) {
	host := lab.Postfix(t)
	a, log := byDovecot(t, host.DovecotAuth())
	inClear, inTLS := client(nil), client(nil)
	inTLS.TLS = &tls.ConnectionState{Version: tls.VersionTLS12}
	if got := a.Mechanisms(inClear); slices.Contains(got, "PLAIN") || !slices.Contains(got, "SCRAM-SHA-256") {
		t.Errorf("without TLS there are %v", got)
	}
	for _, name := range []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"} {
		for _, secret := range []string{host.Password, planted} {
			t.Run(name+" with "+secret, func(t *testing.T) {
				a.guesses = NewGuesses(time.Now)
				c, _, err := relaysasl.Credentials{User: host.User, Secret: secret, Mechanism: name}.Choose(a.Mechanisms(inTLS), relaysasl.Link{Loopback: true})
				if err != nil {
					t.Fatal(err)
				}
				user, reply := converse(t, a, inTLS, c)
				switch {
				case secret == host.Password && (user != host.User || reply != nil):
					t.Errorf("%q, %v", user, reply)
				case secret == planted && (user != "" || reply == nil || reply.Code != 535):
					t.Errorf("a wrong password: %q, %v", user, reply)
				}
			})
		}
	}
	if strings.Contains(log.String(), planted) || strings.Contains(log.String(), host.Password) {
		t.Errorf("a password is in the log: %s", log)
	}
}

// scripted is a Dovecot that says its part, and answers each request by the
// next line.
func scripted(t *testing.T, answers ...string) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "auth")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answer(conn, answers)
		}
	}()
	return socket
}

func answer(conn net.Conn, answers []string) {
	defer conn.Close()
	conn.Write([]byte("VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tANONYMOUS\tanonymous\nSPID\t1\nDONE\n")) // it is looked at by what comes
	text := make([]byte, mostAnswer)
	read := ""
	for _, line := range answers {
		for !strings.Contains(read, "AUTH\t1\t") {
			n, err := conn.Read(text)
			if err != nil {
				return
			}
			read += string(text[:n])
		}
		read = ""
		conn.Write([]byte(line + "\n")) // as above
	}
}

func TestWhatDovecotSaysIsUnderstood(t *testing.T) {
	for _, c := range []struct {
		reason, line string
		code         int
		user         string
	}{
		{"a log-in, under another name", "OK\t1\tuser=Ann@Example.org", 0, "Ann@Example.org"},
		{"a name with a tab", "OK\t1\tuser=a\x01tb", 0, "a\tb"},
		{"refused", "FAIL\t1\tuser=ann\tauthz", 535, ""},
		{"cannot be said now", "FAIL\t1\tuser=ann\ttemp\treason=db\x01ndown", 454, ""},
		{"nobody", "OK\t1", 454, ""},
		{"another request", "OK\t2\tuser=ann", 454, ""},
		{"no part of the protocol", "HELLO", 454, ""},
		{"a line without an end", strings.Repeat("x", 2*mostAnswer), 454, ""},
		{"it hangs up", "", 454, ""},
	} {
		t.Run(c.reason, func(t *testing.T) {
			a, log := byDovecot(t, scripted(t, c.line))
			user, reply := converse(t, a, client(&tls.ConnectionState{Version: tls.VersionTLS12}), sasl.NewPlainClient("", "ann", planted))
			code := 0
			if reply != nil {
				code = reply.Code
			}
			if user != c.user || code != c.code {
				t.Errorf("%q, %d; want %q, %d", user, code, c.user, c.code)
			}
			if strings.Contains(log.String(), planted) || strings.Count(log.String(), "\n") > 1 {
				t.Errorf("the log: %s", log)
			}
		})
	}
}

func TestADovecotThatIsNotThereRefusesForTheMoment(t *testing.T) {
	socket := scripted(t, "OK\t1\tuser=ann")
	a, log := byDovecot(t, socket)
	if got := a.Mechanisms(client(&tls.ConnectionState{Version: tls.VersionTLS12})); !slices.Equal(got, []string{"PLAIN"}) {
		t.Fatalf("offered is %v; ANONYMOUS must not be", got)
	}
	a.store.(*dovecot).socket = socket + ".gone"
	_, reply := converse(t, a, client(&tls.ConnectionState{Version: tls.VersionTLS12}), sasl.NewPlainClient("", "ann", planted))
	if reply == nil || reply.Code != 454 || !strings.Contains(log.String(), "could not be checked") {
		t.Errorf("%v; log %s", reply, log)
	}
}

// A client's EHLO asks for the mechanisms, and must not wait for a Dovecot that
// hangs; and a reload meanwhile must not lose what it has said.
func TestADovecotThatHangsHoldsNobodyUp(t *testing.T) {
	socket := scripted(t, "OK\t1\tuser=ann") // it stays until it is asked
	a, _ := byDovecot(t, socket)
	d := a.store.(*dovecot)
	hung := socket + ".hung"
	l, err := net.Listen("unix", hung) // it takes connections, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d.mu.Lock()
	d.socket, d.asked = hung, time.Time{}
	d.mu.Unlock()
	began := time.Now()
	for range 3 {
		if got := a.Mechanisms(inTLS()); !slices.Equal(got, []string{"PLAIN"}) {
			t.Errorf("offered is %v", got)
		}
	}
	c := &config.Config{}
	c.MTA.Users = config.Users{Dovecot: hung, Options: "y"}
	again, err := New(t.Context(), c, safefile.Rules{}, slog.New(slog.DiscardHandler), time.Now, NewGuesses(time.Now), a)
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Mechanisms(inTLS()); !slices.Contains(got, "PLAIN") {
		t.Errorf("after a reload %v is offered", got)
	}
	if took := time.Since(began); took > greetTime/2 {
		t.Errorf("clients waited for %v", took)
	}
}

func FuzzDovecotsAnswers(f *testing.F) {
	for _, seed := range []string{"OK\t1\tuser=ann", "FAIL\t1\ttemp", "CONT\t1\tYQ==", "CONT\t1", "MECH\tPLAIN\tplaintext", "\x01t"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words := strings.Split(line, "\t")
		s := &dovecotServer{found: func(user string) {
			if user == "" {
				t.Error("nobody has logged in")
			}
		}}
		_, done, err := s.answer(words)
		if done && (err != nil || s.user == "" || words[0] != "OK") {
			t.Errorf("%q logs in", line)
		}
		parseMech(words)
	})
}
