package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/msp"
	"mailcrane/msp/listen"
	"mailcrane/queue"
	"mailcrane/smarthost"
)

// services is what the sendmail command line can ask for besides taking in
// mail.
type services struct {
	app
	traffic string // the file of -X, or ""
}

// fail prints err under sendmail's name and returns its code.
func (s *services) fail(err error) int {
	sysexits.Report(s.stderr, "sendmail", err)
	return sysexits.Code(err)
}

// chosen says whether a queue run's selectors want the message.
func chosen(run msp.QueueRun, e queue.Entry) bool {
	var to []string
	for i, r := range e.Envelope.To {
		if !e.Results[i].Done() {
			to = append(to, r.Address)
		}
	}
	return run.Selectors.Match(string(e.Name.ID), e.Envelope.From, to, e.Quarantine())
}

// RunQueue is -q in its forms.
func (s *services) RunQueue(ctx context.Context, run msp.QueueRun, verbose bool) int {
	if err := s.useGroup(run.Group); err != nil {
		return s.fail(err)
	}
	if c, err := s.config(); err == nil {
		direct, err := s.mayUseSpool(c)
		switch {
		case err != nil:
			return s.fail(err)
		case !direct:
			return s.fail(onlyRoot("sendmail -q"))
		}
	}
	switch {
	case run.SetQuarantine:
		return s.quarantine(ctx, run, verbose)
	case run.Lost:
		return s.fail(sysexits.Errorf(sysexits.Usage, "see them with: mailq -qL; then read one with mailcrane queue show ID, and remove it with mailcrane queue remove ID",
			"what is lost could be neither delivered nor returned, and nothing of it is left to be tried"))
	case run.Interval > 0 && (run.Foreground || verbose):
		return s.runEvery(ctx, run, verbose)
	case run.Foreground || verbose:
		return s.runOnce(ctx, run, verbose)
	}
	if ids := run.Selectors.IDs(); len(ids) > 0 && s.waitsForPerson(ids) {
		return sysexits.OK // mode b, for one message; it is in the queue
	}
	// sendmail -q returns at once; the work goes on in a process of its own.
	if err := s.detach(foreground(run)); err != nil {
		return s.fail(err)
	}
	return sysexits.OK
}

// foreground is the command line of the same run for a process that stays.
func foreground(run msp.QueueRun) []string {
	args := []string{"-qf"}
	if run.Interval > 0 {
		persistent := ""
		if run.Persistent {
			persistent = "p"
		}
		args = append(args, fmt.Sprintf("-q%s%ds", persistent, int(run.Interval/time.Second)))
	}
	if run.Quarantined {
		args = append(args, "-qQ")
	}
	if run.Group != "" {
		args = append(args, "-qG"+run.Group)
	}
	for _, sel := range run.Selectors {
		not := ""
		if sel.Not {
			not = "!"
		}
		args = append(args, "-q"+not+string(rune(sel.Of))+sel.Text)
	}
	return args
}

// runOnce says nothing unless asked to: cron mails what is printed, and mail
// about mail that cannot leave would pile up.
func (s *services) runOnce(ctx context.Context, run msp.QueueRun, verbose bool) int {
	a := s.voice(verbose)
	wish := flushWish{run: queue.Run{Every: run.Interval, Quarantined: run.Quarantined}, trace: s.trace(verbose)}
	if verbose {
		wish.watch = func(e queue.Event) {
			if e.Kind == queue.Begun {
				fmt.Fprintln(s.stdout, running(e))
			}
		}
	}
	if len(run.Selectors) > 0 {
		wish.run.Want = func(e queue.Entry) bool { return chosen(run, e) }
	}
	err := s.awaitGrace(ctx, run.Selectors.IDs())
	if err == nil {
		_, err = a.flush(ctx, wish)
	}
	if err != nil {
		return s.fail(err)
	}
	return sysexits.OK // the run took place; what remains is in the queue
}

// running announces a message of a queue run in sendmail's words.
func running(e queue.Event) string {
	return printable(fmt.Sprintf("Running %s/%s (sequence %d of %d)", e.Dir, e.ID, e.Place, e.Of))
}

// voice is the app that a run speaks through: with -v on standard output, as
// sendmail does, else not at all.
func (s *services) voice(verbose bool) app {
	a := s.app
	if a.stderr = a.stdout; !verbose {
		a.stdout, a.stderr = io.Discard, io.Discard
	}
	return a
}

// trace is where the lines of the sessions go: with -v to standard output,
// and with -X to its file, as "PID <<< line".
func (s *services) trace(verbose bool) func(line string) {
	if !verbose && s.traffic == "" {
		return nil
	}
	return func(line string) {
		if verbose {
			fmt.Fprintln(s.stdout, line)
		}
		if s.traffic != "" {
			s.logTraffic(line)
		}
	}
}

