//go:build unix

package slumber

import (
	"io"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// A contWatch hears when this process goes on after a stop: a debugger, a
// container that was frozen, a shell's job control.
type contWatch struct {
	signals chan os.Signal
	done    chan struct{}
}

// watchCont calls cont after each SIGCONT (signal(7)). A container that is
// frozen by its cgroup gets none; its clocks do not tell either.
func watchCont(cont func()) io.Closer {
	w := &contWatch{make(chan os.Signal, 1), make(chan struct{})}
	signal.Notify(w.signals, unix.SIGCONT)
	go func() {
		defer close(w.done)
		for range w.signals {
			cont()
		}
	}()
	return w
}

// Close ends it.
func (w *contWatch) Close() error {
	signal.Stop(w.signals)
	close(w.signals)
	<-w.done
	return nil
}
