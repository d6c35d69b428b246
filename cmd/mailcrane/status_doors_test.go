package main

import (
	"errors"
	"testing"
	"time"

	"mailcrane/queue"
)

func TestADoorIsTheSameForAPersonInWords(t *testing.T) {
	for door, want := range map[queue.Route]string{
		"sort:":                     "to be sorted by their recipients",
		"local:":                    "for mailboxes, files and programs of this machine",
		"procmail:/etc/rules":       "for procmail, by the rules /etc/rules",
		"esmtp:far.example":         "for the exchangers of far.example",
		"relay:[hub.example]":       "for hub.example",
		"esmtp:a.example,b.example": "for a.example,b.example",
		"dsmtp:laptop.example":      "for laptop.example, when somebody asks for it",
		"error:":                    "to be refused",
	} {
		if got := doorWords(door); got != want {
			t.Errorf("%s is %q, not %q", door, got, want)
		}
	}
}

func TestWhatWaitsForADoorIsToldByWhatWasSaidLast(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	of := func(route queue.Route, why string, said, next time.Duration) waiting {
		w := waiting{route: route, why: why}
		w.Name.Next = now.Add(next)
		w.Envelope = &queue.Envelope{To: []queue.Recipient{{Address: "you@far.example"}}}
		w.Results = []queue.Result{{State: queue.Deferred, Last: queue.Record{At: now.Add(said)}}}
		return w
	}
	all := make(tally)
	for _, w := range []waiting{
		of("esmtp:b.example", "451 later", -time.Minute, time.Hour),
		of("esmtp:b.example", "452 full", -time.Second, 2*time.Hour),
		of("esmtp:b.example", "", 0, 3*time.Hour),
		of("local:", "", 0, -time.Second),
		of("esmtp:a.example", "421 busy", 0, time.Hour),
		of("work", "an account is told of in its own line", 0, 0),
		of("", errors.New("nobody carries it").Error(), 0, 0),
	} {
		all.count(w, now)
	}
	doors := all.all()
	if len(doors) != 3 || doors[0].Door != "esmtp:b.example" || doors[1].Door != "esmtp:a.example" || doors[2].Door != "local:" {
		t.Fatalf("%+v", doors)
	}
	if b := doors[0]; b.Waiting != 3 || b.Why != "452 full" || b.Next == nil || !b.Next.Equal(now.Add(time.Hour)) {
		t.Errorf("%+v", b)
	}
	if doors[2].Next != nil {
		t.Errorf("what is due has no next time: %+v", doors[2])
	}
}
