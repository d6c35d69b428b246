package msp

import (
	"context"
	"io"
	"time"

	"mailcrane/internal/config"
	"mailcrane/queue"
)

// A Spool takes messages; *queue.Spool is one.
type Spool interface {
	// Put keeps a message; it is durable when the error is nil.
	Put(ctx context.Context, e *queue.Envelope, message io.Reader) (queue.ID, error)
}

// Users knows the people who have an account on this machine.
type Users interface {
	// ByName finds a login name, ByID a user ID.
	ByName(name string) (User, bool)
	ByID(uid int) (User, bool)
}

// A User is a line of the password file.
type User struct {
	Name string
	UID  int
	// FullName is the first part of the GECOS field, & resolved.
	FullName string
	Home     string
}

// A Program is a process as the command line sees it. All fields must be set,
// but for those that say otherwise.
type Program struct {
	Args           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Getuid         func() int
	Now            func() time.Time
	Hostname       func() (string, error)
	Rand           io.Reader
	Users          Users
	// NotBefore is when what is submitted may leave at the earliest; zero is at
	// once.
	NotBefore time.Time
	// Version is printed for -d0.
	Version string

	// Config loads the configuration; file is the value of -C, or "". It is
	// called with -C's before any of Services.
	Config func(file string) (*config.Config, error)
	// OpenSpool opens the spool in the queue directories.
	OpenSpool func(dirs []string) (Spool, error)
	// Free is how many octets fit on the disk of a directory. It may be nil, and
	// where it does not know, there is room.
	Free func(dir string) (int64, error)
	// Bounce puts a bounce to the sender into the spool. It may be nil: then
	// what would be mailed is printed.
	Bounce func(ctx context.Context, s Spool, b *Bounce) error
	// Terminal opens the user's terminal, for error mode w; it may be nil.
	Terminal func() (io.WriteCloser, error)

	// Services does what needs more than submission. It is nil in the shim,
	// where Handoff does it.
	Services Services
	// Handoff runs "mailcrane sendmail ARGS" with this process's standard files
	// and returns its exit code; an error says that it could not be started.
	// It may replace this process and never return, but where comeBack is set
	// it must run a child.
	Handoff func(args []string, comeBack bool) (int, error)
}

// Services is what the sendmail command line can ask for besides taking in
// mail. Each method prints what there is to say and returns the exit code.
type Services interface {
	// LogTraffic is -X: from now on each line of each session is appended to
	// the file.
	LogTraffic(file string)
	// UseSettings are -O and -o: they go over those of the file.
	UseSettings(settings []config.Setting)
	// ListQueue is -bp and mailq; see WriteQueue for the layout.
	ListQueue(ctx context.Context, l Listing) int
	// RunQueue is -q: one run, or with an interval one after another. It must
	// return before the work is done unless run.Foreground or verbose.
	RunQueue(ctx context.Context, run QueueRun, verbose bool) int
	// Deliver tries messages that were just submitted, and returns when each
	// recipient has been tried: EX_OK where all were delivered or wait, else
	// the code of the last refusal.
	Deliver(ctx context.Context, ids []queue.ID, verbose bool) int
	// ServeSMTP is -bs.
	ServeSMTP(ctx context.Context, in io.Reader, out io.Writer) int
	// Daemon is -bd, -bD and -bl.
	Daemon(ctx context.Context, mode Mode, run QueueRun) int
	// HostStatus is -bh, or -bH where purge.
	HostStatus(ctx context.Context, purge, verbose bool) int
	// CheckAliases is newaliases and -bi for the aliases of a server.
	CheckAliases(ctx context.Context) int
	// Verify is -bv of a server: what the addresses of each word come to.
	Verify(ctx context.Context, sender string, words []string, verbose bool) int
	// AddressTest is -bt of a server: it answers questions, a line each.
	AddressTest(ctx context.Context, in io.Reader) int
}

// A Listing is what -bp asks for.
type Listing struct {
	// CountOnly is -bP.
	CountOnly bool
	Verbose   bool
	// Run holds the selectors and the kind of entries wanted.
	Run QueueRun
}

// A Failure is a recipient that can never get the message.
type Failure struct {
	// Address is the recipient as it was given.
	Address string
	// Text says why.
	Text string
	// Code is the exit code for it, Status its RFC 3463 code.
	Code   int
	Status string
	// Notify and ORcpt are the sender's DSN wishes for it, as in
	// queue.Recipient.
	Notify, ORcpt string
}

// A Bounce is what its sender is told of a message that could not be sent.
type Bounce struct {
	// To is the sender; never the null reverse-path.
	To       string
	Failures []Failure
	// Message is the message, and HeaderOnly says that only its header
	// section is there: the whole of it went to other recipients.
	Message    io.Reader
	HeaderOnly bool
	// EnvID and Ret are the sender's DSN wishes.
	EnvID, Ret string
}
