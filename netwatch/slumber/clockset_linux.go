package slumber

import (
	"errors"
	"io"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// A clockWatch hears from the kernel when the wall clock leaps: when it is set,
// and when the machine wakes, by whatever it was put to sleep.
type clockWatch struct {
	timer *os.File
	done  chan struct{}
}

// watchClock calls leapt after each leap. It sets a timer on the wall clock that
// never ends, but that is cancelled when the clock is changed
// (TFD_TIMER_CANCEL_ON_SET, timerfd_create(2)), which the kernel takes a wake for
// too, since the wall clock and CLOCK_MONOTONIC run apart in a sleep
// (timerfd_resume in its fs/timerfd.c). It costs nothing until then.
func watchClock(leapt func()) (io.Closer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	never := &unix.ItimerSpec{Value: unix.Timespec{Sec: math.MaxInt32}}
	if err := unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, never, nil); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("timerfd_settime", err)
	}
	w := &clockWatch{os.NewFile(uintptr(fd), "timerfd"), make(chan struct{})}
	go w.listen(leapt)
	return w, nil
}

// listen sleeps in the runtime's poller.
func (w *clockWatch) listen(leapt func()) {
	defer close(w.done)
	var expirations [8]byte
	for {
		_, err := w.timer.Read(expirations[:])
		if !errors.Is(err, unix.ECANCELED) {
			return // closed
		}
		leapt()
	}
}

// Close ends it.
func (w *clockWatch) Close() error {
	err := w.timer.Close()
	<-w.done
	return err
}
