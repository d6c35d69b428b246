package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"mailcrane/queue"
)

const (
	// mostNodes is how many runs for nodes may wait or be under way.
	mostNodes = 64
	// mostNodeRuns is how many are under way at once. Each reads the whole queue
	// first, so that the next one begins when the one before is over, or at nodePause:
	// a host that takes hours for a message keeps nobody else's mail.
	mostNodeRuns = 8
	nodePause    = 10 * time.Second
)

// errManyNodes is what a client of ETRN hears as "not now".
var errManyNodes = errors.New("too many nodes wait for their queue run already")

// nodeRuns are the queue runs that ETRN asks for: a client that asks does not wait.
type nodeRuns struct {
	waiting chan queue.Node
	slots   chan struct{}

	mu    sync.Mutex
	asked map[queue.Node]nodeState
}

// A nodeState is that of a node which was asked for. None is under way twice, so
// that who asks again and again for the one takes no place of the others.
type nodeState uint8

const (
	nodeWaits nodeState = iota + 1
	nodeUnderWay
	nodeAgain // it is under way, and was asked for once more since
)

func newNodeRuns() *nodeRuns {
	return &nodeRuns{
		waiting: make(chan queue.Node, mostNodes), slots: make(chan struct{}, mostNodeRuns), asked: make(map[queue.Node]nodeState),
	}
}

// serve makes the runs until ctx is done, as the agent's runner does: by the same
// rules and locks, beside what that is at, and told to the same watchers.
func (n *nodeRuns) serve(ctx context.Context, agent queue.Runner) {
	agent.Reach, agent.Stirs, agent.Naps = verdicts{agent.Reach}, nil, nil
	var all sync.WaitGroup
	defer all.Wait()
	for {
		var node queue.Node
		select {
		case <-ctx.Done():
			return
		case node = <-n.waiting:
		}
		select {
		case <-ctx.Done():
			return
		case n.slots <- struct{}{}:
		}
		n.begun(node)
		ended := make(chan struct{})
		all.Go(func() {
			defer close(ended)
			defer n.ended(node)
			n.run(ctx, agent, node)
		})
		select {
		case <-ended:
		case <-time.After(nodePause):
		}
	}
}

// run is one queue run. agent is a copy: nothing of it is shared with another run.
func (n *nodeRuns) run(ctx context.Context, agent queue.Runner, node queue.Node) {
	sum, err := agent.Run(ctx, queue.Run{Want: node.Wants})
	if err != nil {
		agent.Log.Warn("a queue run that ETRN asked for ended early", "err", err)
		return
	}
	agent.Log.Info("queue run for a node", "sent", sum.Delivered, "left", sum.Waiting)
}

// begin asks for the run of a node.
func (n *nodeRuns) begin(node queue.Node) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.asked[node] == nodeUnderWay:
		n.asked[node] = nodeAgain
	case n.asked[node] != 0: // the run that is to come takes what has come by now
	case len(n.asked) >= mostNodes:
		return errManyNodes
	default:
		n.waits(node)
	}
	return nil
}

// waits has a node wait for its run. There is room for all that are asked for. The
// caller holds mu.
func (n *nodeRuns) waits(node queue.Node) {
	n.asked[node] = nodeWaits
	n.waiting <- node
}

// begun notes that the run of a node is under way.
func (n *nodeRuns) begun(node queue.Node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked[node] = nodeUnderWay
}

func (n *nodeRuns) ended(node queue.Node) {
	n.mu.Lock()
	if n.asked[node] == nodeAgain {
		n.waits(node)
	} else {
		delete(n.asked, node)
	}
	n.mu.Unlock()
	<-n.slots
}

// verdicts are those of a Reach whose changes somebody else waits for.
type verdicts struct{ queue.Reach }

func (verdicts) Changes() <-chan struct{} { return nil }
