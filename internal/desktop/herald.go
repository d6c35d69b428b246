package desktop

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// moment is how long what happens to messages is gathered before it is told:
	// ten bounces of one mailing are one notification.
	moment = 2 * time.Second
	// showTime bounds one call of the desktop.
	showTime = 5 * time.Second
	// mostCauses bounds what is remembered.
	mostCauses = 256
)

// Options are what a Herald needs. Do may hold nil functions: their buttons are
// left out.
type Options struct {
	Desktop Desktop
	// All: mail that has gone after a wait is told of too.
	All bool
	// Private: not even an account is named outside of a command to type.
	Private bool
	// Waiting says whether mail waits for the account.
	Waiting func(account string) bool
	// Load and Keep keep the causes that were told over a restart: a line each.
	Load func() (string, error)
	Keep func(text string) error
	Do   Deeds
	// Log is told what could not be shown; it may be nil.
	Log func(msg string, args ...any)
}

// Deeds are what the buttons do.
type Deeds struct {
	Login func(account string)
	Page  func(url string)
	Show  func(string)
}

// A Herald tells the desktop what it is told, once for one cause. Its methods
// do not block.
type Herald struct {
	Options

	mu sync.Mutex
	// told are the causes that were told and have not ended since.
	told map[string]bool
	// happened is how many messages there are to be told of, by cause.
	happened map[string]int
	gather   *time.Timer
	work     chan func(context.Context)
}

// NewHerald begins with what was told before. Run must run for anything to be shown.
func NewHerald(o Options) *Herald {
	h := &Herald{Options: o, told: make(map[string]bool), happened: make(map[string]int), work: make(chan func(context.Context), 16)}
	text, err := o.Load()
	if err != nil {
		h.log("cannot read what the desktop was told", "err", err)
	}
	for line := range strings.Lines(text) {
		if cause := strings.TrimSpace(line); cause != "" && len(h.told) < mostCauses {
			h.told[cause] = true
		}
	}
	return h
}

func (h *Herald) log(msg string, args ...any) {
	if h.Log != nil {
		h.Log(msg, args...)
	}
}

// Run shows what there is to show until ctx ends.
func (h *Herald) Run(ctx context.Context) {
	defer h.Desktop.Close()
	for {
		select {
		case <-ctx.Done():
			h.mu.Lock()
			if h.gather != nil {
				h.gather.Stop()
			}
			h.mu.Unlock()
			return
		case do := <-h.work:
			short, cancel := context.WithTimeout(ctx, showTime)
			do(short)
			cancel()
		}
	}
}

// enqueue has do run by Run. Where the desktop hangs, what comes is dropped:
// what still holds is said again.
func (h *Herald) enqueue(do func(context.Context)) bool {
	select {
	case h.work <- do:
		return true
	default:
		return false
	}
}

// Stands is told how an account stands, again and again: page is the address of
// a portal's login page, or "".
func (h *Herald) Stands(account string, t Trouble, page string) {
	switch t {
	case Unknown:
	case Well:
		h.well(account)
	default:
		h.tell(t.cause(account), func() (Notice, bool) {
			return h.troubleNotice(t, account, page), h.Waiting(account)
		})
	}
}

// TokenEnds is told when the log-in of an account ends that cannot be renewed
// without a person.
func (h *Herald) TokenEnds(account string, ends time.Time) {
	n := h.tokenNotice(account, ends)
	h.tell(n.Cause, func() (Notice, bool) { return n, true })
}

// tell tells of a cause that was not told yet, if make says so then.
func (h *Herald) tell(cause string, make func() (n Notice, wanted bool)) {
	h.mu.Lock()
	known := h.told[cause]
	h.mu.Unlock()
	if known {
		return
	}
	h.enqueue(func(ctx context.Context) {
		h.mu.Lock()
		known := h.told[cause]
		h.mu.Unlock()
		if known {
			return
		}
		// Only mail that waits makes a fault somebody's business.
		n, wanted := make()
		if !wanted || !h.show(ctx, n) {
			return
		}
		h.remember(func() { h.told[cause] = true })
	})
}

// show says whether a person can see it.
func (h *Herald) show(ctx context.Context, n Notice) bool {
	err := h.Desktop.Show(ctx, n)
	if err != nil && !errors.Is(err, ErrNone) {
		h.log("cannot show a notification", "err", err)
	}
	return err == nil
}

// remember changes what was told, and keeps it.
func (h *Herald) remember(change func()) {
	h.mu.Lock()
	change()
	for len(h.told) > mostCauses {
		for cause := range h.told {
			delete(h.told, cause)
			break
		}
	}
	text := strings.Join(slices.Sorted(maps.Keys(h.told)), "\n") + "\n"
	h.mu.Unlock()
	if err := h.Keep(text); err != nil {
		h.log("cannot keep what the desktop was told", "err", err)
	}
}

// well ends all causes of an account, and that of a portal: who reaches a
// server stands behind none.
func (h *Herald) well(account string) {
	var over []string
	h.mu.Lock()
	for cause := range h.told {
		kind, of, _ := strings.Cut(cause, " ")
		if of == account && kind != kindToken || cause == kinds[Portal] {
			over = append(over, cause)
		}
	}
	h.mu.Unlock()
	if len(over) == 0 {
		return
	}
	h.enqueue(func(context.Context) {
		for _, cause := range over {
			h.Desktop.Withdraw(cause)
		}
		h.remember(func() {
			for _, cause := range over {
				delete(h.told, cause)
			}
		})
	})
}

// Refused is told of each message that was refused and returned.
func (h *Herald) Refused() { h.happens(causeRefused) }

// Late is told of each message whose sender was told that it is late.
func (h *Herald) Late() { h.happens(causeLate) }

// Gone is told of each message that has gone after a wait.
func (h *Herald) Gone() {
	if h.All {
		h.happens(causeGone)
	}
}

// happens gathers what happens in a moment.
func (h *Herald) happens(cause string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.happened[cause]++
	if h.gather == nil {
		h.gather = time.AfterFunc(moment, h.tellGathered)
	}
}

func (h *Herald) tellGathered() {
	h.mu.Lock()
	happened := h.happened
	h.happened, h.gather = make(map[string]int), nil
	h.mu.Unlock()
	for _, cause := range slices.Sorted(maps.Keys(happened)) {
		n := h.happenedNotice(cause, happened[cause])
		h.enqueue(func(ctx context.Context) { h.show(ctx, n) })
	}
}
