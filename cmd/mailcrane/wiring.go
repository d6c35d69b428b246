package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/mta/safefile"
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
	c, err := config.Load(a.configFile, a.getenv)
	if err == nil {
		err = c.Apply(a.settings)
	}
	if err == nil && a.every > 0 {
		c.Queue.Interval = a.every
	}
	if err == nil {
		// From here on they are the directories themselves, the first first.
		c.Spools, err = c.QueueDirs()
	}
	return c, err
}

func (a *app) spool(c *config.Config) *queue.Spool {
	s := queue.NewSpoolOver(c.Spools, queue.OS{}, a.now)
	s.Remember, s.Patience = c.Queue.Remember, a.wait
	if a.slow != "" {
		return s.Within(a.slow)
	}
	return s
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
func (a *app) runner(c *config.Config, out *smarthost.Transport, log queue.Log) *queue.Runner {
	r := &queue.Runner{
		Spool: a.spool(c), HostOf: own(c).host, Sessions: own(c).sessions, Dial: own(c).dial(c), Router: out, Transport: out, Reach: always{},
		Tuning: c.Queue, Now: a.now, Load: a.load, Log: log, Hostname: hostname(c), Preface: preface(c, log),
	}
	r.Hosts = a.hosts(c)
	return r
}

// preface is ErrorHeader, read when it is needed: a text, or a file, that others than
// its owner can change no more than other files of the server.
func preface(c *config.Config, log queue.Log) func() string {
	path := c.Queue.ErrorHeader
	if !strings.HasPrefix(path, "/") {
		return func() string { return path }
	}
	return func() string {
		safe, err := safefile.New(c.MTA.Safe)
		if err != nil {
			log.Warn("reports go without their first words", "err", err)
			return ""
		}
		text, err := safe.Text(safefile.ErrorHeader, path)
		if err != nil {
			log.Warn("reports go without their first words", "file", path, "err", err)
		}
		return text
	}
}

// hosts is what all processes remember of hosts, nil for nothing.
func (a *app) hosts(c *config.Config) queue.Hosts {
	if dir := hostStatusDir(c, a.spool(c)); dir != "" {
		return dir
	}
	return nil
}

// always is the reach of a run that a person asked for: try, whatever the
// network looks like.
type always struct{}

func (always) Verdict(queue.Route) queue.Verdict { return queue.Verdict{Try: true} }

func (always) Changes() <-chan struct{} { return nil }

// A plainLog is the log of a command that tells its person the results itself:
// only what went wrong, in words.
type plainLog struct{ w io.Writer }

func (plainLog) Debug(string, ...any) {}
func (plainLog) Info(string, ...any)  {}
func (plainLog) Warn(string, ...any)  {}

// Error prints the message and what belongs to it: "… (id X, why Y)".
func (l plainLog) Error(msg string, args ...any) {
	var more []string
	for i := 0; i+1 < len(args); i += 2 {
		more = append(more, fmt.Sprintf("%v: %v", args[i], args[i+1]))
	}
	fmt.Fprintf(l.w, "mailcrane: %s (%s)\n", printable(msg), printable(strings.Join(more, ", ")))
}

// agentSocket is where the agent of a queue directory answers; that of several
// in the first.
func agentSocket(dir string) string {
	return filepath.Join(dir, "agent.sock")
}
