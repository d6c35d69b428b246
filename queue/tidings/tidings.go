// Package tidings tells what becomes of the messages of a spool, whatever
// process does it: the kernel says which file has changed, and the file says
// what happened. Nothing polls, and nothing is told before it is written down.
package tidings

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"mailcrane/queue"
)

// A Kind says what a Tiding tells.
type Kind uint8

// The kinds.
const (
	Queued  Kind = iota // a message came in
	Sending             // its last octet is about to leave
	Changed             // it is due at another time, was edited, or moved
	Told                // a Record was written about it
	Left                // it has left the queue, and nothing is remembered of how
	Route               // a process has seen how a route stands
	Missed              // the kernel's list was too long: something was not told
)

// A Tiding is something that happened in the spool.
type Tiding struct {
	Kind Kind
	At   time.Time
	ID   queue.ID
	// Name is the message's, as it stands now; for one that has left, what is
	// remembered of it, its ID and size.
	Name queue.Name
	// From is the reverse-path, where it is known.
	From string
	// Record is for Told. Those about a message that has left hold what became of
	// each recipient, also those of earlier attempts: Gone says so.
	Record queue.Record
	Gone   bool
	// Route and State are for Route.
	Route queue.Route
	State queue.RouteState
}

// Options are what Watch needs to know.
type Options struct {
	Spool *queue.Spool
	Now   func() time.Time
	// Remembers says that the spool keeps what has left: else each message that
	// leaves is told as Left.
	Remembers bool
	// Routes are those whose standing is told.
	Routes []queue.Route
}

// most is how many messages are remembered between the two halves of a rename.
const most = 1024

// Watch calls tell, from one goroutine, with each thing that happens from now on
// until ctx ends. The spool's directories must exist. It returns when it sees
// everything; ended is closed when it sees nothing any more, for ctx has ended
// or a directory of the queue has gone.
func Watch(ctx context.Context, o Options, tell func(Tiding)) (ended <-chan struct{}, err error) {
	watcher, err := fsnotify.NewBufferedWatcher(256)
	if err != nil {
		return nil, fmt.Errorf("cannot watch the queue: %w", err)
	}
	w := &watch{Options: o, watcher: watcher, tell: tell, before: make(map[queue.ID]queue.Name)}
	w.done = o.Spool.TailDone()
	if err := w.add(); err != nil {
		w.done.Close()
		return nil, errors.Join(err, watcher.Close())
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer w.done.Close()
		defer watcher.Close()
		w.run(ctx)
	}()
	return over, nil
}

type watch struct {
	Options
	watcher *fsnotify.Watcher
	tell    func(Tiding)
	done    *queue.DoneTail
	// queues are the directories in which messages stand, and slow those in which
	// such a directory appears.
	queues, slow map[string]bool
	// before is the names that messages had, until the new one is seen.
	before map[queue.ID]queue.Name
}

func (w *watch) add() error {
	w.queues, w.slow = make(map[string]bool), make(map[string]bool)
	for _, dir := range w.Spool.SlowDirs() {
		w.slow[dir] = true
		if err := w.watcher.Add(dir); err != nil {
			return fmt.Errorf("cannot watch %s: %w", dir, err)
		}
	}
	queues, slow, err := w.Spool.WatchDirs()
	if err != nil {
		return fmt.Errorf("cannot watch the queue: %w", err)
	}
	for _, dir := range append(queues, slow...) {
		w.queues[dir] = true
		if err := w.watcher.Add(dir); err != nil {
			return fmt.Errorf("cannot watch %s: %w", dir, err)
		}
	}
	if err := w.watcher.Add(w.Spool.Dir()); err != nil {
		return fmt.Errorf("cannot watch %s: %w", w.Spool.Dir(), err)
	}
	if len(w.Routes) == 0 {
		return nil
	}
	if err := w.watcher.Add(w.Spool.RoutesDir()); err != nil {
		return fmt.Errorf("cannot watch %s: %w", w.Spool.RoutesDir(), err)
	}
	return nil
}

