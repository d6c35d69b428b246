// Package top is the queue on a full screen: how each account stands, the
// message on the wire, and what waits, with keys for what a person does to it.
// Where its data comes from is handed in.
package top

import (
	"context"
	"os/exec"
	"time"

	tea "charm.land/bubbletea/v2"
)

// An Account is how one stands, in words.
type Account struct {
	Name     string
	Up       bool   // nothing is known that keeps its mail here
	Standing string // how far its mail gets
	Reason   string
	Waits    string // what changes that
}

// A Row is a message that waits. All of it is printable.
type Row struct {
	ID, State, Size, From, To, Why string
}

// A Window is the messages that fit on the screen, of all.
type Window struct {
	Rows  []Row
	From  int // the place of the first
	Total int
}

// A Source is where the data comes from, and what does things to messages. Its
// methods are called from other goroutines than Run's.
type Source interface {
	Accounts(ctx context.Context) ([]Account, error)
	// Window is n messages from a place on, of those in which filter occurs.
	Window(ctx context.Context, filter string, from, n int) (Window, error)
	// Story is all there is to say of a message.
	Story(ctx context.Context, id string) (string, error)
	Hold(ctx context.Context, id string) error
	Release(ctx context.Context, id string) error
	Retry(ctx context.Context, id string) error
	Remove(ctx context.Context, id string) error
	// Flush has the agent try all that is due.
	Flush(ctx context.Context) error
	// Editor is a program that edits the envelope on the terminal.
	Editor(id string) *exec.Cmd
}

// Changed says that something is otherwise than it was when it was last read.
type Changed struct{}

// Progress says how much of a message has been handed to the network.
type Progress struct {
	ID           string
	Octets, Size int64
	At           time.Time
}

// Off says that a message is not on the wire any more; with no ID, that none is.
type Off struct{ ID string }

// framesPerSecond bounds how often the screen is written; the library looks that
// often whether there is something to write.
const framesPerSecond = 10

// Run shows the screen until the person leaves, or ctx ends. feed is called
// with a function that takes Changed, Progress and Off; it returns when its
// context ends, and an error of it ends Run.
func Run(ctx context.Context, s Source, feed func(context.Context, func(any)) error, options ...tea.ProgramOption) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := tea.NewProgram(New(ctx, s), append([]tea.ProgramOption{tea.WithContext(ctx), tea.WithFPS(framesPerSecond), tea.WithoutSignalHandler()}, options...)...)
	fed := make(chan error, 1)
	go func() {
		err := feed(ctx, func(m any) { p.Send(m) })
		if err != nil {
			p.Quit()
		}
		fed <- err
	}()
	_, err := p.Run()
	called := ctx.Err() != nil
	cancel()
	if failed := <-fed; failed != nil {
		return failed
	}
	if called {
		return nil // the signal that ends a program is no failure of it
	}
	return err
}
