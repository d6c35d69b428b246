//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"time"

	"mailcrane/internal/lab"
)

// calm is how long the network stays as it is before it changes: longer than
// the agent joins events.
const calm = 500 * time.Millisecond

// routeUp measures from the end of the command that adds the default route to
// the moment when the smarthost has accepted the message that waits.
func routeUp(w *workshop) error {
	return w.afield(func(f *field) error {
		f.network.RouteDown()
		s := &sample{contestant: contestant{Name: "mailcrane agent"}}
		for range 2 * w.rounds {
			time.Sleep(calm)
			if _, _, err := f.submit.takeBatch(f.message, 1); err != nil {
				return err
			}
			time.Sleep(calm)
			f.sink.forget()
			if err := f.route("add"); err != nil {
				return err
			}
			up := time.Now()
			accepted, err := f.arrival()
			if err != nil {
				return err
			}
			s.times = append(s.times, accepted.Sub(up))
			if err := f.route("del"); err != nil {
				return err
			}
		}
		return printTimes(os.Stdout, s)
	})
}

// route adds the laptop's IPv4 default route, or takes it away.
func (f *field) route(action string) error {
	out, err := exec.Command("ip", "-n", f.network.Laptop.Name, "route", action, "default", "via", lab.GatewayIP).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip route %s: %w\n%s", action, err, out)
	}
	return nil
}
