//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"mailcrane/internal/lab"
)

const (
	// calm is how long the network stays as it is before it changes: longer than
	// the agent joins events.
	calm = 300 * time.Millisecond
	// cableCalm is that for a cable: Linux tells of a carrier at once only where
	// the last change of one was a second ago (net/core/link_watch.c).
	cableCalm = 1300 * time.Millisecond
	// leaseTime is what an address takes to come after the link, and nameTime what
	// a name server takes after the route.
	leaseTime = 50 * time.Millisecond
	nameTime  = 300 * time.Millisecond
)

// A comeback is one way in which a way out goes and comes back.
type comeback struct {
	name string
	calm time.Duration
	gone func(*field) error
	// back is all but the last thing that the way out lacks, and last is that: the
	// time runs from its beginning.
	back, last func(*field) error
	// byName: the server is found by its name only, without TLS; an agent remembers
	// the address of a server that it knows by its certificate.
	byName bool
}

func comebacks() []comeback {
	route := func(f *field) error { return f.laptop("route add default via " + lab.GatewayIP) }
	noRoute := func(f *field) error { return f.laptop("route del default") }
	return []comeback{
		{name: "default route", calm: calm, gone: noRoute, last: route},
		{
			name: "cable", calm: cableCalm,
			gone: func(f *field) error { return f.gateway("link set up0 down") },
			last: func(f *field) error { return f.gateway("link set up0 up") },
		},
		{
			name: "link, address, route", calm: cableCalm,
			gone: func(f *field) error { return f.laptop("addr flush dev eth0", "link set eth0 down") },
			back: func(f *field) error {
				if err := f.laptop("link set eth0 up"); err != nil {
					return err
				}
				time.Sleep(leaseTime)
				return f.laptop("addr add " + lab.LaptopIP + "/24 dev eth0")
			},
			last: route,
		},
		{
			name: "route, then name server", calm: calm, byName: true,
			gone: func(f *field) error { f.names.Stop(); return noRoute(f) },
			back: func(f *field) error { defer time.Sleep(nameTime); return route(f) },
			last: func(f *field) error { f.names.Answer(); return nil },
		},
		{
			name: "route, then a silent one answers", calm: calm, byName: true,
			gone: func(f *field) error { f.names.Mute(); return noRoute(f) },
			back: func(f *field) error { defer time.Sleep(nameTime); return route(f) },
			last: func(f *field) error { f.names.Answer(); return nil },
		},
	}
}

// routeUp measures from the beginning of the command that completes the way out
// to the moment when the smarthost has accepted the message that waits.
func routeUp(w *workshop) error {
	var all []*delay
	for _, byName := range []bool{false, true} {
		before := func(f *field) {
			if byName {
				f.names = f.network.NameServer()
			}
		}
		err := w.afield(sinkKind{plain: byName}, before, func(f *field) error {
			// Mail does not go by IPv6 here, where one way out would hide another.
			if err := f.laptop("-6 addr flush dev eth0"); err != nil {
				return err
			}
			e, err := f.eager()
			if err != nil {
				return err
			}
			for _, c := range comebacks() {
				if c.byName != byName {
					continue
				}
				took, err := f.comeBack(c, e)
				if err != nil {
					return fmt.Errorf("%s: %w", c.name, err)
				}
				all = append(all, took)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return printDelays(os.Stdout, all)
}

// A delay is what was measured of one comeback.
type delay struct {
	comeback
	ours, floor []time.Duration
}

// comeBack takes the way out away and gives it back, again and again: mostly with
// a message of the agent's waiting, and at each third time with one of the floor's.
func (f *field) comeBack(c comeback, e *eager) (*delay, error) {
	d := &delay{comeback: c}
	for n := range 5 * f.rounds * 3 / 2 {
		byFloor := n%3 == 2
		if err := c.gone(f); err != nil {
			return nil, err
		}
		time.Sleep(c.calm)
		f.sink.forget()
		var err error
		if byFloor {
			err = e.arm()
		} else {
			_, _, err = f.submit.takeBatch(f.message, 1)
		}
		if err != nil {
			return nil, err
		}
		time.Sleep(calm)
		took, err := f.giveBack(c)
		if err != nil {
			return nil, err
		}
		if byFloor {
			d.floor = append(d.floor, took)
		} else {
			d.ours = append(d.ours, took)
		}
	}
	return d, nil
}

func (f *field) giveBack(c comeback) (time.Duration, error) {
	if c.back != nil {
		if err := c.back(f); err != nil {
			return 0, err
		}
	}
	began := time.Now()
	if err := c.last(f); err != nil {
		return 0, err
	}
	accepted, err := f.arrival()
	return accepted.Sub(began), err
}

// laptop and gateway run lines of ip(8) there.
func (f *field) laptop(lines ...string) error  { return ipLines(f.network.Laptop, lines) }
func (f *field) gateway(lines ...string) error { return ipLines(f.network.Gateway, lines) }

func ipLines(at *lab.Namespace, lines []string) error {
	for _, line := range lines {
		out, err := exec.Command("ip", append([]string{"-n", at.Name}, strings.Fields(line)...)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %s: %w\n%s", line, err, out)
		}
	}
	return nil
}

// An eager is the floor's program, which sends a message when the way out that
// comes back lets it.
type eager struct{ stdin io.Writer }

// eager starts one in the laptop, which ends with the stage.
func (f *field) eager() (*eager, error) {
	program, err := f.build("./internal/lab/bench/eager")
	if err != nil {
		return nil, err
	}
	address, ca := f.address, f.sink.ca
	if f.sink.kind.plain {
		address, ca = "smarthost.test:"+f.sink.kind.port(), ""
	}
	cmd := f.network.Laptop.Command(program, address, "smarthost.test", ca, sinkUser, sinkPassword)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	f.stage.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait() // it has said what was wrong
	})
	return &eager{stdin}, nil
}

// arm has it send one message as soon as it can.
func (e *eager) arm() error {
	_, err := io.WriteString(e.stdin, "\n")
	return err
}

func printDelays(w io.Writer, all []*delay) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "  what comes back\ttimes\tmedian ms\t90 %%\tslowest\tfloor: times\tmedian ms\tx floor\n")
	for _, d := range all {
		slices.Sort(d.ours)
		ninety := d.ours[(len(d.ours)*9+9)/10-1]
		fmt.Fprintf(out, "  %s\t%d\t%.1f\t%.1f\t%.1f\t%d\t%.1f\t%.2f\n", d.name, len(d.ours), ms(median(d.ours)), ms(ninety),
			ms(slices.Max(d.ours)), len(d.floor), ms(median(d.floor)), float64(median(d.ours))/float64(median(d.floor)))
	}
	return out.Flush()
}
