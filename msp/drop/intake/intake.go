// Package intake is the agent's side of the drop directory: it takes in what
// users left there, knows by the kernel whose each file is, and lets nobody's
// file keep another's waiting.
package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/fsnotify/fsnotify"

	"mailcrane/internal/sysexits"
	"mailcrane/msp/drop"
	"mailcrane/queue"
)

// Submit takes a message in: it is durable when Submit returns nil.
type Submit func(ctx context.Context, e *queue.Envelope, message io.Reader) (queue.ID, error)

// An Intake empties a drop directory.
type Intake struct {
	// Dir is the directory; it must be this process's user's own.
	Dir    string
	Submit Submit
	// MaxSize bounds a file, in octets.
	MaxSize int64
	Now     func() time.Time
	Log     *slog.Logger

	dir      *os.File
	tellings tellings
}

// Bounds of what is done for files that are no messages.
const (
	// mostAside is how many files of one user are kept that could not be taken
	// in, and mostUnfinished how many that are still written.
	mostAside, mostUnfinished = 100, 100
	// oldUnfinished is when a file that is not whole was left by a process that
	// died.
	oldUnfinished = 36 * time.Hour
	// turn is how many files are taken in before the directory is read again, in
	// which others may have come.
	turn = 256
	// again is when the directory is looked at once more after the spool did not
	// take a message.
	again = time.Minute
)

// Open checks the directory, and makes it if it is missing. Only its owner may
// list it, and all may put files into it.
func (in *Intake) Open() error {
	if err := makeDirectory(in.Dir); err != nil {
		return sysexits.Errorf(sysexits.CantCreat, "make it as root: install -d -o mailcrane -g mailcrane -m 3733 "+in.Dir, "the drop directory %s: %w", in.Dir, err)
	}
	dir, err := openDirectory(in.Dir)
	if err != nil {
		return sysexits.Errorf(sysexits.CantCreat, "make it as root: install -d -o mailcrane -g mailcrane -m 3733 "+in.Dir, "the drop directory %s: %w", in.Dir, err)
	}
	in.dir = dir
	return nil
}

// Run takes in what is there and what comes, until ctx ends. The kernel says
// when something came; nothing polls.
func (in *Intake) Run(ctx context.Context) error {
	defer in.dir.Close()
	watcher, err := fsnotify.NewBufferedWatcher(64)
	if err == nil {
		err = watcher.Add(in.Dir)
	}
	if err != nil {
		return fmt.Errorf("cannot watch %s for dropped mail: %w", in.Dir, err)
	}
	defer watcher.Close()
	timer := time.NewTimer(0) // what came before
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case event := <-watcher.Events:
			// A file becomes whole by its renaming, which shows as one that came.
			if !event.Has(fsnotify.Create) {
				continue
			}
		case <-watcher.Errors: //nolint:errcheck // the kernel's list overflowed: something came, unseen
		case <-timer.C:
		}
		quiet(watcher.Events)
		if !in.empty(ctx) {
			timer.Reset(again)
		}
	}
}

// quiet forgets what the kernel has told so far: the directory is read after.
func quiet(events <-chan fsnotify.Event) {
	for {
		select {
		case <-events:
		default:
			return
		}
	}
}

// empty takes in what is in the directory. It is false where something is left
// that is worth another try later.
func (in *Intake) empty(ctx context.Context) bool {
	for ctx.Err() == nil {
		list, err := in.survey()
		if err != nil {
			in.Log.Error("the drop directory cannot be read", "dir", in.Dir, "err", err)
			return false
		}
		if len(list) == 0 {
			return true
		}
		done := 0
		for _, f := range list[:min(turn, len(list))] {
			if ctx.Err() != nil {
				return true
			}
			if err := in.takeIn(ctx, f); err != nil {
				in.tell(f, "a dropped message could not be queued; it stays", "err", err)
				continue
			}
			done++
		}
		if done == 0 {
			return false
		}
	}
	return true
}

// takeIn queues one file and removes it, or puts it aside. An error says that
// it may be tried again.
func (in *Intake) takeIn(ctx context.Context, f file) error {
	open, err := in.open(f)
	if err != nil {
		in.aside(f, err)
		return nil
	}
	defer open.Close()
	e, message, err := drop.Read(open, f.size)
	if err != nil {
		in.aside(f, err)
		return nil
	}
	e.Owner, e.Submission = fmt.Sprint(f.uid), string(f.id())
	e.Submitter = fmt.Sprintf("uid %d, left in %s", f.uid, in.Dir)
	// What a server finds out about recipients and reports is not a user's to say.
	e.Account, e.Received, e.Grace, e.DoubleBounce = "", time.Time{}, 0, false
	for i := range e.To {
		e.To[i].Target = ""
	}
	id, err := in.Submit(ctx, e, message)
	switch {
	case err != nil && passing(err):
		return err
	case err != nil:
		in.aside(f, err)
		return nil
	}
	in.Log.Info("dropped message queued", "id", id, "uid", f.uid, "file", f.name)
	in.remove(f)
	return nil
}

// passing says that the fault is not the message's: the disk is full, or the
// agent stops.
func passing(err error) bool {
	switch sysexits.Code(err) {
	case sysexits.TempFail, sysexits.Config, sysexits.CantCreat, sysexits.OSErr:
		return true
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
