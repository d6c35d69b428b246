package main

import (
	"bufio"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/internal/visible"
	"mailcrane/queue"
	"mailcrane/queue/hoststatus"
)

// singleThreadDir is where the status of hosts is kept, and their locks, where
// SingleThreadDelivery is set and HostStatusDirectory is not.
const singleThreadDir = ".hoststat"

// hostStatusDir is where the status of hosts is kept for all processes; "" is
// nowhere.
func hostStatusDir(c *config.Config, s *queue.Spool) hoststatus.Dir {
	dir := c.Queue.HostStatusDirectory
	if dir == "" && c.Queue.SingleThread {
		dir = singleThreadDir
	}
	if dir != "" && !filepath.IsAbs(dir) {
		dir = filepath.Join(s.Dir(), dir)
	}
	return hoststatus.Dir(dir)
}

// HostStatus is hoststat and purgestat.
func (s *services) HostStatus(_ context.Context, purge, verbose bool) int {
	c, err := s.config()
	if err != nil {
		return s.fail(err)
	}
	spool := s.spool(c)
	dir := hostStatusDir(c, spool)
	switch {
	case purge && dir == "":
		return sysexits.OK // sendmail too does nothing where it keeps no status
	case purge:
		err = dir.Purge(s.now().Add(-c.Queue.HostStatus))
	default:
		err = s.printHosts(c, spool, dir, verbose)
	}
	if err != nil {
		return s.fail(cannotUseSpool(c, fmt.Errorf("the status of the hosts: %w", err)))
	}
	return sysexits.OK
}

// printHosts prints what is known in sendmail's columns; without a directory,
// how the last session of each account went.
func (s *services) printHosts(c *config.Config, spool *queue.Spool, dir hoststatus.Dir, verbose bool) error {
	hosts, err := dir.All()
	if dir == "" {
		hosts, err = lastSessions(c, spool)
	}
	if err != nil || len(hosts) == 0 {
		return err
	}
	width := 25
	if verbose {
		width = 78
	}
	out := bufio.NewWriter(s.stdout)
	fmt.Fprintln(out, " -------------- Hostname --------------- How long ago ---------Results---------")
	for _, h := range hosts {
		mark := ' '
		if h.Busy {
			mark = '*'
		}
		fmt.Fprintf(out, "%c%-39s %12s %s\n", mark, visible.Line(h.Host, 39), elapsed(s.now().Sub(h.At)), hostResult(h, width))
	}
	return out.Flush()
}

// lastSessions is what the spool knows of the accounts' servers.
func lastSessions(c *config.Config, spool *queue.Spool) ([]queue.HostStatus, error) {
	var hosts []queue.HostStatus
	for _, account := range c.Accounts {
		state, err := spool.RouteState(queue.Route(account.Name))
		if err != nil {
			return nil, err
		}
		if state.At.IsZero() {
			continue
		}
		h := queue.HostStatus{Host: account.Smarthost.Host, At: state.At}
		if state.Fault != nil {
			// Behind the server and what was being done (RouteFault.Sentence).
			_, why, _ := strings.Cut(state.Fault.Sentence, ": ")
			h.Exit, h.Reply = sysexits.TempFail, why
		}
		hosts = append(hosts, h)
	}
	return hosts, nil
}

// hostResult is what was said, or that nothing was wrong.
func hostResult(h queue.HostStatus, width int) string {
	switch {
	case h.Reply != "":
		return visible.Line(h.Reply, width)
	case h.Exit == sysexits.TempFail:
		return "Deferred"
	case h.Exit != 0:
		return fmt.Sprintf("exit code %d", h.Exit)
	}
	return "OK"
}

// elapsed is a time as sendmail has it: HH:MM:SS, or D+HH:MM:SS.
func elapsed(d time.Duration) string {
	seconds := int64(max(d, 0) / time.Second)
	clock := fmt.Sprintf("%02d:%02d:%02d", seconds/3600%24, seconds/60%60, seconds%60)
	if days := seconds / 86400; days > 0 {
		return fmt.Sprintf("%d+%s", days, clock)
	}
	return clock
}
