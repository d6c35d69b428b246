package installer

import (
	"context"
	"os"
	"runtime"
	"sync/atomic"

	"github.com/kardianos/service"

	"mailcrane/internal/sysexits"
)

// Run runs the agent in the foreground until ctx ends. Where the Windows
// service manager started this process, it is told of that and may end the
// agent too; the other managers just send a signal, which ends ctx.
func (s *Service) Run(ctx context.Context) error {
	if runtime.GOOS != "windows" || service.Interactive() {
		return s.options.Run(ctx)
	}
	p := &program{ctx: ctx, run: s.options.Run, exit: os.Exit}
	svc, err := service.New(p, s.options.kardianos())
	if err == nil {
		p.report = func(err error) {
			if log, logErr := svc.Logger(nil); logErr == nil {
				_ = log.Error(err)
			}
		}
		err = svc.Run()
	}
	if err != nil {
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
