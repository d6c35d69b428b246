package trial

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"mailcrane/internal/lab"
	"mailcrane/queue"
)

// powerDiskSize leaves room for what some rounds leave behind.
const powerDiskSize = 64 << 20

// A powercut is the trial of many cuts on one disk: mail is handed in, sent and
// changed by many at once, the power is cut at a random moment, the disk is
// mounted again, and what it holds is compared with what was promised.
type powercut struct {
	t      *testing.T
	disk   *lab.PowerDisk
	seed   uint64
	ledger *ledger
	rounds int
}

// roundsBetweenChecks is after how many cuts the queue is emptied, and every
// letter must have gone.
const roundsBetweenChecks = 10

func newPowercut(t *testing.T, rounds int) *powercut {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("MAILCRANE_POWERCUT_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("MAILCRANE_POWERCUT_SEED: %v", err)
		}
	}
	if text := os.Getenv("MAILCRANE_POWERCUT_ROUNDS"); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil {
			t.Fatalf("MAILCRANE_POWERCUT_ROUNDS: %v", err)
		}
	}
	t.Logf("%d rounds; to have the same again: MAILCRANE_POWERCUT_SEED=%d", rounds, seed)
	return &powercut{t: t, disk: lab.NewPowerDisk(t, powerDiskSize), seed: seed, ledger: newLedger(), rounds: rounds}
}

func (p *powercut) spoolDir() string { return filepath.Join(p.disk.Dir, "spool") }

// spool is the one on the disk, for who only looks.
func (p *powercut) spool() *queue.Spool { return queue.NewSpool(p.spoolDir(), queue.OS{}, time.Now) }

func (p *powercut) receiver() receiver { return receiver{p.ledger, p.spool()} }

// chance is the dice of one round, the same whenever the seed is.
func (p *powercut) chance(round int) *rand.Rand { return rand.New(rand.NewPCG(p.seed, uint64(round))) }

// A dice is one of a round's, of which each goroutine has its own, but for
// those of a server. Without one nothing is left to chance.
type dice struct {
	mu     sync.Mutex
	source *rand.Rand
}

func newDice(chance *rand.Rand) *dice {
	return &dice{source: rand.New(rand.NewPCG(chance.Uint64(), 0))}
}

// roll is a number below n, or -1 where nothing is left to chance.
func (d *dice) roll(n int) int {
	if d == nil {
		return -1
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.source.IntN(n)
}

// run makes the rounds: round goes on until the power is cut, empty then has
// the queue sent to servers that take everything.
func (p *powercut) run(round func(n int, chance *rand.Rand), empty func(n int)) {
	began := time.Now()
	for n := 1; n <= p.rounds && !p.t.Failed(); n++ {
		round(n, p.chance(n))
		p.restart()
		p.receiver().checkKept()
		if n%roundsBetweenChecks == 0 || n == p.rounds {
			p.releaseAll()
			empty(n)
			p.ledger.checkDone()
			p.sweep()
		}
		for i, fault := range p.ledger.faults {
			if i == 20 {
				p.t.Errorf("… and %d more", len(p.ledger.faults)-i)
				break
			}
			p.t.Errorf("round %d: %s", n, fault)
		}
		if p.t.Failed() {
			p.t.Errorf("MAILCRANE_POWERCUT_SEED=%d MAILCRANE_POWERCUT_ROUNDS=%d", p.seed, n)
		}
	}
	took := time.Since(began)
	p.t.Logf("%d power cuts in %v, %.0f a minute; %s", p.rounds, took.Round(time.Second), float64(p.rounds)/took.Minutes(), p.ledger.counts)
}

// restart gives the disk its power back. Who looks at the spool has the ledger.
func (p *powercut) restart() {
	p.ledger.mu.Lock()
	defer p.ledger.mu.Unlock()
	p.disk.Unmount()
	p.disk.Mount()
}

// sweep removes what the cuts have left under tmp/, as a service does a day
// and a half later.
func (p *powercut) sweep() {
	p.t.Helper()
	later := queue.NewSpool(p.spoolDir(), queue.OS{}, func() time.Time { return time.Now().Add(48 * time.Hour) })
	if err := later.Sweep(); err != nil {
		p.t.Error(err)
	}
	if left, err := os.ReadDir(filepath.Join(p.spoolDir(), "tmp")); err != nil || len(left) > 0 {
		p.t.Errorf("under tmp/ are left: %v, %v", left, err)
	}
	if left, err := p.spool().Sorted(); err != nil || len(left) > 0 {
		p.t.Errorf("in the queue are left %d messages: %.500s, %v", len(left), fmt.Sprint(left), err)
	}
}
