package installer

import (
	"context"
	"os"
	"sync/atomic"

	"github.com/kardianos/service"

	"mailcrane/internal/sysexits"
)

// Run runs the agent until ctx ends, in a process that the service manager of
// Windows has started, which is answered for it and may end the agent too.
func (s *Service) Run(ctx context.Context) error {
	p := &program{ctx: ctx, run: s.options.Run, exit: os.Exit}
	if err := p.serve(); err != nil {
		return sysexits.Errorf(sysexits.OSErr, "start it in the foreground to see more: mailcrane agent",
			"the service manager could not run the agent: %w", err)
	}
	return nil
}

// A program is the agent as kardianos/service wants it.
type program struct {
	ctx    context.Context
	run    func(context.Context) error
	report func(error)
	exit   func(code int)

	cancel   context.CancelFunc
	stopping atomic.Bool
	done     chan error
}

// Start implements service.Interface; it may not block.
func (p *program) Start(service.Service) error {
	ctx, cancel := context.WithCancel(p.ctx)
	p.cancel, p.done = cancel, make(chan error, 1)
	go func() {
		err := p.run(ctx)
		if !p.stopping.Load() {
			// The manager would go on believing that the agent runs. It takes
			// the end of the process as a failure and starts it again.
			if err != nil {
				p.report(err)
			}
			p.exit(sysexits.Code(err))
		}
		p.done <- err
	}()
	return nil
}

// Stop implements service.Interface; it returns when the agent has ended.
func (p *program) Stop(service.Service) error {
	p.stopping.Store(true)
	p.cancel()
	return <-p.done
}
