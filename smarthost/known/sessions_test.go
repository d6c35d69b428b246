package known

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// resumable is a session of a real handshake whose ticket is text.
func resumable(t testing.TB, text string) *tls.ClientSessionState {
	t.Helper()
	state, err := tls.NewResumptionState([]byte(text), sessionOf(t))
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// shown is the ticket of the session that would be resumed, "" for none.
func shown(t *testing.T, c tls.ClientSessionCache, name string) string {
	t.Helper()
	state, ok := c.Get(name)
	if !ok {
		return ""
	}
	ticket, _, err := state.ResumptionState()
	if err != nil {
		t.Fatal(err)
	}
	return string(ticket)
}

const server = "smtp.example.org"

func TestATicketIsShownOnceWhereThereAreMore(t *testing.T) {
	f := newFiles()
	v := run(f)
	for _, ticket := range []string{"1", "2", "3"} {
		v.Sessions("").Put(server, resumable(t, ticket))
	}
	var got []string
	for range 5 {
		v.Save()
		v = run(f)
		got = append(got, shown(t, v.Sessions(""), server))
	}
	// The last is better than none.
	if want := "3 2 1 1 1"; strings.Join(got, " ") != want {
		t.Errorf("shown %s, want %s", strings.Join(got, " "), want)
	}
	v.Sessions("").Put(server, resumable(t, "4"))
	for range 2 {
		if got := shown(t, v.Sessions(""), server); got != "4" {
			t.Errorf("shown %s, want the new one: those that were shown are gone", got)
		}
	}
}

func TestFewTicketsAreKept(t *testing.T) {
	v := run(newFiles())
	for i := range 9 {
		v.Sessions("").Put(server, resumable(t, fmt.Sprint(i)))
	}
	if len(v.tickets) != mostTickets || shown(t, v.Sessions(""), server) != "8" {
		t.Errorf("%d are kept", len(v.tickets))
	}
	v.Sessions("").Put(server, resumable(t, strings.Repeat("x", mostTicket)))
	if shown(t, v.Sessions(""), server) != "7" {
		t.Error("one that is too large was kept")
	}
}

func TestARefusedTicketIsDropped(t *testing.T) {
	v := run(newFiles())
	v.Sessions("").Put(server, resumable(t, "1"))
	c := v.Sessions("")
	c.Get(server)
	c.Put(server, nil)
	if got := shown(t, v.Sessions(""), server); got != "" {
		t.Errorf("shown again: %s", got)
	}
}

func TestATicketIsForOneIdentityNameAndPolicy(t *testing.T) {
	for _, c := range []struct {
		why          string
		id           Identity
		name, policy string
		machine      bool // another one
		age          time.Duration
		want         string
	}{
		{"the same", identity, server, "p", false, 0, "1"},
		{"another policy", identity, server, "q", false, 0, ""},
		{"another name in the certificate", identity, "other.example.org", "p", false, 0, ""},
		{"another account", Identity{"home", identity.Host, identity.Port, identity.User}, server, "p", false, 0, ""},
		{"another host", Identity{identity.Account, "other.example.org", identity.Port, identity.User}, server, "p", false, 0, ""},
		{"another port", Identity{identity.Account, identity.Host, "587", identity.User}, server, "p", false, 0, ""},
		{"another user", Identity{identity.Account, identity.Host, identity.Port, "you"}, server, "p", false, 0, ""},
		{"another key of the machine's", identity, server, "p", true, 0, ""},
		{"eight days later", identity, server, "p", false, 8 * 24 * time.Hour, ""},
		{"a day before: the clock was set back", identity, server, "p", false, -24 * time.Hour, ""},
	} {
		f := newFiles()
		v := run(f)
		v.Sessions("p").Put(server, resumable(t, "1"))
		v.Save()
		if c.machine {
			delete(f.text, keyFile)
		}
		// As if somebody had put one server's tickets into another's file.
		other := NewStore(f, at(testNow.Add(c.age)), nil).Server(c.id)
		other.tickets = v.tickets
		if got := shown(t, other.Sessions(c.policy), c.name); got != c.want {
			t.Errorf("%s: shown %q, want %q", c.why, got, c.want)
		}
		if c.want == "" && len(other.tickets) > 0 {
			t.Errorf("%s: what cannot be opened is kept", c.why)
		}
	}
}

func TestADamagedKeyIsReplaced(t *testing.T) {
	f := newFiles()
	f.text[keyFile] = "c2hvcnQ=\n"
	v := run(f)
	v.Sessions("").Put(server, resumable(t, "1"))
	v.Save()
	if got := shown(t, run(f).Sessions(""), server); got != "1" {
		t.Errorf("shown %q", got)
	}
}

func TestSealedSessionsTellNothing(t *testing.T) {
	f := newFiles()
	v := run(f)
	v.Sessions("").Put(server, resumable(t, "a ticket in the clear"))
	v.Save()
	first := string(v.tickets[0].Sealed)
	if strings.Contains(first, "ticket in") {
		t.Error("it is not sealed")
	}
	v.Sessions("").Put(server, resumable(t, "a ticket in the clear"))
	if string(v.tickets[1].Sealed) == first {
		t.Error("the same session is sealed the same way twice")
	}
}

// sessionOf is the state of a session that a server has begun.
func sessionOf(t testing.TB) *tls.SessionState {
	t.Helper()
	got := &taken{}
	ours, theirs := net.Pipe()
	defer ours.Close()
	certificate := selfSigned(t)
	go func() {
		defer theirs.Close()
		conn := tls.Server(theirs, &tls.Config{Certificates: []tls.Certificate{certificate}})
		_, _ = conn.Write([]byte("x")) // the client says
	}()
	conn := tls.Client(ours, &tls.Config{
		ServerName: server, ClientSessionCache: got, InsecureSkipVerify: true, //nolint:gosec // a certificate of our own
		CurvePreferences: []tls.CurveID{tls.X25519},
	})
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	_, state, err := got.state.ResumptionState()
	if err != nil {
		t.Fatal(err)
	}
	return state
}

type taken struct{ state *tls.ClientSessionState }

func (c *taken) Get(string) (*tls.ClientSessionState, bool)  { return nil, false }
func (c *taken) Put(_ string, state *tls.ClientSessionState) { c.state = state }
