package installer

import (
	"encoding/json"
	"testing"
)

// Whoever looks for a message finds it by its facts, and not by words of a line.
func TestTheJournalHasTheFactsOfALineAsFields(t *testing.T) {
	m, u := installServer(t, "log.target = \"journal\"")
	u.does("mailcrane service start --system")
	s, err := connect(m)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if reply, err := s.mail("first"); err != nil || reply[:3] != "250" {
		t.Fatalf("%q, %v", reply, err)
	}
	const look = "journalctl -o json -t mailcrane MAILCRANE_EVENT=received"
	u.await(look + " | grep -q .")
	var fields map[string]any
	if err := json.Unmarshal([]byte(u.says(look+" | head -n 1")), &fields); err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{
		"MAILCRANE_FROM": "me@example.net", "MAILCRANE_NRCPTS": "1", "MAILCRANE_DAEMON": "MTA", "MAILCRANE_RELAY": "localhost [127.0.0.1]",
		"SYSLOG_IDENTIFIER": "mailcrane", "SYSLOG_FACILITY": "2", "_SYSTEMD_UNIT": "mailcrane.service",
	} {
		if fields[field] != want {
			t.Errorf("%s is %v, want %s: %v", field, fields[field], want, fields)
		}
	}
}
