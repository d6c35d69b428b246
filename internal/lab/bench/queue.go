//go:build linux

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"mailcrane/queue"
)

// queueSizes are those at which the cost per message is compared.
func queueSizes() []int { return []int{1000, 10_000, 100_000} }

// A laxDisk lets nothing wait for the disk: a queue of 100,000 is filled in
// seconds, in the way that any message takes.
type laxDisk struct{ queue.OS }

// A laxFile is a file of a laxDisk.
type laxFile struct{ queue.File }

// Create implements queue.Disk.
func (d laxDisk) Create(path string) (queue.File, error) {
	f, err := d.OS.Create(path)
	return laxFile{f}, err
}

// SyncDir implements queue.Disk.
func (laxDisk) SyncDir(string) error { return nil }

// Sync implements queue.File.
func (laxFile) Sync() error { return nil }

// fill puts n messages of some 1 KiB into a spool, from ten senders to a
// thousand hosts, one received a second up to now.
func fill(ctx context.Context, dir string, n int) error {
	now := time.Now()
	s := queue.NewSpool(dir, laxDisk{}, time.Now)
	body := strings.Repeat(strings.Repeat("x", 71)+"\n", 13)
	for i := range n {
		e := &queue.Envelope{
			From:     fmt.Sprintf("sender%d@example.test", i%10),
			To:       []queue.Recipient{{Address: fmt.Sprintf("user%d@host%d.example.test", i, i%1000)}},
			Received: now.Add(time.Duration(i-n) * time.Second),
		}
		text := fmt.Sprintf("From: %s\nTo: %s\nSubject: message %d\n\n%s", e.From, e.To[0].Address, i, body)
		if _, err := s.Put(ctx, e, strings.NewReader(text)); err != nil {
			return err
		}
	}
	return nil
}

// full is a home with n messages in its spool.
func (w *workshop) full(name, account string, n int) (*home, error) {
	h, err := w.home(fmt.Sprintf("%s-%d", name, n), account)
	if err != nil {
		return nil, err
	}
	if err := fill(context.Background(), h.spool, n); err != nil {
		return nil, err
	}
	return h, w.settle()
}
