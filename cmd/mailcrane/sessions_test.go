package main

import (
	"testing"

	"mailcrane/internal/config"
	"mailcrane/queue"
)

func TestSessionsAreThoseOfTheAccount(t *testing.T) {
	const text = "default_account = \"one\"\n" +
		"[account.one]\nfrom = [\"a@x.org\"]\nsmarthost = \"smtps://x.org\"\nuser = \"me\"\nsessions = 1\n" +
		"[account.four]\nfrom = [\"b@x.org\"]\nsmarthost = \"smtps://x.org\"\nuser = \"me\"\nsessions = 4\n" +
		"[account.auto]\nfrom = [\"c@x.org\"]\nsmarthost = \"smtps://x.org\"\nuser = \"me\"\nsessions = \"auto\"\n"
	c, err := config.Parse("m.toml", []byte(text), func(name string) string { return map[string]string{"HOME": "/home/me"}[name] })
	if err != nil {
		t.Fatal(err)
	}
	for route, want := range map[queue.Route]int{"one": 1, "four": 4, "auto": 0, "gone": 0} {
		if got := (&app{}).runner(c, nil, plainLog{}).Sessions(route); got != want {
			t.Errorf("account %s: %d sessions, want %d", route, got, want)
		}
	}
}
