package maps

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// asked is an asker that does as the test says, and counts.
type asked struct {
	answer func(ctx context.Context, key string) ([]string, error)
	closed chan struct{}

	count, now, most atomic.Int32
}

func (a *asked) ask(ctx context.Context, key string) ([]string, error) {
	a.count.Add(1)
	a.most.Store(max(a.most.Load(), a.now.Add(1)))
	defer a.now.Add(-1)
	return a.answer(ctx, key)
}

func (a *asked) close() { close(a.closed) }

func asks(answer func(ctx context.Context, key string) ([]string, error)) (*asked, *pool) {
	a := &asked{answer: answer, closed: make(chan struct{})}
	return a, poolOf(&definition{timeout: usualTimeout}, "sqlite:/etc/mail/m.toml", a, Options{})
}

func hangs(ctx context.Context, _ string) ([]string, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// crowd asks so often at once, and returns the errors.
func crowd(t *testing.T, p *pool, size int) []error {
	t.Helper()
	errs := make([]error, size)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { _, _, errs[i] = p.find(t.Context(), "a") })
	}
	all.Wait()
	return errs
}

func TestADatabaseThatHangsCostsACrowdOneTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, p := asks(hangs)
		began := time.Now()
		for _, err := range crowd(t, p, 1000) {
			if err == nil || !strings.Contains(err.Error(), "no answer in 5s") {
				t.Fatalf("it says %v", err)
			}
		}
		if took := time.Since(began); took != usualTimeout {
			t.Errorf("a thousand recipients have waited for %s", took)
		}
		if n := a.count.Load(); n != mostAtOnce {
			t.Errorf("the database was asked %d times", n)
		}
		for _, err := range crowd(t, p, 10) {
			if err == nil {
				t.Error("it is known though nobody has been asked")
			}
		}
		if n := a.count.Load(); n != mostAtOnce || time.Since(began) != usualTimeout {
			t.Errorf("while it rests it was asked, %d times", n-mostAtOnce)
		}
	})
}

func TestOneAsksWhetherADatabaseIsThereAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := true
		a, p := asks(func(ctx context.Context, _ string) ([]string, error) {
			if time.Sleep(time.Second); away {
				return nil, errors.New("connection refused")
			}
			return []string{"x"}, nil
		})
		crowd(t, p, 1)
		time.Sleep(restFor)
		crowd(t, p, 10)
		if n := a.count.Load(); n != 2 {
			t.Errorf("it was asked %d times, not once more", n)
		}
		time.Sleep(restFor)
		away = false
		crowd(t, p, 1)
		for _, err := range crowd(t, p, 10) {
			if err != nil {
				t.Errorf("it answers, and the map says %v", err)
			}
		}
		if n := a.most.Load(); n > mostAtOnce {
			t.Errorf("%d questions at once", n)
		}
	})
}

func TestWhatOneKeyDoesIsNotHeldAgainstTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, p := asks(func(ctx context.Context, key string) ([]string, error) {
			switch key {
			case "error":
				return nil, errAnswer{errors.New("invalid input syntax")}
			case "slow":
				return hangs(ctx, key)
			}
			return []string{"x"}, nil
		})
		if _, _, err := p.find(t.Context(), "error"); err == nil || !strings.Contains(err.Error(), "the map sqlite:/etc/mail/m.toml cannot be asked: invalid") {
			t.Errorf("a refusal is %v", err)
		}
		gone, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := p.find(gone, "slow"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("one who does not wait gets %v", err)
		}
		if value, ok, err := p.find(t.Context(), "a"); value != "x" || !ok || err != nil {
			t.Errorf("the next one gets %q, %v, %v", value, ok, err)
		}
	})
}

func TestConnectionsEndWithTheLastOneWhoHasTheMap(t *testing.T) {
	a := func() *asked {
		a, p := asks(hangs)
		runtime.AddCleanup(p, asker.close, asker(a))
		return a
	}()
	for {
		runtime.GC()
		select {
		case <-a.closed:
			return
		case <-t.Context().Done():
			t.Fatal("they do not end")
		default:
		}
	}
}
