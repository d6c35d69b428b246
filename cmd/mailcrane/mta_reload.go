package main

import (
	"slices"
	"strings"

	"mailcrane/internal/config"
)

// ofServerToo are the settings that a server shares with the queue runs and the
// listeners of this machine: on SIGHUP the server alone takes them.
var ofServerToo = [...]string{
	"delivery_mode", "hostname",
	"submit.privacy_options", "submit.max_headers", "submit.max_message", "submit.max_hops", "submit.max_recipients", "submit.min_free_blocks",
	"queue.refuse_load", "queue.delay_load", "queue.reject_log_interval",
	"timeout.command", "timeout.datablock", "timeout.auth", "timeout.starttls",
}

// takenLive says that SIGHUP is all that a changed key needs.
func takenLive(key string) bool {
	switch {
	case strings.HasPrefix(key, "mta.log."), strings.HasPrefix(key, "mta.watch."):
		return false
	}
	return strings.HasPrefix(key, "mta.") || strings.HasPrefix(key, "timeout.resolver_") || key == "timeout.ident" || key == "log_level"
}

// notTaken names the keys that are not as they were when the process began, and
// that it goes by in part only, or not at all, before it begins anew.
func notTaken(began, now *config.Config) (partly, not []string) {
	for o := range config.Options() {
		if o.Key == "" || takenLive(o.Key) {
			continue
		}
		for _, name := range namesOfBoth(began, now, o.Key) {
			if o.Shown(began, name) == o.Shown(now, name) && (o.Key != "account.NAME.secret" || secretOf(began, name) == secretOf(now, name)) {
				continue
			}
			key := keyFor(o.Key, name)
			if slices.Contains(ofServerToo[:], o.Key) {
				partly = append(partly, key)
			} else {
				not = append(not, key)
			}
		}
	}
	return partly, not
}

// namesOfBoth are the accounts, rules or queues that a key is about in either
// configuration; "" for a key that stands for itself.
func namesOfBoth(began, now *config.Config, key string) []string {
	table, _ := splitKey(key)
	if !strings.Contains(table, "NAME") {
		return []string{""}
	}
	names := namesIn(began, table)
	for _, name := range namesIn(now, table) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// secretOf is where the secret of an account comes from, which is not shown.
func secretOf(c *config.Config, account string) config.Secret {
	if a := c.Account(account); a != nil {
		return a.Secret
	}
	return config.Secret{}
}
