package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"mailcrane/cmd/mailcrane/events"
	"mailcrane/internal/config"
	"mailcrane/queue"
)

// redrawPause gathers what happens at once: a run over many messages is not
// drawn for each of them.
const redrawPause = 100 * time.Millisecond

// watchList keeps the list true until ctx ends: on a terminal in place, else by
// a line for each change.
func (a *app) watchList(ctx context.Context) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	if file, ok := a.stdout.(*os.File); ok && !a.json && term.IsTerminal(int(file.Fd())) {
		return a.watchScreen(ctx, c, file)
	}
	var first error
	begun := func() { first = a.queueList(ctx) }
	err = a.follow(ctx, c, begun, func(e events.Item) {
		switch {
		case e.ID == "" || e.Event == events.Progress:
		case a.json:
			a.listChange(ctx, c, e.ID)
		default:
			sayEvent(a.stdout, e)
		}
	})
	if first != nil {
		return first
	}
	return err
}

// listChange prints a message as it is now, or what became of it.
func (a *app) listChange(ctx context.Context, c *config.Config, id queue.ID) {
	k := a.clerk(ctx, c)
	if entry, message, err := k.spool.Read(id); err == nil {
		message.Close()
		writeJSON(a.stdout, k.describe(entry).item(a.now()))
		return
	}
	done, err := k.spool.Done()
	if err != nil {
		return
	}
	for i := len(done) - 1; i >= 0; i-- {
		if done[i].ID == id {
			writeJSON(a.stdout, finishedItem(done[i]))
			return
		}
	}
}

// watchScreen draws the list on a terminal, anew when something has changed.
func (a *app) watchScreen(ctx context.Context, c *config.Config, file *os.File) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changed, drawn := make(chan struct{}, 1), make(chan error, 1)
	resized, stop := resizes()
	defer stop()
	go func() {
		defer cancel()
		drawn <- func() error {
			for {
				if err := a.drawList(ctx, c, file); err != nil {
					return err
				}
				select {
				case <-ctx.Done():
					return nil
				case <-changed:
				case <-resized:
				}
				select {
				case <-ctx.Done():
					return nil
				case <-time.After(redrawPause):
				}
			}
		}()
	}()
	err := a.follow(ctx, c, func() { ring(changed) }, func(e events.Item) {
		if e.Event != events.Progress {
			ring(changed)
		}
	})
	cancel()
	if failed := <-drawn; err == nil {
		err = failed
	}
	fmt.Fprintln(file)
	return err
}

// drawList draws what of the list fits. It writes over what is there line by
// line, so that nothing flickers.
func (a *app) drawList(ctx context.Context, c *config.Config, file *os.File) error {
	width, height, err := term.GetSize(int(file.Fd()))
	if err != nil || height < 4 || width < leastWidth {
		width, height = 80, 24
	}
	var text strings.Builder
	l := &queueLister{page: &page{Writer: bufio.NewWriter(&text), width: width}, app: a}
	all, err := a.spool(c).Sorted()
	if err != nil {
		return cannotUseSpool(c, err)
	}
	l.line("", fmt.Sprintf("%s, %s; Ctrl-C ends", count(len(all), "message"), a.now().Format(time.TimeOnly)))
	l.head()
	lines := 0
	err = a.eachWaiting(ctx, c, queue.ListOrder{}, func(w waiting) bool {
		l.row(w)
		l.Flush() //nolint:errcheck // it goes to memory
		l.count++
		lines = strings.Count(text.String(), "\n")
		return lines < height-2
	})
	if err != nil {
		return err
	}
	l.Flush() //nolint:errcheck // it goes to memory
	shown := strings.SplitAfter(text.String(), "\n")
	if len(shown) > height-2 {
		shown = shown[:height-2]
	}
	if more := len(all) - l.count; more > 0 {
		shown = append(shown, fmt.Sprintf("… and %d more", more))
	}
	_, err = fmt.Fprint(file, "\x1b[H"+strings.ReplaceAll(strings.Join(shown, ""), "\n", "\x1b[K\n")+"\x1b[J")
	return err
}
