package installer

import (
	"fmt"

	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/eventlog"
)

// serve answers the service manager. kardianos/service does so only where it
// finds out by itself that a manager has started the process; the command line
// that it was installed with says so.
func (p *program) serve() error {
	p.report = report
	return svc.Run(Name, p)
}

// report tells the event log why the agent has given up.
func report(err error) {
	log, openErr := eventlog.Open(Name)
	if openErr != nil {
		return
	}
	defer log.Close()
	_ = log.Error(1, fmt.Sprint(err))
}

// Execute implements svc.Handler.
func (p *program) Execute(_ []string, requests <-chan svc.ChangeRequest, status chan<- svc.Status) (ownCode bool, code uint32) {
	const accepts = svc.AcceptStop | svc.AcceptShutdown
	status <- svc.Status{State: svc.StartPending}
	_ = p.Start(nil) // it has no error
	status <- svc.Status{State: svc.Running, Accepts: accepts}
	for r := range requests {
		switch r.Cmd {
		case svc.Interrogate:
			status <- r.CurrentStatus
		case svc.Stop, svc.Shutdown:
			status <- svc.Status{State: svc.StopPending}
			if err := p.Stop(nil); err != nil {
				p.report(err)
				return true, 1
			}
			return false, 0
		default:
		}
	}
	return false, 0
}