func (w *watch) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-w.watcher.Events:
			if !w.see(event) {
				return
			}
		case <-w.watcher.Errors: //nolint:errcheck // it overflowed: something happened, unseen
			w.say(Tiding{Kind: Missed})
		}
	}
}

func (w *watch) say(t Tiding) {
	if t.At.IsZero() {
		t.At = w.Now()
	}
	w.tell(t)
}

// see takes in what the kernel says; false is that there is no queue any more.
func (w *watch) see(event fsnotify.Event) bool {
	gone := event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename)
	dir := filepath.Dir(event.Name)
	switch {
	case w.queues[event.Name]:
		return !gone || w.slow[dir]
	case event.Name == w.done.Path():
		w.left(event)
	case dir == w.Spool.RoutesDir():
		w.routeFile(event)
	case w.slow[dir]:
		if event.Has(fsnotify.Create) && w.watcher.Add(event.Name) == nil {
			w.queues[event.Name] = true
		}
	case w.queues[dir] && gone:
		w.was(event)
	case w.queues[dir] && event.Has(fsnotify.Create):
		w.is(event.Name)
	}
	return true
}

// was is the end of a name: that of a message which has another one, or none.
func (w *watch) was(event fsnotify.Event) {
	name, err := w.Spool.NameAt(event.Name)
	if err != nil {
		return
	}
	if event.Has(fsnotify.Rename) {
		if len(w.before) >= most {
			clear(w.before)
		}
		w.before[name.ID] = name
		return
	}
	if !w.Remembers {
		w.say(Tiding{Kind: Left, ID: name.ID, Name: name})
	}
}

// is is a new name: that of a message which came in, or to which something
// happened.
func (w *watch) is(path string) {
	name, err := w.Spool.NameAt(path)
	if err != nil {
		return
	}
	t := Tiding{ID: name.ID, Name: name}
	before, known := w.before[name.ID]
	delete(w.before, name.ID)
	fresh := !known && name.Attempts == 0 && name.History == 0 && !name.OnWire
	if entry, ok := w.Spool.Entry(name); ok {
		t.From = entry.Envelope.From
	}
	switch {
	case fresh:
		t.Kind = Queued
	case known && name.OnWire && !before.OnWire:
		t.Kind = Sending
	case known && name.History > before.History:
		w.records(t, before.History)
		return
	default:
		t.Kind = Changed
	}
	w.say(t)
}

func (w *watch) records(t Tiding, seen int64) {
	records, err := w.Spool.Since(t.Name, seen)
	if err != nil || len(records) == 0 {
		t.Kind = Changed // it has moved on meanwhile, and that is told next
		w.say(t)
		return
	}
	for _, r := range records {
		if r.Event == queue.EventRun {
			continue // it says something of the next record only
		}
		t.Kind, t.Record, t.At = Told, r, r.At
		w.say(t)
	}
}

// left tells of messages that have left the queue.
func (w *watch) left(event fsnotify.Event) {
	var done []queue.Finished
	if event.Has(fsnotify.Create) {
		done = w.done.Turn()
	} else {
		done = w.done.Next()
	}
	for _, d := range done {
		for _, r := range d.Records {
			w.say(Tiding{Kind: Told, ID: d.ID, Name: queue.Name{ID: d.ID, Size: d.Size, Attempts: d.Attempts}, From: d.From, Record: r, At: r.At, Gone: true})
		}
	}
}

// routeFile tells how the route stands whose file was replaced.
func (w *watch) routeFile(event fsnotify.Event) {
	if !event.Has(fsnotify.Create) {
		return
	}
	for _, route := range w.Routes {
		if filepath.Base(event.Name) == queue.RouteFile(route) {
			w.route(route)
		}
	}
}

func (w *watch) route(route queue.Route) {
	if state, err := w.Spool.RouteState(route); err == nil && !state.At.IsZero() {
		w.say(Tiding{Kind: Route, Route: route, State: state, At: state.At})
	}
}
