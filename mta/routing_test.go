package mta

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mailcrane/mta/names"
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
