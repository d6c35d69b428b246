package trial

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"mailcrane/internal/lab"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

// TestPowerCutsOfPrograms cuts the power at a random time while sendmail,
// mailcrane flush, an agent and a person's commands are at work, and kills
// them in that moment.
func TestPowerCutsOfPrograms(t *testing.T) {
	t.Parallel()
	if !lab.OwnMounts(t) {
		return
	}
	p := newPowercut(t, 10)
	s := newSmarthost(t)
	go s.forget(t.Context())
	h := s.home(t)
	h.configure(h.account(s.url(), s.user, s.caFile) + "\n[queue]\ndirectory = \"" + p.spoolDir() + "\"\n")
	m := &machine{powercut: p, home: h, smarthost: s}
	p.run(m.round, m.empty)
}

// A machine is the programs that the power is cut to, and a server beside it.
type machine struct {
	*powercut
	home      *home
	smarthost *smarthost

	mu      sync.Mutex
	on      bool
	running map[*exec.Cmd]bool
}

// forget takes what arrives, which the ledger has seen, off the server's hands.
func (s *smarthost) forget(ctx context.Context) {
	for {
		select {
		case <-s.arrivals:
			s.mu.Lock()
			s.got = nil
			s.mu.Unlock()
		case <-ctx.Done():
			return
		}
	}
}

// program runs one of the programs, unless the power is off, and says whether
// it ended with success.
func (m *machine) program(input, name string, args ...string) (ok bool) {
	cmd := m.home.command(name, args...)
	cmd.Stdin = strings.NewReader(input)
	m.mu.Lock()
	if !m.on {
		m.mu.Unlock()
		return false
	}
	err := cmd.Start()
	m.running[cmd] = true
	m.mu.Unlock()
	if err != nil {
		m.t.Error(err)
		return false
	}
	err = cmd.Wait()
	m.mu.Lock()
	delete(m.running, cmd)
	m.mu.Unlock()
	return err == nil
}

func (m *machine) isOn() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.on
}

// powerOff cuts the power to disk and programs.
func (m *machine) powerOff() {
	m.disk.Cut()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.on = false
	for cmd := range m.running {
		_ = cmd.Process.Kill()
	}
}

func (m *machine) round(n int, chance *rand.Rand) {
	m.mu.Lock()
	m.on, m.running = true, make(map[*exec.Cmd]bool)
	m.mu.Unlock()
	m.smarthost.behave(behaviour{answer: m.answers(newDice(chance)), noChunking: chance.IntN(3) == 0})
	withAgent := chance.IntN(2) == 0
	if dice := newDice(chance); dice.roll(2) == 0 {
		for i := range backlog {
			m.submit(m.spool(), fmt.Sprintf("by-%d-backlog-%d", n, i), 1+dice.roll(3), false)
		}
	}
	time.AfterFunc(time.Duration(20+chance.IntN(280))*time.Millisecond, m.powerOff)
	var all sync.WaitGroup
	for submitter := range 3 {
		dice := newDice(chance)
		all.Go(func() {
			for i := 0; i < 6 && m.submits(fmt.Sprintf("by-%d-%d-%d", n, submitter, i), dice); i++ {
			}
		})
	}
	all.Go(func() {
		for m.isOn() {
			m.program("", "mailcrane", "flush")
		}
	})
	if withAgent {
		all.Go(func() { m.program("", "mailcrane", "agent") })
	}
	dice := newDice(chance)
	all.Go(func() {
		for m.isOn() {
			m.change(dice, m.byHand())
		}
	})
	all.Wait()
}

func (m *machine) submits(id string, dice *dice) bool {
	args := []string{"-oi", "-f", me}
	var to []string
	for i := range 1 + dice.roll(3) {
		to = append(to, fmt.Sprintf("r%d.%s@trial.example", i, id))
	}
	m.ledger.submits(id, to...)
	ok := m.program(letter(id), "sendmail", append(args, to...)...)
	m.ledger.submitted(id, "", ok, false)
	return ok
}

// quarantined is an error unless the message of that ID is.
func (m *machine) quarantined(id queue.ID) error {
	found := false
	err := m.spool().Names(func(n queue.Name) bool {
		found = found || n.ID == id && n.Quarantined
		return !found
	})
	if err == nil && !found {
		return sysexits.Errorf(sysexits.TempFail, "", "%s is not quarantined", id)
	}
	return err
}

// byHand is what a person types.
func (m *machine) byHand() byHand {
	types := func(args ...string) error {
		if !m.program("", "mailcrane", args...) {
			return sysexits.Errorf(sysexits.TempFail, "", "mailcrane %q failed", args)
		}
		return nil
	}
	do := func(words ...string) func(context.Context, queue.ID) error {
		return func(_ context.Context, id queue.ID) error {
			return types(append(words[:len(words):len(words)], string(id))...)
		}
	}
	return byHand{
		hold: do("undo"), quarantine: func(_ context.Context, id queue.ID) error {
			if err := types("sendmail", "-Qtrial", "-qI"+string(id)); err != nil {
				return err
			}
			// A selector that finds nothing, as of a message that has just left or
			// is being renamed, is no error.
			return m.quarantined(id)
		},
		release: do("queue", "release"), retry: do("queue", "retry"), remove: do("queue", "remove"),
		slow: do("queue", "slow", "--to", "old"), back: do("queue", "slow", "--back"),
		edit: func(_ context.Context, id queue.ID, change queue.Change) error {
			args := []string{"queue", "edit", string(id)}
			for _, r := range change.Redirect {
				args = append(args, "--to", r.Old+"="+r.New)
			}
			for _, address := range change.Add {
				args = append(args, "--add", address)
			}
			for _, address := range change.Drop {
				args = append(args, "--drop", address)
			}
			if change.NotBefore != nil {
				args = append(args, "--at", change.NotBefore.Format(time.RFC3339))
			}
			return types(args...)
		},
	}
}

// answers is the server's side, with every kind of answer.
func (m *machine) answers(dice *dice) func(step) string {
	r := m.receiver()
	return func(at step) string {
		switch at.verb {
		case "RCPT":
			return m.toRecipient(at, dice.roll(12))
		case "end":
			r.arrived(at.text, at.to)
			return m.toLetter(at, dice.roll(12))
		}
		return ""
	}
}

func (m *machine) toRecipient(at step, die int) string {
	switch {
	case die == 0 || die == 1:
		m.ledger.count(&m.ledger.counts.deferred)
		return "450 4.2.0 later"
	case die == 2 && at.from != "":
		m.ledger.refuses(path(at.argument))
		return "550 5.1.1 nobody of that name"
	}
	return ""
}

func (m *machine) toLetter(at step, die int) string {
	l := m.ledger
	take := func() {
		for _, address := range at.to {
			l.takes(at.text, address)
		}
	}
	switch die {
	case 0: // not taken, which nobody can know
		l.count(&l.counts.unanswered)
		return cut
	case 1:
		take()
		l.count(&l.counts.unanswered)
		return cut
	case 2:
		l.count(&l.counts.deferred)
		return "451 4.3.0 later"
	case 3:
		l.count(&l.counts.broken)
		return "421 4.3.2 going down"
	}
	take()
	l.count(&l.counts.delivered)
	return ""
}

// empty has a flush send all that is queued to a server that takes it.
func (m *machine) empty(n int) {
	m.t.Helper()
	m.smarthost.behave(behaviour{answer: m.answers(nil)})
	if r := m.home.run("", "mailcrane", "flush"); r.code != sysexits.OK {
		m.t.Errorf("round %d: mailcrane flush: exit code %d: %s", n, r.code, r.said())
	}
}
