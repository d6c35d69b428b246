package main

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"os/exec"

	"mailcrane/internal/desktop"
)

// terminals are programs that open a terminal with a command in it, and the
// words before that: the first that is there is taken.
var terminals = [...][2]string{
	{"xdg-terminal-exec", ""}, {"x-terminal-emulator", "-e"}, {"gnome-terminal", "--"}, {"konsole", "-e"}, {"xterm", "-e"},
}

// deeds are what the buttons of notifications do: they open what a person needs
// for it, where this desktop has that.
func (a *app) deeds(ctx context.Context, log *slog.Logger) (d desktop.Deeds) {
	if a.getenv("DISPLAY") == "" && a.getenv("WAYLAND_DISPLAY") == "" {
		return d
	}
	run := func(program string, args ...string) {
		cmd := exec.CommandContext(context.WithoutCancel(ctx), program, args...) //nolint:gosec // a program of this list
		if err := cmd.Start(); err != nil {
			log.Warn("cannot open what a notification offers", "program", program, "err", err)
			return
		}
		cmd.Wait() //nolint:errcheck // the person sees how it ended
	}
	if program, err := exec.LookPath("xdg-open"); err == nil {
		d.Page = func(page string) {
			// The address is the portal's word: nothing but a page is opened.
			if u, err := url.Parse(page); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
				run(program, u.String())
			}
		}
	}
	own, err := os.Executable()
	if err != nil {
		return d
	}
	for _, t := range terminals {
		program, err := exec.LookPath(t[0])
		if err != nil {
			continue
		}
		in := func(words ...string) {
			args := append([]string{own}, words...)
			if t[1] != "" {
				args = append([]string{t[1]}, args...)
			}
			if a.configFile != "" {
				args = append(args, "--config", a.configFile)
			}
			run(program, args...)
		}
		d.Login = func(account string) { in("login", account) }
		d.Show = func(string) { in("top") }
		break
	}
	return d
}
