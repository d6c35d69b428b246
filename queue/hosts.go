package queue

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"mailcrane/internal/sysexits"
	"mailcrane/queue/dsn"
)

// A HostStatus is how the last session with a host went, as sendmail keeps it.
type HostStatus struct {
	Host string
	At   time.Time
	// Exit is an exit code of sysexits: 0, or 75 for a failure that may pass.
	Exit int
	// Errno is the number of the system's error, or 0.
	Errno int
	// Enhanced is the RFC 3463 code, and Reply what was said; either may be "".
	Enhanced, Reply string
	// Busy: a process has a session with it.
	Busy bool
}

// Hosts remembers for all processes how the last session with each host went.
type Hosts interface {
	// Status is what is known of a host; the zero value is nothing.
	Status(host string) (HostStatus, error)
	Note(HostStatus) error
	// Hold marks the host as being talked to until release is called, or until
	// the process ends. It says false if another process has.
	Hold(host string) (release func(), free bool, err error)
}

// host is the server of a route, under which its status is kept.
func (r *Runner) host(route Route) string {
	if r.HostOf != nil {
		if host := r.HostOf(route); host != "" {
			return host
		}
	}
	return string(route)
}

// noteHost writes down how a session went; fault nil is well.
func (r *Runner) noteHost(route Route, fault *RouteFault) {
	if r.Hosts == nil {
		return
	}
	status := HostStatus{Host: r.host(route), At: r.Now()}
	if fault != nil {
		status.Exit, status.Enhanced, status.Reply = sysexits.TempFail, "4.4.1", oneLine(fault.Err.Error())
		if errno, ok := errors.AsType[syscall.Errno](fault.Err); ok {
			status.Errno = int(errno)
		}
	}
	if err := r.Hosts.Note(status); err != nil {
		r.Log.Warn("cannot keep the status of the host", "host", status.Host, "err", err)
	}
}

// believed is a fault if the host failed so lately, for whatever process, that
// it is not tried; until is when it is again. A failure before c.fresh says
// nothing: the network has changed since.
func (c *carrier) believed() (fault *RouteFault, until time.Time) {
	r := c.runner
	if r.Hosts == nil || !c.believes {
		return nil, until
	}
	host := r.host(c.route)
	last, err := r.Hosts.Status(host)
	if err != nil {
		r.Log.Warn("cannot read the status of the host", "host", host, "err", err)
		return nil, until
	}
	now := r.Now()
	until = last.At.Add(r.Tuning.HostStatus)
	if last.Exit != sysexits.TempFail || !last.At.After(c.fresh) || !until.After(now) || last.At.After(now.Add(clockSlack)) {
		return nil, until
	}
	return &RouteFault{
		Step: StepConnect, Server: host,
		Err: fmt.Errorf("not tried, since it failed %s ago (timeout.hoststatus is %s): %s",
			dsn.Spell(max(now.Sub(last.At), time.Second)), dsn.Spell(r.Tuning.HostStatus), last.Reply),
		Hint: "try it now with: mailcrane flush",
	}, until
}

// claimHost marks the route's host as being talked to. Where no two sessions with
// it are allowed, it is a fault that another process has one.
func (c *carrier) claimHost() (release func(), fault *RouteFault) {
	r := c.runner
	if r.Hosts == nil {
		return func() {}, nil
	}
	host := r.host(c.route)
	release, free, err := r.Hosts.Hold(host)
	switch {
	case err != nil:
		r.Log.Warn("cannot mark the host as being talked to", "host", host, "err", err)
	case free:
		return release, nil
	case r.Tuning.SingleThread:
		return nil, &RouteFault{
			Step: StepConnect, Server: host,
			Err: errors.New("another process has a session with it, and single_thread allows one at a time"),
		}
	}
	return func() {}, nil
}

// separate says that each message has a session of its own, and that a host
// which cannot be reached is tried for each of them, as sendmail's ForkEachJob
// does. An agent would not come to rest that way: it does so in a run only.
func (c *carrier) separate() bool { return c.runner.Tuning.SeparateSessions && c.left != nil }
