package textmap

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"mailcrane/internal/logbook"
	"mailcrane/mta/safefile"
)

// lookEvery is the shortest time between two looks at a file.
const lookEvery = time.Second

// A Source says where a map is read from, and how.
type Source[T any] struct {
	Kind  safefile.Kind
	Path  string
	Rules safefile.Rules
	// Read makes the map of the text, and may warn. Its error keeps the map
	// that was read before.
	Read func(name string, in io.Reader) (T, []string, error)
	// Log hears of each change once; nil is nobody.
	Log *slog.Logger
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// A File is a map that is read again when its file has changed. It is safe for
// use by several goroutines.
type File[T any] struct {
	Source[T]

	mu      sync.Mutex
	current T
	whole   bool      // current has been read
	closed  error     // why there is no map: the file is missing or unsafe, or was never good
	looked  time.Time // when the file was looked at
	looking bool      // somebody is
	as      os.FileInfo
	said    string // what the log was told last
}

// Open reads the map. An error says what is wrong; the File is good all the
// same, and answers with errors until the map is mended.
func Open[T any](s Source[T]) (*File[T], error) {
	f := &File[T]{Source: s}
	if f.Log == nil {
		f.Log = slog.New(slog.DiscardHandler)
	}
	if f.Now == nil {
		f.Now = time.Now
	}
	return f, f.Reload()
}

// Get is the map as the file has it; it looks whether that has changed, at most
// once a second. A file that others can change, or that is not there, is an
// error, which is temporary: sendmail answers 451 4.3.0. A file with bad lines
// is not: then the map from before is used.
func (f *File[T]) Get() (T, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.Now(); !f.looking && (now.Sub(f.looked) >= lookEvery || now.Before(f.looked)) {
		f.look(false) //nolint:errcheck // it is in the log, and in closed where it matters
	}
	if f.closed != nil {
		var none T
		return none, f.closed
	}
	return f.current, nil
}

// Reload reads the file again, changed or not. An error says what is wrong with
// it, also where the map from before is still used.
func (f *File[T]) Reload() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.look(true)
}

// look opens the file, and reads it where it has changed. It gives up the lock
// meanwhile, so that others go on with the old map.
func (f *File[T]) look(always bool) error {
	f.looking, f.looked = true, f.Now()
	before := f.as
	f.mu.Unlock()
	fresh, warnings, as, err := f.fetch(before, always)
	f.mu.Lock()
	f.looking = false
	switch {
	case err == nil && as == nil: // unchanged
		if f.whole && f.closed != nil {
			f.closed = nil
			f.tell(slog.LevelInfo, "the map is used again", nil)
		}
		return nil
	case err == nil:
		f.current, f.whole, f.closed, f.as = fresh, true, nil, as
		f.said = ""
		f.tell(slog.LevelInfo, "the map has been read", warnings)
	case as != nil: // it was opened, and is bad
		f.as = as
		if f.whole {
			f.closed = nil
			f.tell(slog.LevelError, err.Error()+"\nthe map from before is used until this is mended", warnings)
			return err
		}
		f.closed = err
		f.tell(slog.LevelError, err.Error(), warnings)
	default:
		f.closed = err
		f.tell(slog.LevelError, err.Error(), nil)
	}
	return err
}

// fetch reads the file where it is not as before. The FileInfo is nil where it
// could not be opened, or has not changed.
func (f *File[T]) fetch(before os.FileInfo, always bool) (fresh T, warnings []string, as os.FileInfo, err error) {
	in, err := f.Rules.Open(f.Kind, f.Path)
	if err != nil {
		return fresh, nil, nil, err
	}
	defer in.Close()
	if as, err = in.Stat(); err != nil {
		return fresh, nil, nil, fmt.Errorf("reading %s: %w", f.Path, err)
	}
	if !always && before != nil && before.Size() == as.Size() && before.ModTime().Equal(as.ModTime()) && os.SameFile(before, as) {
		return fresh, nil, nil, nil
	}
	fresh, warnings, err = f.Read(f.Path, in)
	return fresh, warnings, as, err
}

// tell writes into the log what it has not been told already.
func (f *File[T]) tell(level slog.Level, text string, warnings []string) {
	if text == f.said {
		return
	}
	f.said = text
	if level == slog.LevelError {
		logbook.Line(f.Log, logbook.Serious, text, slog.String("file", f.Path))
	} else {
		f.Log.Log(context.Background(), level, text, "file", f.Path)
	}
	for _, w := range warnings {
		f.Log.Warn(w)
	}
}
