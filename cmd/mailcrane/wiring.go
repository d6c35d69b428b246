package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"

	"mailcrane/internal/config"
	"mailcrane/queue"
	"mailcrane/smarthost"
	"mailcrane/smarthost/relay"
)

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "(built from source)"
}

func (a *app) config() (*config.Config, error) {
	return config.Load(a.configFile, a.getenv)
}

func (a *app) spool(c *config.Config) *queue.Spool {
	return queue.NewSpool(c.Spool, queue.OS{}, a.now)
}

// hostname is the name under which we report: with privacy, one that tells
// nothing.
func hostname(c *config.Config) string {
	if c.Privacy {
		return relay.NeutralHello
	}
	if c.Hostname != "" {
		return c.Hostname
	}
	name, err := os.Hostname()
	if err != nil {
		return relay.NeutralHello
	}
	return name
}

// runner wires the queue to its way out.
func (a *app) runner(c *config.Config, out *smarthost.Transport, log *slog.Logger) *queue.Runner {
	return &queue.Runner{
		Spool: a.spool(c), Router: out, Transport: out, Reach: always{},
		Schedule: queue.DefaultBackoff(), Now: a.now, Log: log, Hostname: hostname(c),
	}
}

// always is the reach of a run that a person asked for: try, whatever the
// network looks like.
type always struct{}

func (always) Verdict(queue.Route) queue.Verdict { return queue.Verdict{Try: true} }

func (always) Changes() <-chan struct{} { return nil }

// quiet is the log of a command that tells its person the results itself.
func (a *app) quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

// agentSocket is where the agent of a spool answers.
func agentSocket(c *config.Config) string {
	return filepath.Join(c.Spool, "agent.sock")
}
