package main

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"time"
)

// A browser is the command that opens a page in the person's own browser.
type browser []string

// browserHere is nil where no page can be shown.
func browserHere(getenv func(string) string) browser {
	b := browserOf(runtime.GOOS, getenv)
	if b == nil {
		return nil
	}
	if _, err := exec.LookPath(b[0]); err != nil {
		return nil
	}
	return b
}

func browserOf(system string, getenv func(string) string) browser {
	far := getenv("SSH_CONNECTION") != ""
	switch {
	case system == "windows" && !far:
		return browser{"rundll32", "url.dll,FileProtocolHandler"}
	case system == "darwin" && !far:
		return browser{"open"}
	case system != "windows" && system != "darwin" && (getenv("DISPLAY") != "" || getenv("WAYLAND_DISPLAY") != ""):
		return browser{"xdg-open"}
	}
	return nil
}

// startLimit is how soon a browser fails that cannot be opened; one that can may
// run as long as the command does.
const startLimit = 2 * time.Second

func (b browser) open(ctx context.Context, url string) error {
	cmd := exec.Command(b[0], append(b[1:len(b):len(b)], url)...) //nolint:noctx // the browser stays when the log-in is over
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("opening a browser: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(startLimit):
	case <-ctx.Done():
	}
	return nil
}
