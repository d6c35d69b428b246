package msp

import (
	"context"
	"fmt"
	"os"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

// Main is the sendmail command: it does what p.Args ask for and returns the
// exit code. The same Main serves the shim, which has a Handoff, and
// mailcrane, which has Services.
func Main(ctx context.Context, p *Program) int {
	inv, err := ParseArgs(p.Args)
	if err != nil {
		fmt.Fprintln(p.Stderr, err)
		if hint := sysexits.Hint(err); hint != "" {
			fmt.Fprintln(p.Stderr, hint)
		}
		return sysexits.Code(err)
	}
	if p.Services == nil && inv.beyondSubmission() {
		return p.handOver(inv.handedArgs(p.Args), false, "")
	}
	for _, line := range inv.Warnings {
		fmt.Fprintln(p.Stderr, line)
	}
	if err := inv.openLogs(p); err != nil {
		fmt.Fprintln(p.Stderr, err)
		return sysexits.Code(err)
	}
	if inv.TrafficLog != "" && p.Services != nil {
		p.Services.LogTraffic(inv.TrafficLog)
	}
	if p.Services != nil {
		p.Services.UseSettings(inv.Settings)
	}
	if inv.ConfigFile != "" && p.Services != nil {
		// The services read the file that was loaded last.
		if _, err := p.Config(inv.ConfigFile); err != nil {
			sysexits.Report(p.Stderr, "sendmail", err)
			return sysexits.Code(err)
		}
	}
	if inv.Queue.Given || inv.Queue.SetQuarantine {
		return p.queueRun(ctx, inv)
	}
	switch inv.Mode {
	case Submit, Arpanet, Verify, CheckConfig, Rebuild, AddressTest:
		return p.withConfig(ctx, inv)
	}
	return p.service(ctx, inv)
}

// withConfig does what the shim does by itself, with a configuration.
func (p *Program) withConfig(ctx context.Context, inv *Invocation) int {
	cfg, err := p.Config(inv.ConfigFile)
	if err == nil {
		err = cfg.Apply(inv.Settings)
	}
	if err != nil {
		sysexits.Report(p.Stderr, "sendmail", err)
		return sysexits.Code(err)
	}
	s := newSubmission(p, inv, cfg)
	switch inv.Mode {
	case CheckConfig:
		return sysexits.OK
	case Rebuild:
		switch {
		case len(cfg.MTA.Map.Aliases) == 0:
			return s.checkAliases()
		case p.Services == nil:
			return p.handOver(inv.handedArgs(p.Args), false, "")
		}
		return p.Services.CheckAliases(ctx)
	case Verify:
		switch {
		case len(cfg.MTA.Listeners) == 0:
			return s.verify()
		case p.Services == nil:
			return p.handOver(inv.handedArgs(p.Args), false, "")
		}
		return s.verifyServer(ctx)
	case AddressTest:
		switch {
		case len(cfg.MTA.Listeners) == 0:
			fmt.Fprintln(p.Stdout, "there are no rewriting rules here; to see where mail to an address goes, type: mailcrane explain ADDRESS")
			return sysexits.OK
		case p.Services == nil:
			return p.handOver(inv.handedArgs(p.Args), false, "")
		}
		return p.Services.AddressTest(ctx, p.Stdin)
	}
	id, code := s.run(ctx)
	switch {
	case id == "":
		return code
	case s.machine:
		if inv.Verbose {
			fmt.Fprintf(p.Stdout, "%s... handed to the mail agent of this machine, which sends it\n", id)
		}
		return code
	}
	if s.waitsForRun() {
		if inv.Verbose {
			fmt.Fprintf(p.Stdout, "%s... queued; its account leaves it to: mailcrane flush %s\n", id, id)
		}
		return code
	}
	if c := p.deliver(ctx, inv, cfg, id, code != sysexits.OK); c != sysexits.OK {
		code = c
	}
	return code
}

// openLogs sees to -d and -D, and that the file of -X can be written, so that
// a wrong name is told before the message is read.
func (inv *Invocation) openLogs(p *Program) error {
	for _, name := range [...]string{inv.TrafficLog, inv.DebugFile} {
		if name == "" {
			continue
		}
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return sysexits.Errorf(sysexits.CantCreat, "", "cannot open %s: %w", name, plain(err))
		}
		if name == inv.DebugFile && inv.HasDebug {
			p.tellBuild(f)
		}
		f.Close()
	}
	if inv.HasDebug && inv.DebugFile == "" && (inv.Debug == "" || strings.HasPrefix(inv.Debug, "0")) {
		p.tellBuild(p.Stdout)
	}
	return nil
}

// mode is the delivery mode; somebody watches with -v, and waits.
func (inv *Invocation) mode(cfg *config.Config) config.Mode {
	if inv.Verbose {
		return config.Interactive
	}
	return cfg.DeliveryMode
}

