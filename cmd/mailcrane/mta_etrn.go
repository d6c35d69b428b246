package main

import (
	"context"
	"errors"

	"mailcrane/queue"
)

// mostNodes is how many runs for nodes may wait for the one that is under way.
const mostNodes = 64

// errManyNodes is what a client of ETRN hears as "not now".
var errManyNodes = errors.New("too many nodes wait for their queue run already")

// nodeRuns are the queue runs that ETRN asks for, which are made one after the
// other: a client that asks does not wait.
type nodeRuns chan queue.Node

func newNodeRuns() nodeRuns { return make(nodeRuns, mostNodes) }

// serve makes the runs until ctx is done, as the agent's runner does: by the same
// rules and locks, beside what that is at, and told to the same watchers.
func (n nodeRuns) serve(ctx context.Context, agent queue.Runner) {
	agent.Reach, agent.Stirs, agent.Naps = verdicts{agent.Reach}, nil, nil
	for {
		select {
		case <-ctx.Done():
			return
		case node := <-n:
			sum, err := agent.Run(ctx, queue.Run{Want: node.Wants})
			if err != nil {
				agent.Log.Warn("a queue run that ETRN asked for ended early", "err", err)
				continue
			}
			agent.Log.Info("queue run for a node", "sent", sum.Delivered, "left", sum.Waiting)
		}
	}
}

// begin asks for the run of a node.
func (n nodeRuns) begin(node queue.Node) error {
	select {
	case n <- node:
		return nil
	default:
		return errManyNodes
	}
}

// verdicts are those of a Reach whose changes somebody else waits for.
type verdicts struct{ queue.Reach }

func (verdicts) Changes() <-chan struct{} { return nil }
