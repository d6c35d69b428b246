package queue

import (
	"errors"
	"math/rand/v2"
	"time"

	"mailcrane/internal/config"
)

// A Runner empties the queue: it owns when a message is tried and in what
// order; how is the transport's, and what is true after a crash the spool's.
type Runner struct {
	Spool     *Spool
	Router    Router
	Transport Transport
	Reach     Reach
	// Tuning is what the administrator has set.
	Tuning config.Queue
	Now    func() time.Time
	// Load is the machine's load average over the last minute; nil is none.
	Load func() float64
	// Hosts is what is remembered of hosts for all processes; nil is nothing.
	Hosts Hosts
	// ByRecipient says that the route of a message follows from its recipients, as
	// a server's does, and not from its sender and account alone.
	ByRecipient bool
	// MostRoutes is how many routes Serve is at, at once; 0 is all. With those that
	// take long there may be slowShare times as many, and in a queue run.
	MostRoutes int
	// Near says of a route that it needs no network: it does not count, and waits
	// for no other. nil is none.
	Near func(Route) bool
	// HostOf is the server of a route; nil where its name has to do.
	HostOf func(Route) string
	Log    Log
	// Preface is what each report begins with (ErrorHeader), "" for nothing; nil is
	// nothing.
	Preface func() string
	// Hostname is the name under which bounces report.
	Hostname string
	// Sessions is how many sessions may be open at once on a route; nil, or 0, has
	// the runner find out, up to three.
	Sessions func(Route) int
	// Dial is what it takes for a route to be called; nil is mail that is due.
	Dial func(Route) config.Dial
	// Patience is how long one delivery may stand still before the messages
	// behind it go by another session; 0 means 20 s.
	Patience time.Duration
	// Stirs, if not nil, has a value when the sessions of Serve, and nothing else,
	// are to be told that the way out may have changed.
	Stirs <-chan struct{}
	// Naps, if not nil, tells Serve, or Run, of each sleep of the machine before it. It is
	// never closed.
	Naps <-chan Nap
	// Dice is a number from 0 up to 1, another each time, that spreads the tries
	// of many machines; nil is chance.
	Dice func() float64
	// Watch, if not nil, is told what happens, from several goroutines.
	Watch func(Event)

	// unattended: this is a queue run that nobody waits for (Run.unattended).
	unattended bool
	// quarantined: this is a run for the quarantined (Run.Quarantined).
	quarantined bool
	// only are the recipients that this run is for (Run.Only); nil is all.
	only func(Recipient) bool
}

// A Log takes what an administrator reads; *slog.Logger is one. The package
// does not name that, since the sendmail shim links this package.
type Log interface {
	Debug(msg string, args ...any)
	Info(msg string, args ...any)
	Warn(msg string, args ...any)
	Error(msg string, args ...any)
}

// An EventKind says what an Event tells.
type EventKind uint8

// The kinds of events.
const (
	Opening      EventKind = iota // a session of Route is being opened
	Opened                        // it is open
	Closed                        // it could not be opened, or broke: Fault says why
	Begun                         // the message ID is being sent
	Progress                      // Octets of its Size have been handed to the network
	Settled                       // recipient To of the message has Outcome
	Ended                         // the attempt at the message is over
	SessionEnded                  // however it ended: Session says what it cost
	Awaiting                      // another process is at Of messages of the run, which waits for it
	CutOff                        // there is no way out for Route now (Why), or a Rule keeps mail back; what was begun waits, or ends
	Retry                         // Route is left alone until Next, for Fault, should nothing happen before
	Bounced                       // a report that the message ID was refused is in the queue
	Warned                        // a report that it is late is
)

// An Event is something that a queue run did.
type Event struct {
	Kind    EventKind
	Route   Route
	Fault   *RouteFault
	ID      ID
	From    string
	To      string
	Size    int64
	Octets  int64
	Outcome Outcome
	// Dir is, for Begun in a queue run, the queue directory; Place is which
	// message of the run this is, from 1, and Of how many there were for it. What
	// came meanwhile, such as a bounce, counts when it is begun.
	Dir       string
	Place, Of int
	// Silent is, for Settled, that the recipient failed and the sender does not
	// hear of it: there is none, or NOTIFY says so.
	Silent bool
	// Attempt is, for Ended, what the attempt has come to; nil else.
	Attempt *Attempt
	// Left is, for Ended, how many recipients remain to be tried.
	Left int
	// Next is, when that will be; zero for at once. For Retry it is when Route
	// is tried again, zero for never by itself.
	Next time.Time
	// Why is for CutOff, in words, and Rule the rule of the policy that says so, or
	// "".
	Why, Rule string
	// Session is for SessionEnded, and nil else.
	Session *SessionEnd
	// Live is, for Opened and SessionEnded, the session itself, which tells at
	// any time what it has cost so far; nil where none was opened.
	Live Coster
}

// An Attempt is one try to hand a message over, when it has ended.
type Attempt struct {
	// Message is as it stands then: with the results of all attempts.
	Message Entry
	// Records are what this one has added for recipients; Took how long it was.
	Records []Record
	Took    time.Duration
}

func (r *Runner) tell(e Event) {
	if r.Watch != nil {
		r.Watch(e)
	}
}

func (r *Runner) dice() func() float64 {
	if r.Dice == nil {
		return rand.Float64
	}
	return r.Dice
}

func (r *Runner) patience() time.Duration {
	if r.Patience == 0 {
		return 20 * time.Second
	}
	return r.Patience
}

// errUnread says of a message that it could not be read, or has gone.
var errUnread = errors.New("it cannot be read")

// routeOf reads the message's envelope and asks the router. A damaged file is
// set aside.
func (r *Runner) routeOf(name Name) (Route, error) {
	entry, ok := r.Spool.Entry(name)
	if !ok {
		r.examine(name)
		return "", errUnread
	}
	route, err := r.Router.Route(entry.Envelope)
	if err != nil {
		// Shown with the message whenever the queue is listed.
		r.Log.Debug("message waits", "id", name.ID, "why", err)
	}
	return route, err
}

// examine claims a message that could not be read, to find out whether it has
// gone or is damaged; a damaged one is set aside.
func (r *Runner) examine(name Name) {
	m, err := r.claim(name)
	_, damaged := errors.AsType[*damagedError](err)
	switch {
	case err == nil:
		m.Release()
	case !damaged && !errors.Is(err, errGone) && !errors.Is(err, errBusy):
		r.Log.Error("message cannot be read", "id", name.ID, "err", err)
	}
}

// claim claims a message, and sets it aside if it is damaged.
func (r *Runner) claim(name Name) (*Message, error) {
	m, err := r.Spool.claim(name, false)
	damaged, is := err.(*damagedError) //nolint:errorlint // claim returns it bare
	if is {
		r.Log.Error("message set aside: its file is damaged", "id", name.ID, "why", damaged.why, "now in", r.Spool.placeOf(name).root.path(dirDamaged, ""))
		if err := r.Spool.setAside(r.Spool.placeOf(name), name.String(), damaged.why); err != nil {
			r.Log.Error("cannot set the damaged file aside", "file", name.String(), "err", err)
		}
	}
	return m, err
}

// mend sees, before a run, to what others have left in the queue.
func (r *Runner) mend() {
	if err := r.Spool.mendMoves(); err != nil {
		r.Log.Error("cannot mend a move that was broken off", "err", err)
	}
}
