package slumber

import (
	"fmt"
	"io"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

const (
	// How a power event is told of, and which ones there are (winuser.h).
	deviceNotifyCallback = 2
	apmSuspend           = 0x4
	apmResumeAutomatic   = 0x12
	// suspendTime is what Windows leaves each program before a sleep.
	suspendTime = 2 * time.Second
)

// A powerWatch hears from the power manager of each sleep, before and after it.
type powerWatch struct {
	watch  *Watch
	end    *windows.LazyProc
	handle uintptr
	wants  *subscription
}

// A subscription is DEVICE_NOTIFY_SUBSCRIBE_PARAMETERS.
type subscription struct {
	callback uintptr
	context  uintptr
}

// watchSleep asks for the events of the power manager (Windows 8 and later).
func watchSleep(watch *Watch) ([]io.Closer, error) {
	power := windows.NewLazySystemDLL("powrprof.dll")
	begin, end := power.NewProc("PowerRegisterSuspendResumeNotification"), power.NewProc("PowerUnregisterSuspendResumeNotification")
	watch.unwatched = true
	for _, p := range []*windows.LazyProc{begin, end} {
		if err := p.Find(); err != nil {
			return nil, fmt.Errorf("this Windows does not tell of a sleep: %w", err)
		}
	}
	w := &powerWatch{watch: watch, end: end}
	w.wants = &subscription{callback: windows.NewCallback(w.told)}
	failed, _, _ := begin.Call(deviceNotifyCallback, uintptr(unsafe.Pointer(w.wants)), uintptr(unsafe.Pointer(&w.handle)))
	if failed != 0 {
		return nil, fmt.Errorf("the power manager does not tell of a sleep: %w", windows.Errno(failed))
	}
	watch.unwatched = false
	return []io.Closer{w}, nil
}

// told is called by the power manager, in a thread of its own. The machine goes
// to sleep when it returns.
func (w *powerWatch) told(_, event, _ uintptr) uintptr {
	switch event {
	case apmSuspend:
		ready := make(chan struct{})
		var once sync.Once
		w.watch.lie(suspendTime, func() { once.Do(func() { close(ready) }) })
		late := time.NewTimer(suspendTime)
		defer late.Stop()
		select {
		case <-ready:
		case <-late.C:
		}
	case apmResumeAutomatic:
		w.watch.rise()
	}
	return 0
}

// Close ends the events.
func (w *powerWatch) Close() error {
	if failed, _, _ := w.end.Call(w.handle); failed != 0 {
		return windows.Errno(failed)
	}
	return nil
}