// UseSettings are -O and -o.
func (s *services) UseSettings(settings []config.Setting) { s.settings = settings }

// LogTraffic is -X.
func (s *services) LogTraffic(file string) { s.traffic = file }

func (s *services) logTraffic(line string) {
	f, err := os.OpenFile(s.traffic, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return // it could be opened when the flags were read; mail goes before logs
	}
	fmt.Fprintf(f, "%05d %s\n", os.Getpid(), line)
	f.Close()
}

// runEvery stays and runs the queue at each interval, for those who start
// "sendmail -q30m"; the agent needs no such clock.
func (s *services) runEvery(ctx context.Context, run msp.QueueRun, verbose bool) int {
	for first := true; ; first = false {
		began := s.now()
		// What is wrong from the start is for a person; a disk that fails later
		// may come back.
		if code := s.runOnce(ctx, run, verbose); code != sysexits.OK && first {
			return code
		}
		pause := run.Interval
		if !run.Persistent {
			pause = max(run.Interval-s.now().Sub(began), 0)
		}
		select {
		case <-ctx.Done():
			return sysexits.OK
		case <-time.After(pause):
		}
	}
}

// Deliver tries messages that were just submitted, and waits.
func (s *services) Deliver(ctx context.Context, ids []queue.ID, verbose bool) int {
	if !verbose && s.waitsForPerson(ids) {
		return sysexits.OK
	}
	a := s.voice(verbose)
	failed := 0
	code, err := a.flush(ctx, flushWish{
		run:   queue.Run{IDs: ids},
		trace: s.trace(verbose),
		watch: func(e queue.Event) {
			if e.Kind == queue.Settled && e.Outcome.State() == queue.Failed {
				failed++
				fmt.Fprintf(s.stderr, "%s... %s\n", printable(e.To), printable(e.Outcome.Reply().String()))
			}
		},
	})
	switch {
	case err != nil:
		return s.fail(err)
	case failed > 0:
		return sysexits.NoUser
	case code == sysexits.TempFail:
		return sysexits.OK // it is in the queue
	}
	return code
}

// personTime is how long a submission does not try a route that waits for a
// person.
const personTime = time.Hour

// waitsForPerson says that the route of a message was found lately to need a
// person: a wrong password that each submission tries once more gets the
// account locked.
func (s *services) waitsForPerson(ids []queue.ID) bool {
	c, err := s.config()
	if err != nil {
		return false
	}
	spool, out := s.spool(c), smarthost.New(c, smarthost.Options{Getenv: s.getenv})
	for _, id := range ids {
		entry, message, err := spool.Read(id)
		if err != nil {
			continue
		}
		message.Close()
		route, err := out.Route(entry.Envelope)
		if err != nil {
			continue
		}
		last, err := spool.RouteState(route)
		if err == nil && last.Fault != nil && last.Fault.NeedsPerson && s.now().Sub(last.At) < personTime {
			return true
		}
	}
	return false
}

// ServeSMTP is -bs.
func (s *services) ServeSMTP(ctx context.Context, in io.Reader, out io.Writer) int {
	c, err := s.config()
	if err != nil {
		return s.fail(err)
	}
	log := slog.New(slog.DiscardHandler)
	server := s.submissionServer(c, log, nil)
	if c.System.Used() { // whose agent alone may write to its spool
		p := s.program(nil)
		server = listen.New(p.SubmitSMTP(c, p.MachineSpool(c)), s.submissionOptions(c, log, nil))
	}
	if err := server.ServeStdio(ctx, in, out, fmt.Sprintf("sendmail -bs, uid %d", os.Getuid())); err != nil && !errors.Is(err, io.EOF) {
		return s.fail(sysexits.Errorf(sysexits.IOErr, "", "%w", err))
	}
	return sysexits.OK
}

// Daemon is -bd and its kin: here, the agent, and the server where the
// configuration has listeners of one. The interval of -q30m is then the
// time between two tries of a message.
func (s *services) Daemon(ctx context.Context, mode msp.Mode, run msp.QueueRun) int {
	if mode != msp.Foreground {
		return s.fail(sysexits.Errorf(sysexits.Usage, "start the background agent with: mailcrane service start",
			"a service manager keeps mailcrane in the background; -bd does not"))
	}
	s.every = run.Interval
	c, err := s.config()
	switch {
	case err != nil:
	case len(c.MTA.Listeners) > 0:
		err = s.mta(ctx)
	default:
		err = s.agent(ctx, given{})
	}
	if err != nil {
		return s.fail(err)
	}
	return sysexits.OK
}
