package queue

import "context"

// carryDays is carryAll, which the machine's sleep breaks off as it does what the
// serving runner sends, and which begins anew after that.
func (f *flush) carryDays(ctx context.Context) error {
	for {
		d := newDay(ctx)
		ended, heard := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(heard)
			select {
			case nap := <-f.Naps:
				d.turnIn(nap)
			case <-ended:
			}
		}()
		err := f.carryAll(d.ctx)
		close(ended)
		<-heard
		d.settle()
		d.end(nil)
		if !d.asleep() {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-d.morning():
		}
		f.anew()
	}
}

// anew forgets what the run has found out: it was yesterday.
func (f *flush) anew() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.met, f.busy = make(map[uint64]meeting), nil
	clear(f.sum.Faults)
	f.sum.Unroutable = 0
}
