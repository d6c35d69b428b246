package main

import (
	"testing"

	"mailcrane/internal/config"
	"mailcrane/netwatch/policy"
	"mailcrane/queue"
)

// decided is what the rules say of each route.
type decided map[queue.Route]policy.Decision

func (d decided) Decision(r queue.Route) policy.Decision { return d[r] }

func TestHostSessionsAndDialAreThoseOfWhatCarriesTheMail(t *testing.T) {
	const text = "[account.home]\nfrom = [\"a@x.org\"]\nsmarthost = \"smtps://home.example\"\nuser = \"me\"\nsessions = 2\n" +
		"[account.work]\nfrom = [\"b@x.org\"]\nsmarthost = \"smtps://work.example\"\nuser = \"me\"\nsessions = 5\non_demand = true\n"
	c, err := config.Parse("m.toml", []byte(text), func(name string) string { return map[string]string{"HOME": "/home/me"}[name] })
	if err != nil {
		t.Fatal(err)
	}
	relay := config.Smarthost{Host: "relay.example", Port: "465"}
	for _, want := range []struct {
		reason   string
		decision policy.Decision
		host     string
		sessions int
		dial     config.Dial
	}{
		{"its own", policy.Decision{Account: "home"}, "home.example", 2, config.DialFreely},
		{"another account's", policy.Decision{Account: "work"}, "work.example", 5, config.DialOnDemand},
		{"another server's", policy.Decision{Account: "home", Smarthost: relay}, "relay.example", 2, config.DialFreely},
		{"no account's", policy.Decision{Account: "gone"}, "", 0, config.DialFreely},
	} {
		runner := (&app{}).runner(c, nil, plainLog{})
		obey(runner, c, carriedBy(c, decided{"home": want.decision}))
		if host, sessions, dial := runner.HostOf("home"), runner.Sessions("home"), runner.Dial("home"); host != want.host || sessions != want.sessions || dial != want.dial {
			t.Errorf("%s: %s, %d sessions, dial %v", want.reason, host, sessions, dial)
		}
	}
}
