package greylist

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A clock is put forward by hand.
type clock struct{ now time.Time }

func (c *clock) read() time.Time { return c.now }

func begin(t *testing.T, c *clock, file string) *List {
	t.Helper()
	if c.now.IsZero() {
		c.now = time.Unix(1_800_000_000, 0)
	}
	l, err := New(Options{Delay: 5 * time.Minute, Window: 24 * time.Hour, Keep: 30 * 24 * time.Hour, File: file, Now: c.read})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func try(l *List, client, from, to string) string {
	wait, passed := l.Seen(netip.MustParseAddr(client), from, to)
	if passed {
		return "passed"
	}
	return wait.String()
}

// Coverage: X5.
func TestMailIsPutOffOnceAndLetThroughWhenItComesAgain(t *testing.T) {
	var c clock
	l := begin(t, &c, "")
	for _, step := range []struct {
		reason           string
		after            time.Duration
		client, from, to string
		want             string
	}{
		{"the first try", 0, "192.0.2.1", "a@x.example", "b@y.example", "5m0s"},
		{"too soon", time.Minute, "192.0.2.1", "a@x.example", "b@y.example", "4m0s"},
		{"in time", 4 * time.Minute, "192.0.2.1", "a@x.example", "b@y.example", "passed"},
		{"from then on, by another machine of the same network", time.Hour, "192.0.2.200", "A@X.example", "b@Y.example", "passed"},
		{"another network", 0, "192.0.3.1", "a@x.example", "b@y.example", "5m0s"},
		{"another sender", 0, "192.0.2.1", "", "b@y.example", "5m0s"},
		{"another recipient", 0, "192.0.2.1", "a@x.example", "c@y.example", "5m0s"},
		{"who comes too late begins anew", 25 * time.Hour, "192.0.3.1", "a@x.example", "b@y.example", "5m0s"},
		{"who was let through is known for long", 28 * 24 * time.Hour, "192.0.2.1", "a@x.example", "b@y.example", "passed"},
		{"but not for ever", 31 * 24 * time.Hour, "192.0.2.1", "a@x.example", "b@y.example", "5m0s"},
		{"IPv6", 0, "2001:db8::1", "a@x.example", "b@y.example", "5m0s"},
		{"IPv6, the same /64", time.Hour, "2001:db8::ffff:1", "a@x.example", "b@y.example", "passed"},
		{"IPv6, another", 0, "2001:db8:0:1::1", "a@x.example", "b@y.example", "5m0s"},
	} {
		c.now = c.now.Add(step.after)
		if got := try(l, step.client, step.from, step.to); got != step.want {
			t.Errorf("%s: %s, want %s", step.reason, got, step.want)
		}
	}
}

func TestTheListOutlivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "greylist")
		var c clock
		l := begin(t, &c, file)
		try(l, "192.0.2.1", "a@x.example", "b@y.example")
		if _, err := os.Stat(file); err == nil {
			t.Error("the file was written while the client waited")
		}
		time.Sleep(writeAfter + time.Second)
		synctest.Wait()
		c.now = c.now.Add(6 * time.Minute)
		again := begin(t, &c, file)
		if got := try(again, "192.0.2.1", "a@x.example", "b@y.example"); got != "passed" {
			t.Errorf("after the restart: %s", got)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), " passed\n") || strings.Contains(string(text), "x.example") {
			t.Errorf("the file is %q: %v", text, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAListIsBoundedAndWhoIsKnownIsNotDrivenOut(t *testing.T) {
	var c clock
	l := begin(t, &c, "")
	try(l, "192.0.2.1", "a@x.example", "b@y.example")
	c.now = c.now.Add(time.Hour)
	try(l, "192.0.2.1", "a@x.example", "b@y.example")
	for i := range most + 10 {
		try(l, "198.51.100.1", fmt.Sprintf("%d@x.example", i), "b@y.example")
	}
	if n := len(l.known); n != most+1 {
		t.Errorf("%d triplets are kept, want %d", n, most+1)
	}
	if got := try(l, "192.0.2.1", "a@x.example", "b@y.example"); got != "passed" {
		t.Errorf("who was let through is %s", got)
	}
	if got := try(l, "198.51.100.1", "0@x.example", "b@y.example"); got != "5m0s" {
		t.Errorf("the oldest that waited is %s", got)
	}
}

func TestADamagedListIsReadWithoutWhatMakesNoSense(t *testing.T) {
	file := filepath.Join(t.TempDir(), "greylist")
	const line = "000102030405060708090a0b0c0d0e0f 1799999000 1799999000 waits"
	if err := os.WriteFile(file, []byte(title+"\n"+line+"\nnonsense\n"+line[:40]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var c clock
	if l := begin(t, &c, file); len(l.known) != 1 {
		t.Errorf("%d triplets, want 1", len(l.known))
	}
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{File: file}); err == nil {
		t.Error("a file that is no list was taken, and would be overwritten")
	}
}

func FuzzALineOfTheListIsReadOrLeftOut(f *testing.F) {
	f.Add("000102030405060708090a0b0c0d0e0f 1799999000 1799999000 waits")
	f.Add("00 1 -1 passed")
	f.Add("")
	f.Fuzz(func(t *testing.T, line string) {
		if got, ok := parse(line); ok && got.key == (key{}) && !strings.HasPrefix(strings.TrimSpace(line), strings.Repeat("0", 32)) {
			t.Errorf("%q has the key %x", line, got.key)
		}
	})
}
