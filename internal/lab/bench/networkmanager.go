//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"mailcrane/internal/lab"
)

// A managed is a laptop whose way out NetworkManager brings.
type managed struct {
	*field
	manager *lab.NetworkManager
	// events has the times at which the system told of a default route, or of a
	// portal that is no more.
	events chan time.Time
}

// A tiding is one way in which NetworkManager brings the way out, or good news
// of it.
type tiding struct {
	name       string
	calm       time.Duration
	gone, back func(*managed) error
	// events has m.events tell of what comes back.
	events func(*managed) error
}

func tidings() []tiding {
	nmcli := func(action string) func(*managed) error {
		return func(m *managed) error { m.manager.Nmcli("connection", action, lab.LAN); return nil }
	}
	return []tiding{
		{"nmcli connection up", calm, nmcli("down"), nmcli("up"), (*managed).routes},
		{
			"cable", cableCalm,
			func(m *managed) error {
				if err := m.gateway("link set up0 down"); err != nil {
					return err
				}
				return m.routeGone()
			},
			func(m *managed) error { return m.gateway("link set up0 up") },
			(*managed).routes,
		},
		{
			"portal opens", calm,
			func(m *managed) error { m.manager.Capture(); return nil },
			func(m *managed) error { m.manager.Release(); return nil },
			(*managed).releases,
		},
	}
}

// networkManager measures from the beginning of the command that brings the way
// out, and from the moment when the system tells of it, to the moment when the
// smarthost has accepted the message that waits.
func networkManager(w *workshop) error {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "  what comes back\ttimes\tfrom the event: median ms\t90 %%\tslowest\tfrom the command: median ms\n")
	for _, tiding := range tidings() {
		fromEvent, fromCommand, err := w.hears(tiding)
		if err != nil {
			return fmt.Errorf("%s: %w", tiding.name, err)
		}
		printEvents(out, tiding.name, fromEvent, fromCommand)
	}
	return out.Flush()
}

// hears measures one of them, again and again.
func (w *workshop) hears(k tiding) (fromEvent, fromCommand []time.Duration, err error) {
	var manager *lab.NetworkManager
	before := func(f *field) {
		manager = lab.NewNetworkManager(f.stage, f.network)
		f.env = []string{"DBUS_SYSTEM_BUS_ADDRESS=" + manager.Bus()}
	}
	// Without TLS: what is sent so waits until a portal has opened.
	err = w.afield(sinkKind{plain: true}, before, func(f *field) error {
		m := &managed{f, manager, make(chan time.Time, 100)}
		if err := k.events(m); err != nil {
			return err
		}
		for range 5 * w.rounds {
			event, command, err := m.toggle(k)
			if err != nil {
				return err
			}
			fromEvent, fromCommand = append(fromEvent, event), append(fromCommand, command)
		}
		return nil
	})
	return fromEvent, fromCommand, err
}

// routeGone waits until the laptop has no default route: NetworkManager gives a
// cable that is out some seconds.
func (m *managed) routeGone() error {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		out, err := exec.Command("ip", "-n", m.network.Laptop.Name, "route", "show", "default").Output()
		if err != nil || len(out) == 0 {
			return err
		}
	}
	return fmt.Errorf("the cable is out, and the default route was not taken away within %v", patience)
}

// toggle is one time.
func (m *managed) toggle(k tiding) (event, command time.Duration, err error) {
	if err := k.gone(m); err != nil {
		return 0, 0, err
	}
	time.Sleep(k.calm)
	if _, _, err := m.submit.takeBatch(m.message, 1); err != nil {
		return 0, 0, err
	}
	time.Sleep(k.calm)
	m.sink.forget()
	for len(m.events) > 0 {
		<-m.events
	}
	began := time.Now()
	if err := k.back(m); err != nil {
		return 0, 0, err
	}
	accepted, err := m.arrival()
	if err != nil {
		return 0, 0, err
	}
	select {
	case told := <-m.events:
		return accepted.Sub(told), accepted.Sub(began), nil
	default:
		return 0, 0, errors.New("a message was accepted, and the system told of no way out")
	}
}

// routes has events tell of IPv4 default routes, as rtnetlink(7) does.
func (m *managed) routes() error {
	var fd int
	err := m.network.Laptop.Do(func() (err error) {
		if fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE); err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_IPV4_ROUTE})
	})
	if err != nil {
		return err
	}
	m.stage.Cleanup(func() { _ = unix.Close(fd) })
	go func() {
		const kind, target = 4, 17 // of nlmsghdr, and of the rtmsg behind it
		message := make([]byte, 64<<10)
		for {
			n, _, err := unix.Recvfrom(fd, message, 0)
			if err != nil {
				return
			}
			if n > target && binary.NativeEndian.Uint16(message[kind:]) == unix.RTM_NEWROUTE && message[target] == 0 {
				m.events <- time.Now()
			}
		}
	}()
	return nil
}

// releases has events tell of a connectivity that is full, as NetworkManager does.
func (m *managed) releases() error {
	bus, err := dbus.Connect(m.manager.Bus())
	if err != nil {
		return err
	}
	m.stage.Cleanup(func() { _ = bus.Close() })
	const path, properties = "/org/freedesktop/NetworkManager", "org.freedesktop.DBus.Properties"
	if err := bus.AddMatchSignal(dbus.WithMatchObjectPath(path), dbus.WithMatchInterface(properties)); err != nil {
		return err
	}
	signals := make(chan *dbus.Signal, 100)
	bus.Signal(signals)
	go func() {
		for s := range signals {
			const full = 4 // NM_CONNECTIVITY_FULL
			changed, ok := s.Body[1].(map[string]dbus.Variant)
			if value, told := changed["Connectivity"].Value().(uint32); ok && told && value == full {
				m.events <- time.Now()
			}
		}
	}()
	return nil
}

func printEvents(w io.Writer, name string, fromEvent, fromCommand []time.Duration) {
	slices.Sort(fromEvent)
	fmt.Fprintf(w, "  %s\t%d\t%.1f\t%.1f\t%.1f\t%.1f\n", name, len(fromEvent), ms(median(fromEvent)),
		ms(fromEvent[(len(fromEvent)*9+9)/10-1]), ms(slices.Max(fromEvent)), ms(median(fromCommand)))
}
