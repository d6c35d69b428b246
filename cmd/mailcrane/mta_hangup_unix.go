//go:build unix

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// onHangup calls reload on each SIGHUP until ctx is done or stop is called, one
// at a time.
func (a *app) onHangup(ctx context.Context, reload func()) (stop func()) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
				reload()
			}
		}
	}()
	return func() {
		signal.Stop(hangups)
		cancel()
	}
}
