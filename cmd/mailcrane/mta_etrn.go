package main

import (
	"context"
	"errors"
	"log/slog"

	"mailcrane/internal/config"
	"mailcrane/queue"
)

// mostNodes is how many runs for nodes may wait for the one that is under way.
const mostNodes = 64

// errManyNodes is what a client of ETRN hears as "not now".
var errManyNodes = errors.New("too many nodes wait for their queue run already")

// A nodeRuns makes the queue runs that ETRN asks for, one after the other: a
// client that asks does not wait, and one that asks again while its run waits
// has asked once.
type nodeRuns struct {
	run   func(context.Context, queue.Node)
	nodes chan queue.Node
}

// runsForNodes makes them until ctx is done.
func (a *app) runsForNodes(ctx context.Context, c *config.Config, log *slog.Logger) *nodeRuns {
	n := &nodeRuns{nodes: make(chan queue.Node, mostNodes)}
	n.run = func(ctx context.Context, node queue.Node) {
		out := a.wayOut(ctx, c, own(c), log)
		runner := a.runner(c, out, log)
		sum, err := runner.Run(ctx, queue.Run{Want: node.Wants})
		if err != nil {
			log.Warn("a queue run that ETRN asked for ended early", "err", err)
			return
		}
		log.Info("queue run for a node", "sent", sum.Delivered, "left", sum.Waiting)
	}
	go n.serve(ctx)
	return n
}

func (n *nodeRuns) serve(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case node := <-n.nodes:
			n.run(ctx, node)
		}
	}
}

// begin asks for the run of a node.
func (n *nodeRuns) begin(node queue.Node) error {
	select {
	case n.nodes <- node:
		return nil
	default:
		return errManyNodes
	}
}
