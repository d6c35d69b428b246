package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
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
	spool := a.spool(c)
	l.watch.Metrics.Depth(spool.Names, a.now)
	alive := []tells.Check{{Name: "process", Fails: func(context.Context) error { return nil }}}
	ready := []tells.Check{
		{Name: "spool", Fails: func(context.Context) error { return hasRoom(c) }},
		{Name: "listeners", Fails: func(context.Context) error {
			if up := len(server.Addresses()); up == 0 {
				return errors.New("the server listens nowhere")
			}
			return nil
		}},
	}
	if file := c.MTA.TLS.Cert; file != "" {
		ready = append(ready, tells.Check{Name: "certificate", Fails: func(context.Context) error { return a.certificateGood(file) }})
		l.watch.Metrics.Certificates(func() map[string]time.Time {
			end, err := certificateEnds(file)
			if err != nil {
				return nil // readyz says why
			}
			return map[string]time.Time{file: end}
		})
	}
	go func() {
		if err := tells.Serve(ctx, l.http, l.watch.Metrics.Handler(alive, ready), l.log); err != nil {
			l.log.Error("metrics are told no more", "err", err)
		}
	}()
}

// hasRoom says what keeps messages out of the queue.
func hasRoom(c *config.Config) error {
	for _, dir := range c.Spools {
		free, err := queue.OS{}.Free(dir)
		switch {
		case err != nil:
			return fmt.Errorf("the queue in %s cannot be reached: %w", dir, err)
		case free < c.Submit.MinFreeBlocks<<10:
			return fmt.Errorf("the queue in %s has %d octets left, less than MinFreeBlocks", dir, free)
		}
	}
	return nil
}

// certificateGood says what is wrong with a certificate's time.
func (a *app) certificateGood(file string) error {
	end, err := certificateEnds(file)
	if err != nil {
		return err
	}
	if !a.now().Before(end) {
		return fmt.Errorf("the certificate in %s has ended on %s", file, end.Format(time.DateOnly))
	}
	return nil
}

// certificateEnds is when the first certificate of a PEM file ends.
func certificateEnds(file string) (time.Time, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return time.Time{}, fmt.Errorf("the certificate cannot be read: %w", err)
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return time.Time{}, fmt.Errorf("the certificate in %s cannot be understood: %w", file, err)
		}
		return c.NotAfter, nil
	}
	return time.Time{}, fmt.Errorf("no certificate is in %s", file)
}
