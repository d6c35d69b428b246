package local

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/lab"
)

// Dovecot keeps a message for each recipient it has room for, and says so of each.
func TestDovecotTakesMailByLMTP(t *testing.T) {
	box := lab.StartDovecot(t)
	for _, at := range []string{box.Socket, "unix:" + box.Socket, box.TCP} {
		o := Options{Hostname: "mail.example.org"}
		o.Mailer = "lmtp:" + at
		d, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		var jobs []Job
		for _, user := range []string{"alice", "full", "nobody-there", "bob"} {
			j := job(user)
			j.Open = opens("Subject: by " + at + "\n\n" + strings.Repeat("a line\n", 500) + ".\nend\n")
			jobs = append(jobs, j)
		}
		got := d.DeliverAll(t.Context(), jobs)
		for i, want := range []string{"250 2.0.0", "452 4.2.2", "550 5.1.1", "250 2.0.0"} {
			if !strings.HasPrefix(got[i].String(), want) {
				t.Errorf("%s, %s: %v", at, jobs[i].User, got[i])
			}
		}
	}
	for _, user := range []string{"alice", "bob"} {
		got := mails(t, filepath.Join(box.Mail, user, "Maildir/new"))
		if len(got) != 3 || !strings.Contains(strings.Join(got, ""), "Return-Path: <sender@example.com>") || !strings.Contains(got[0], "\n.\nend\n") {
			t.Errorf("%s has %d messages: %.500q", user, len(got), got)
		}
	}
	if _, err := os.Stat(filepath.Join(box.Mail, "nobody-there")); err == nil {
		t.Error("there is a mailbox of nobody")
	}
}
