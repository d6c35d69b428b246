//go:build unix

package smarthost

import (
	"context"
	"strings"
	"testing"

	"mailcrane/internal/config"
	"mailcrane/queue"
)

// carried is a world with the accounts home and work, each with its own password
// and server, and what carries the mail of home.
type carried struct {
	*world
	home, work             *config.Account
	homeServer, workServer *server
	relay                  *server
	by                     *config.Account
	out                    *Transport
}

func newCarried(t *testing.T) *carried {
	w := newWorld(t)
	c := &carried{
		world: w, homeServer: serve(t, true, w.good(), "PLAIN"), workServer: serve(t, true, w.good(), "PLAIN"), relay: serve(t, true, w.good(), "PLAIN"),
	}
	c.home, c.work = w.account("home", "me@home.example", c.homeServer.address), w.account("work", "me@work.example", c.workServer.address)
	for account, secret := range map[*config.Account]string{c.home: "the secret of home", c.work: "the secret of work"} {
		setPassword(t, account, secret)
	}
	c.homeServer.password, c.relay.password, c.workServer.password = "the secret of home", "the secret of home", "the secret of work"
	c.out = w.transport()
	c.out.options.Carries = func(context.Context, queue.Route) *config.Account { return c.by }
	return c
}

// through is home with the server at relay.
func (c *carried) through() *config.Account {
	other := c.home.Through(config.Smarthost{Host: hostName, Port: "9999", TLS: config.Implicit})
	c.real[other.Smarthost.Addr()] = c.relay.address
	return other
}

func (c *carried) open() {
	c.t.Helper()
	s, fault := c.out.Open(c.t.Context(), "home")
	if fault != nil {
		c.t.Fatalf("%s; %s", fault.Sentence(), fault.Hint)
	}
	s.Close(context.Background())
}

// Coverage: by.
func TestASessionIsOpenedByTheAccountThatCarriesTheMail(t *testing.T) {
	c := newCarried(t)
	for _, step := range []struct {
		reason string
		by     *config.Account
		server *server
		user   string
	}{
		{"no rule", nil, c.homeServer, "me@home.example"},
		{"another account", c.work, c.workServer, "me@work.example"},
		{"another server for the same account", c.through(), c.relay, "me@home.example"},
		{"its own again", nil, c.homeServer, "me@home.example"},
	} {
		_, before := step.server.seen()
		c.by = step.by
		c.open()
		if _, logins := step.server.seen(); len(logins) != len(before)+1 || logins[len(logins)-1] != "PLAIN "+step.user {
			t.Errorf("%s: log-ins %q", step.reason, logins)
		}
	}
	for _, s := range []struct {
		what   string
		server *server
		never  string
	}{
		{"home's", c.homeServer, "secret of work"},
		{"the relay", c.relay, "secret of work"},
		{"work's", c.workServer, "secret of home"},
	} {
		if refusals, _ := s.server.seen(); refusals > 0 {
			t.Errorf("%s server refused %d log-ins", s.what, refusals)
		}
		s.server.locked(func() {
			if strings.Contains(s.server.heard.String(), s.never) {
				t.Errorf("%s server heard the %s", s.what, s.never)
			}
		})
	}
	if !strings.Contains(c.trace.String(), "home ") || strings.Contains(c.trace.String(), "work ") {
		t.Error("the lines of a session are not told as those of its route")
	}
}

// A password that one server has refused is not known to be wrong at another,
// nor one that was accepted there known to be right here.
func TestWhatIsKnownOfOneServerIsNotUsedForAnother(t *testing.T) {
	c := newCarried(t)
	c.relay.password = "another one"
	c.by = c.through()
	if _, fault := c.out.Open(t.Context(), "home"); fault == nil || fault.Step != queue.StepAuth || !fault.NeedsPerson {
		t.Fatalf("the relay took a wrong password: %+v", fault)
	}
	if _, fault := c.out.Open(t.Context(), "home"); fault == nil || fault.Step != queue.StepSecret {
		t.Errorf("it was shown the password again: %+v", fault)
	}
	if refusals, _ := c.relay.seen(); refusals != 1 {
		t.Errorf("it refused %d times", refusals)
	}
	c.by = nil
	c.open()
	if _, logins := c.homeServer.seen(); len(logins) != 1 {
		t.Error("the account's own server was not asked")
	}
}

func TestACheckIsOfTheAccountItself(t *testing.T) {
	c := newCarried(t)
	c.by = c.work
	if r, fault := c.out.Check(t.Context(), "home"); fault != nil || r.Server != c.home.Smarthost.Addr() {
		t.Errorf("%+v, %+v", r, fault)
	}
}
