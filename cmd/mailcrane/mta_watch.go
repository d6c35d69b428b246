package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/logbook"
	"mailcrane/internal/sysexits"
	"mailcrane/mta"
	"mailcrane/mta/trace"
	tells "mailcrane/mta/watch"
	"mailcrane/queue"
)

// A lookout is what server mode tells of itself.
type lookout struct {
	log   *slog.Logger
	close func() // the log
	hub   *trace.Hub
	watch *tells.Watch
	// http is where metrics and health are told; nil is nowhere.
	http net.Listener
}

// lookout opens the log, and the port of the metrics: that may take rights which
// the server gives up later.
func (a *app) lookout(ctx context.Context, c *config.Config) (*lookout, error) {
	is := c.MTA.Watch
	log, closes, err := logbook.Open(logbook.Options{
		Level: c.LogLevel, Format: is.Format, Target: is.Target, Tag: "mailcrane",
		Stderr: a.stderr, Stamped: a.getenv("JOURNAL_STREAM") != "", Told: true,
	})
	if err != nil {
		return nil, sysexits.Errorf(sysexits.Config, `set in [mta.log] for example: target = "stderr"`, "the log cannot be opened: %w", err)
	}
	l := &lookout{log: log, close: closes, hub: trace.NewHub(a.now)}
	l.watch = tells.New(tells.Options{Log: log, Trace: l.hub, Tuning: c.Queue, Now: a.now})
	if is.Listen == "" {
		return l, nil
	}
	if l.http, err = new(net.ListenConfig).Listen(ctx, "tcp", is.Listen); err != nil {
		closes()
		return nil, sysexits.Errorf(sysexits.OSErr, "set [mta.watch] listen to a port that is free", "metrics cannot be told on %s: %w", is.Listen, err)
	}
	return l, nil
}

// tell answers about metrics and health until ctx is done.
func (l *lookout) tell(ctx context.Context, a *app, c *config.Config, server *mta.Server) {
	if l.http == nil {
		return
	}
	l.watch.Metrics.Depth(a.spool(c).Names, a.now)
	l.watch.Metrics.Certificates(server.CertificatesEnd)
	alive := []tells.Check{{Name: "process", Fails: func(context.Context) error { return nil }}}
	ready := []tells.Check{
		{Name: "spool", Fails: (&spoolCheck{config: c, now: a.now}).fails},
		{Name: "server", Fails: func(context.Context) error { return server.Fails() }},
		{Name: "certificate", Fails: func(context.Context) error { return a.certificatesGood(server.CertificatesEnd()) }},
	}
	go func() {
		if err := tells.Serve(ctx, l.http, l.watch.Metrics.Handler(alive, ready), l.log); err != nil {
			l.log.Error("metrics are told no more", "err", err)
		}
	}()
}

// writeLasts is how long a queue that could be written to is believed to be so.
const writeLasts = time.Minute

// A spoolCheck says what keeps messages out of the queue.
type spoolCheck struct {
	config *config.Config
	now    func() time.Time

	mu    sync.Mutex
	wrote time.Time
}

func (s *spoolCheck) fails(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, dir := range s.config.Spools {
		free, err := queue.OS{}.Free(dir)
		switch {
		case err != nil:
			return fmt.Errorf("the queue in %s cannot be reached: %w", dir, err)
		case free < s.config.Submit.MinFreeBlocks<<10:
			return fmt.Errorf("the queue in %s has %d octets left, less than MinFreeBlocks", dir, free)
		}
	}
	if s.now().Sub(s.wrote) < writeLasts {
		return nil
	}
	for _, dir := range s.config.Spools {
		if err := writable(filepath.Join(dir, "tmp")); err != nil {
			return fmt.Errorf("nothing can be written to the queue in %s: %w", dir, err)
		}
	}
	s.wrote = s.now()
	return nil
}

// writable makes a file, and takes it away.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".trial-*")
	if err != nil {
		return err
	}
	_, err = f.WriteString("trial")
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// certificatesGood says which certificate has ended.
func (a *app) certificatesGood(ends map[string]time.Time) error {
	for _, file := range slices.Sorted(maps.Keys(ends)) {
		if !a.now().Before(ends[file]) {
			return fmt.Errorf("the certificate in %s has ended on %s", file, ends[file].Format(time.DateOnly))
		}
	}
	return nil
}
