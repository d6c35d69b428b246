package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/msp"
	"mailcrane/queue"
)

// ofKind says whether the message is of the kind that -qQ, -qL or neither asks
// for: quarantined, lost, or any other.
func ofKind(run msp.QueueRun, e queue.Entry) bool {
	switch {
	case run.Quarantined:
		return e.Name.Quarantined
	case run.Lost:
		return e.Lost()
	}
	return !e.Name.Quarantined && !e.Lost()
}

// quarantine is -Q: quarantine with a reason, or release. What is on its way
// just now is left as it is.
func (s *services) quarantine(ctx context.Context, run msp.QueueRun, verbose bool) int {
	if run.Lost {
		return s.fail(sysexits.Errorf(sysexits.Usage, "look at them with: mailq -qL", "-Q does not go with -qL: what is lost is not tried again"))
	}
	c, err := s.config()
	if err != nil {
		return s.fail(err)
	}
	spool, release := s.spool(c), run.Reason == ""
	run.Quarantined = run.Quarantined || release
	var ids []queue.ID
	err = s.eachWaiting(ctx, c, queue.ListOrder{}, func(w waiting) bool {
		if w.Trouble == "" && ofKind(run, w.Entry) && chosen(run, w.Entry) {
			ids = append(ids, w.Name.ID)
		}
		return true
	})
	if err != nil {
		return s.fail(err)
	}
	code := sysexits.OK
	for _, id := range ids {
		said := "unquarantine"
		if release {
			err = spool.Unquarantine(ctx, id)
		} else {
			said = "quarantine=" + run.Reason
			err = spool.Quarantine(ctx, id, run.Reason)
		}
		_, gone := errors.AsType[queue.NoMessage](err)
		switch {
		case gone: // sent since it was seen
		case err != nil:
			code = s.fail(err)
		case verbose:
			fmt.Fprintf(s.stdout, "%s: %s\n", id, printable(said))
		}
	}
	return code
}

// useGroup is -qG: the slow queue of that name alone. sendmail's own group,
// mqueue, is all of the queue.
func (s *services) useGroup(group string) error {
	if group == "" || group == "mqueue" {
		return nil
	}
	c, err := s.config()
	if err != nil {
		return err
	}
	names, err := s.spool(c).SlowQueues()
	if err != nil {
		return cannotUseSpool(c, err)
	}
	if group == config.DefaultSlow || slices.Contains(names, group) || slices.ContainsFunc(c.Queue.Slow, func(q config.SlowQueue) bool { return q.Name == group }) {
		s.slow = group
		return nil
	}
	hint := "there is none"
	if len(names) > 0 {
		hint = "there is: " + strings.Join(names, ", ")
	}
	return sysexits.Errorf(sysexits.Usage, hint, "there is no slow queue %s", printable(group))
}
