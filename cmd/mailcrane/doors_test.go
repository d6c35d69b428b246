package main

import (
	"testing"

	"mailcrane/internal/config"
	"mailcrane/mta/site"
	"mailcrane/queue"
)

func TestTheSessionsWithOneDestinationAreBounded(t *testing.T) {
	c := &config.Config{}
	c.MTA.Exchange.Sessions = 7
	runner := (&app{}).runner(c, nil, plainLog{})
	runner.Sessions = func(queue.Route) int { return 2 }
	asServer(runner, c, site.Options{})
	for _, want := range []struct {
		route    queue.Route
		sessions int
		host     string
	}{
		{"esmtp:example.org", 7, "example.org"},
		{"relay:[192.0.2.1]:2525", 7, "192.0.2.1"},
		{"smtp:a.example:b.example,c.example", 7, "a.example"},
		{"local:", 0, ""},
		{"home", 2, "home"},
	} {
		if want.route == "home" {
			runner.HostOf = func(r queue.Route) string { return string(r) }
		}
		if n, host := runner.Sessions(want.route), runner.HostOf(want.route); n != want.sessions || host != want.host {
			t.Errorf("%s: %d sessions, host %q", want.route, n, host)
		}
	}
}
