//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"

	"mailcrane/internal/lab"
)

// patience bounds every wait for a running agent.
const patience = 20 * time.Second

// A field is an agent on a laptop, whose smarthost is a sink beyond the
// gateway.
type field struct {
	*workshop
	stage   *stage
	network *lab.Network
	names   *lab.NameServer // nil where names are known without
	sink    *sink
	address string // the sink's
	submit  contestant
	message string
	env     []string // of the agent, besides
	agent   *exec.Cmd
	log     bytes.Buffer
}

// afield starts the agent, whose smarthost is of that kind, and calls f. before,
// if not nil, changes the network, or the agent's environment, beforehand.
func (w *workshop) afield(kind sinkKind, before func(*field), f func(*field) error) error {
	if os.Getuid() != 0 {
		fmt.Println("  (left out: only root can make network namespaces)")
		return nil
	}
	shim, err := w.build("./cmd/sendmail")
	if err != nil {
		return err
	}
	mailcrane, err := w.build("./cmd/mailcrane")
	if err != nil {
		return err
	}
	message, err := w.message(4 << 10)
	if err != nil {
		return err
	}
	return w.onStage(func(s *stage) error {
		at := &field{workshop: w, stage: s, network: lab.Netns(s), message: message, address: net.JoinHostPort(lab.SmarthostIP, kind.port())}
		if before != nil {
			before(at)
		}
		at.sink, err = w.sinkOf(kind, at.network.Gateway.Listen(at.address))
		if err != nil {
			return err
		}
		h, err := w.atSink("agent", "smarthost.test", at.sink)
		if err != nil {
			return err
		}
		at.submit = h.submits(shim)
		at.agent = at.network.Laptop.Command(mailcrane, "agent")
		at.agent.Env, at.agent.Stderr = append(at.submit.environment(), append(at.env, "HOME="+w.dir)...), &at.log
		if err := at.agent.Start(); err != nil {
			return err
		}
		ended := make(chan error, 1)
		go func() { ended <- at.agent.Wait() }()
		s.Cleanup(func() {
			_ = errors.Join(at.agent.Process.Signal(unix.SIGTERM), <-ended)
		})
		// It is up when it has taken a message.
		if err := at.sendOne(); err != nil {
			return err
		}
		return f(at)
	})
}

// sendOne submits a message and waits until the agent has sent it.
func (f *field) sendOne() error {
	f.sink.forget()
	if _, _, err := f.submit.takeBatch(f.message, 1); err != nil {
		return err
	}
	_, err := f.arrival()
	return err
}

// arrival waits for the sink to accept a message, and for the agent to write
// that down.
func (f *field) arrival() (time.Time, error) {
	var at time.Time
	select {
	case at = <-f.sink.accepted:
	case <-time.After(patience):
		return at, fmt.Errorf("no message was accepted within %v; the agent said:\n%s", patience, f.log.String())
	}
	for end := at.Add(patience); ; {
		n, err := f.submit.kept()
		if err != nil || n == 0 {
			return at, err
		}
		if time.Now().After(end) {
			return at, fmt.Errorf("the message stayed in the queue; the agent said:\n%s", f.log.String())
		}
		time.Sleep(time.Millisecond)
	}
}