// waitsForRun says that the account's server is not called for a submission.
// Who says -v is there and wants to see it sent, as in sendmail; what is called
// on demand alone needs the word for that.
func (s *submission) waitsForRun() bool {
	switch s.cfg.Dial(s.cfg.Carrier(s.envelope.Account, s.envelope.From)) {
	case config.DialByRun:
		return !s.inv.Verbose
	case config.DialOnDemand:
		return true
	case config.DialFreely:
	}
	return false
}

// deliver tries a message at once where the delivery mode asks for that. It is
// in the spool by now: whatever goes wrong here, the submission has succeeded.
// comeBack says that the exit code is not settled by the delivery alone.
func (p *Program) deliver(ctx context.Context, inv *Invocation, cfg *config.Config, id queue.ID, comeBack bool) int {
	mode := inv.mode(cfg)
	switch {
	case mode != config.Interactive && mode != config.Background, !p.NotBefore.IsZero():
		return sysexits.OK
	case p.Services == nil:
		return p.handOver(append(inv.carry(), deliveryArgs(mode, id)...), comeBack, id)
	case mode == config.Interactive:
		return p.Services.Deliver(ctx, []queue.ID{id}, inv.Verbose)
	}
	return p.Services.RunQueue(ctx, QueueRun{Given: true, Selectors: onlyID(id)}, false)
}

// deliveryArgs asks for one message to be tried: -odi with -qI says that its
// submitter waits, see queueRun.
func deliveryArgs(mode config.Mode, id queue.ID) []string {
	return []string{"-od" + string(rune(mode)), "-qI" + string(id)}
}

func onlyID(id queue.ID) Selectors { return Selectors{{Of: 'I', Text: string(id)}} }

// carry is the part of the command line that whoever delivers must know too.
func (inv *Invocation) carry() []string {
	var args []string
	if inv.ConfigFile != "" {
		args = append(args, "-C", inv.ConfigFile)
	}
	if inv.TrafficLog != "" {
		args = append(args, "-X", inv.TrafficLog)
	}
	if inv.Tag != "" {
		args = append(args, "-L", inv.Tag)
	}
	return append(args, config.Flags(inv.Settings)...)
}

func (p *Program) handOver(args []string, comeBack bool, id queue.ID) int {
	code, err := p.Handoff(args, comeBack)
	if err == nil {
		return code
	}
	if id != "" {
		fmt.Fprintf(p.Stderr, "sendmail: the message is safe in the queue as %s and goes with the next run, but not at once: %v\n", id, err)
		return sysexits.OK
	}
	fmt.Fprintf(p.Stderr, "sendmail: cannot start mailcrane, which should stand beside sendmail: %v\n", err)
	return sysexits.OSFile
}

// queueRun is -q and -Q in the modes that go with them.
func (p *Program) queueRun(ctx context.Context, inv *Invocation) int {
	s := p.Services
	switch {
	case inv.Queue.SetQuarantine && len(inv.Queue.Selectors) == 0:
		fmt.Fprintln(p.Stderr, "-Q needs -qI, -qR, -qS or -qQ to say which messages: for example sendmail -Qreason -qSjoe")
		return sysexits.Usage
	case inv.Mode != Submit:
		return p.service(ctx, inv)
	case inv.DeliveryMode == config.Interactive && inv.Queue.onlyIDs():
		return s.Deliver(ctx, inv.Queue.Selectors.IDs(), inv.Verbose)
	}
	return s.RunQueue(ctx, inv.Queue, inv.Verbose)
}

// onlyIDs says that the run is for messages named one by one.
func (q *QueueRun) onlyIDs() bool {
	return len(q.Selectors.IDs()) > 0 && !q.SetQuarantine && q.Interval == 0
}

// beyondSubmission says that mailcrane must do what is asked for.
func (inv *Invocation) beyondSubmission() bool {
	switch inv.Mode {
	case Submit, Arpanet, Verify, CheckConfig, Rebuild, AddressTest:
		return inv.Queue.Given || inv.Queue.SetQuarantine
	}
	return true
}

// service does what needs more than submission.
func (p *Program) service(ctx context.Context, inv *Invocation) int {
	s := p.Services
	switch inv.Mode {
	case SMTP:
		return s.ServeSMTP(ctx, p.Stdin, p.Stdout)
	case ListQueue, CountQueue:
		return s.ListQueue(ctx, Listing{CountOnly: inv.Mode == CountQueue, Verbose: inv.Verbose, Run: inv.Queue})
	case HostStatus, PurgeStatus:
		return s.HostStatus(ctx, inv.Mode == PurgeStatus, inv.Verbose)
	}
	return s.Daemon(ctx, inv.Mode, inv.Queue)
}

// handedArgs is the command line without argv[0], whose meaning is put into a
// flag: mailcrane is always called by its own name.
func (inv *Invocation) handedArgs(args []string) []string {
	first := []string{}
	own := Invocation{Program: inv.Program, Mode: Submit}
	own.personality()
	if own.Mode != Submit {
		first = append(first, "-b"+string(rune(own.Mode)))
	}
	if own.Queue.Given {
		first = append(first, "-q")
	}
	return append(first, args[min(1, len(args)):]...)
}
