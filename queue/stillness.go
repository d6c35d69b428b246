package queue

import (
	"context"
	"time"
)

// A stillness watches one delivery: when nothing has moved in it for longer
// than the runner's patience, its lane counts as standing still, and the
// messages behind it go by another one.
type stillness struct {
	carrier *carrier
	ctx     context.Context //nolint:containedctx // the lane's own, for the lane that is opened past it
	timer   *time.Timer
	// still and over are guarded by the carrier's mu.
	still, over bool
}

func (c *carrier) watch(ctx context.Context) *stillness {
	s := &stillness{carrier: c, ctx: ctx}
	s.timer = time.AfterFunc(c.runner.patience(), s.stands)
	return s
}

// stands is called by the timer, also once too late.
func (s *stillness) stands() {
	c := s.carrier
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.still || s.over {
		return
	}
	s.still = true
	c.still++
	c.passStill(s.ctx)
}

func (s *stillness) moved() {
	s.setMoving(false)
	s.timer.Reset(s.carrier.runner.patience())
}

func (s *stillness) end() {
	s.setMoving(true)
	s.timer.Stop()
}

func (s *stillness) setMoving(over bool) {
	c := s.carrier
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.still {
		c.still--
	}
	s.still, s.over = false, over
}
