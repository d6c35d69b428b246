package aliases

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"mailcrane/internal/logbook"
	"mailcrane/mta/safefile"
)

// A User is somebody with an account on this machine.
type User struct {
	Name        string
	UID, GID    uint32
	Home, Shell string
}

// Users knows them. An error says that nobody knows now.
type Users interface {
	Lookup(name string) (User, bool, error)
	LookupUID(uid uint32) (User, bool, error)
}

// An Opener opens the files of lists with the rights of a user, by safefile's
// rules: a server that is not root asks another process to. It may hang.
type Opener interface {
	Open(ctx context.Context, kind safefile.Kind, path string, uid uint32) (*safefile.File, error)
}

// ListOptions say how lists are read. All must be set, but for those that say
// otherwise.
type ListOptions struct {
	Opener Opener
	Users  Users
	// ForwardPath is that of config.Deliver; "" has no .forward.
	ForwardPath string
	// Host is our own name.
	Host string
	// IncludeUID is with whose rights the lists of aliases are opened: the
	// DefaultUser's, or our own.
	IncludeUID uint32
	// FileOpen is Timeout.fileopen; 0 waits for ever.
	FileOpen time.Duration
	// Shells is the file of valid shells; "" is /etc/shells.
	Shells string
	// Log may be nil.
	Log *slog.Logger
}

// Lists read :include: files and .forward. They are safe for use by several
// goroutines.
type Lists struct {
	o     ListOptions
	slots chan struct{} // a place for each file that is being opened

	mu   sync.Mutex
	late map[request]*opening // those that were not waited for any longer
}

// mostOpenings is how many files are being opened at once; those that hang among
// them.
const mostOpenings = 64

// NewLists does not touch a file yet.
func NewLists(o ListOptions) *Lists {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Shells == "" {
		o.Shells = "/etc/shells"
	}
	return &Lists{o: o, slots: make(chan struct{}, mostOpenings), late: make(map[request]*opening)}
}

type request struct {
	kind safefile.Kind
	path string
	uid  uint32
}

// fetched is a file that was read.
type fetched struct {
	text     string
	owner    uint32
	believed bool
	targets  bool
	why      string
}

func (f *fetched) list(path string) *List {
	list := &List{Path: path}
	list.Items, list.Wrong = ParseList(f.text, path)
	if !f.targets {
		list.Unsafe = f.why
	}
	return list
}

// An opening is a file that is being read.
type opening struct {
	done  chan struct{} // closed when it has been
	file  *fetched
	err   error
	ended bool
}

var (
	errHangs    = errors.New("an earlier try to open it still hangs")
	errSlow     = errors.New("it cannot be opened within Timeout.fileopen")
	errTooLarge = errors.New("it is too large")
)

// fetch reads a file in a goroutine of its own, since a server of files that is
// gone would hold it up for ever.
func (l *Lists) fetch(ctx context.Context, kind safefile.Kind, path string, uid uint32) (*fetched, error) {
	key := request{kind, path, uid}
	l.mu.Lock()
	hangs := l.late[key] != nil
	l.mu.Unlock()
	if hangs {
		return nil, errHangs
	}
	if l.o.FileOpen > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, l.o.FileOpen, errSlow)
		defer cancel()
	}
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	o := &opening{done: make(chan struct{})}
	go l.open(ctx, key, o)
	select {
	case <-o.done:
		return o.file, o.err
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if o.ended {
		return o.file, o.err
	}
	l.late[key] = o
	return nil, context.Cause(ctx)
}

func (l *Lists) open(ctx context.Context, key request, o *opening) {
	file, err := l.read(ctx, key)
	l.mu.Lock()
	o.file, o.err, o.ended = file, err, true
	if l.late[key] == o {
		delete(l.late, key)
	}
	l.mu.Unlock()
	close(o.done)
	<-l.slots
}

func (l *Lists) read(ctx context.Context, key request) (*fetched, error) {
	f, err := l.o.Opener.Open(ctx, key.kind, key.path, key.uid)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	most := int64(maxInclude)
	if key.kind == safefile.Forward {
		most = maxForward
	}
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > most {
		return nil, fmt.Errorf("%w: more than %d octets", errTooLarge, most)
	}
	if !f.Targets {
		logbook.Line(l.o.Log, logbook.Outgoing, fmt.Sprintf("%s: %s, marked unsafe", key.path, f.Why), slog.String("file", key.path))
	}
	return &fetched{string(text), f.Owner, f.OwnerBelieved, f.Targets, f.Why}, nil
}

// say writes why a file is not used, as sendmail has it from level 3 on.
func (l *Lists) say(text, path string, err error) {
	logbook.Line(l.o.Log, logbook.Malformed, text, slog.String("file", path), slog.String("error", err.Error()))
}
