package trial

import (
	"fmt"
	"sync"
	"testing"

	"mailcrane/internal/sysexits"
)

func TestTwentyWhoSubmitTwoWhoFlushAndAnAgentLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	s := newSmarthost(t)
	h := s.home(t)
	h.agent()
	var submitters, all sync.WaitGroup
	const each, people = 5, 20
	done := make(chan struct{})
	for person := range people {
		submitters.Go(func() {
			for n := range each {
				h.mail(fmt.Sprintf("together-%d-%d", person, n), "you@trial.example")
			}
		})
	}
	all.Go(func() { submitters.Wait(); close(done) })
	for range 2 {
		all.Go(func() {
			for {
				if r := h.run("", "mailcrane", "flush"); r.code != sysexits.OK && r.code != sysexits.TempFail {
					t.Errorf("mailcrane flush: exit code %d: %s", r.code, r.said())
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	all.Wait()
	h.flushed()
	got := s.received()
	for person := range people {
		for n := range each {
			id := fmt.Sprintf("together-%d-%d", person, n)
			if len(got[id]) != 1 || !got[id][0].whole() {
				t.Errorf("%s arrived %d times", id, len(got[id]))
			}
		}
	}
}
