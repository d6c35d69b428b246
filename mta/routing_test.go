package mta

import (
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/mta/aliases"
	"mailcrane/mta/names"
	"mailcrane/mta/route"
	"mailcrane/queue"
)

// Regression: who reads the queue asked the maps for each message, and a database that
// hangs kept all mail of the server waiting, whatever it was for.
func TestWhoReadsTheQueueWaitsForNoDatabase(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "mail.db")
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, text := range []string{"CREATE TABLE hops (domain TEXT, hop TEXT)", "BEGIN EXCLUSIVE"} {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"hops.toml":   fmt.Sprintf("database = %q\nquery = \"SELECT hop FROM hops WHERE domain = ?\"\ntimeout = \"20s\"\n", file),
		"mailertable": "other.example esmtp:one.example\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		why, setting string
		straight     bool
	}{
		{"a text file is read already", filepath.Join(dir, "mailertable"), true},
		{"a database is not asked", "sqlite:" + filepath.Join(dir, "hops.toml"), false},
		{"with a flag neither", "-D sqlite:" + filepath.Join(dir, "hops.toml"), false},
	} {
		text := fmt.Sprintf("dont_blame_sendmail = [\"TrustStickyBit\"]\n[mta.map]\nmailertable = %q\n", c.setting)
		r, err := NewRouting(configOf(t, text), RoutingOptions{Names: names.New(names.Options{})})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		door, straight := r.Straight(&queue.Envelope{To: []queue.Recipient{{Address: "joe@far.example"}}})
		if took := time.Since(began); straight != c.straight || took > 10*time.Second {
			t.Errorf("%s: it is %q, %v, after %s", c.why, door, straight, took)
		}
	}
}

// In delivery mode d a map with the flag -D is not asked where mail is taken in, but
// where it is sorted.
//
// Coverage: B57.
func TestInDeliveryModeDAMapMayBeLeftToTheQueueRun(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "aliases"), []byte("staff: you@far.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ why, mode, flag, staff, zoe string }{
		{"it is asked", "deferred", "", "250", "550 5.1.1"},
		{"left to the queue run, anybody may be in it", "deferred", "-D ", "250", "250"},
		{"in another mode the flag says nothing", "background", "-D ", "250", "550 5.1.1"},
	} {
		text := fmt.Sprintf(`delivery_mode = %q
[mta]
hostname = "mail.example.org"
local = ["example.org"]
dont_blame_sendmail = ["TrustStickyBit"]
[mta.policy]
accept_unresolvable_domains = true
[mta.map]
aliases = [%q]
[[mta.listen]]
address = "127.0.0.1:0"
`, c.mode, c.flag+filepath.Join(dir, "aliases"))
		settings, err := config.Parse("m.toml", []byte(text), func(string) string { return t.TempDir() })
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(settings, Options{
			Users: nobodyAtAll{}, Now: time.Now, Load: func() float64 { return 0 }, Log: slog.New(slog.DiscardHandler),
			Spool: queue.NewSpool(filepath.Join(t.TempDir(), "spool"), queue.OS{}, time.Now),
		})
		if err != nil {
			t.Fatal(err)
		}
		r := serving(t, s)
		client := r.dial()
		client.hello()
		client.say("MAIL FROM:<me@example.net>", "250")
		client.say("RCPT TO:<staff@example.org>", c.staff)
		client.say("RCPT TO:<zoe@example.org>", c.zoe)
		known, err := r.rules.Load().routing.Expander.Known(t.Context(), "", "staff@example.org")
		if err != nil || known.Kind != route.Mailbox {
			t.Errorf("%s: when it is sorted: %+v, %v", c.why, known, err)
		}
	}
}

// nobodyAtAll has no users.
type nobodyAtAll struct{}

func (nobodyAtAll) Lookup(string) (aliases.User, bool, error) { return aliases.User{}, false, nil }

func (nobodyAtAll) LookupUID(uint32) (aliases.User, bool, error) { return aliases.User{}, false, nil }
