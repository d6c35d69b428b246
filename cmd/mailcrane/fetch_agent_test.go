package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

// A fetchWay is a way out that comes and goes.
type fetchWay struct {
	up      atomic.Bool
	changes chan struct{}
}

func (w *fetchWay) Verdict(queue.Route) queue.Verdict { return queue.Verdict{Try: w.up.Load()} }
func (w *fetchWay) Changes() <-chan struct{}          { return w.changes }

// Coverage: X7.
func TestTheAgentFetchesByEventsAndAsksNoServerInBetween(t *testing.T) {
	down := sysexits.Errorf(sysexits.TempFail, "", "there is no such host just now")
	wrong := sysexits.Errorf(sysexits.NoPerm, "", "a wrong password")
	for _, c := range []struct {
		reason   string
		interval time.Duration
		dial     config.Dial
		errs     []error // of the tries, in order; then nil
		want     []time.Duration
	}{
		// The way out is there from 10 minutes on, goes at 30, comes again at 39, and
		// a person asks for a queue run at 50.
		{"when there is a way out, and when a person asks", 0, config.DialFreely, nil, []time.Duration{10 * time.Minute, 39 * time.Minute, 50 * time.Minute}},
		{"at each queue run too", 20 * time.Minute, config.DialFreely, nil, []time.Duration{10 * time.Minute, 20 * time.Minute, 39 * time.Minute, 40 * time.Minute, 50 * time.Minute, 60 * time.Minute}},
		{"what is expensive by queue runs alone", 20 * time.Minute, config.DialByRun, nil, []time.Duration{20 * time.Minute, 40 * time.Minute, 50 * time.Minute, 60 * time.Minute}},
		{"what is on demand by itself never", 20 * time.Minute, config.DialOnDemand, nil, nil},
		{"a server that is down again, ever later", 0, config.DialFreely, []error{down, down, down}, []time.Duration{10 * time.Minute, 11 * time.Minute, 13 * time.Minute, 17 * time.Minute, 39 * time.Minute, 50 * time.Minute}},
		{"what needs a person not again by itself", 0, config.DialFreely, []error{wrong}, []time.Duration{10 * time.Minute, 39 * time.Minute, 50 * time.Minute}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithTimeout(t.Context(), 65*time.Minute)
				defer stop()
				began := time.Now()
				var got []time.Duration
				p := &pickup{
					accounts: []*config.Account{{Name: "work"}}, interval: c.interval, log: slog.New(slog.DiscardHandler),
					dial:    func(*config.Account) config.Dial { return c.dial },
					changes: make(chan struct{}, 1), pokes: make(chan struct{}, 1),
				}
				p.by = func(context.Context, *config.Account) (fetchResult, error) {
					got = append(got, time.Since(began))
					if len(got) <= len(c.errs) {
						return fetchResult{}, c.errs[len(got)-1]
					}
					return fetchResult{}, nil
				}
				way := &fetchWay{changes: make(chan struct{})}
				reach := p.hears(ctx, way)
				heard := 0
				go func() {
					for {
						select {
						case <-ctx.Done():
							return
						case <-reach.Changes():
							heard++
						}
					}
				}()
				go func() {
					for _, at := range []time.Duration{10 * time.Minute, 30 * time.Minute, 39 * time.Minute} {
						time.Sleep(at - time.Since(began))
						way.up.Store(!way.up.Load())
						way.changes <- struct{}{}
					}
					time.Sleep(50*time.Minute - time.Since(began))
					p.poke()
				}()
				p.serve(ctx)
				synctest.Wait()
				if !slices.Equal(got, c.want) {
					t.Errorf("it was fetched at %v, want %v", got, c.want)
				}
				if heard != 3 {
					t.Errorf("the queue run heard of %d changes", heard)
				}
			})
		})
	}
}

// Regression: the accounts were asked one after the other.
func TestAServerThatSaysNothingKeepsNobodyFromTheMailAtAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), 239*time.Minute)
		defer stop()
		mute, well := &config.Account{Name: "mute"}, &config.Account{Name: "well"}
		var mu sync.Mutex
		tries := make(map[string]int)
		p := &pickup{
			accounts: []*config.Account{mute, well}, interval: 30 * time.Minute, log: slog.New(slog.DiscardHandler),
			dial: func(*config.Account) config.Dial { return config.DialFreely }, tries: func(queue.Route) bool { return true },
			changes: make(chan struct{}, 1), pokes: make(chan struct{}, 1),
		}
		p.by = func(ctx context.Context, account *config.Account) (fetchResult, error) {
			mu.Lock()
			tries[account.Name]++
			mu.Unlock()
			if account == mute {
				select {
				case <-ctx.Done():
				case <-time.After(100 * time.Minute):
				}
				return fetchResult{}, sysexits.Errorf(sysexits.TempFail, "", "no answer")
			}
			return fetchResult{}, nil
		}
		p.serve(ctx)
		mu.Lock()
		defer mu.Unlock()
		// At 0, 1:40 for the run that came meanwhile, and 3:20.
		if tries["well"] != 8 || tries["mute"] != 3 {
			t.Errorf("in four hours the tries were %v", tries)
		}
	})
}

func TestAnAgentThatFetchesNothingHasNoPickup(t *testing.T) {
	var p *pickup
	p.poke()
	way := &fetchWay{}
	if got := p.hears(t.Context(), way); got != queue.Reach(way) {
		t.Error("its reach is another")
	}
	if got, err := (&app{}).pickup(&config.Config{}, nil, nil); got != nil || err != nil {
		t.Errorf("%v, %v", got, errors.Join(err))
	}
}
