//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"text/tabwriter"
	"time"

	"mailcrane/internal/lab"
)

// A slow course is the link that the wire benches run over.
type course struct {
	delay time.Duration // one way
	rate  int64
	size  int // octets of a message
}

const satellite = 300 * time.Millisecond

// onTrack makes a network with a sink of that kind beyond it, and calls f.
func (w *workshop) onTrack(c course, kind sinkKind, f func(*track, *lab.SlowLink) error) error {
	if os.Getuid() != 0 {
		fmt.Println("  (left out: only root can make network namespaces)")
		return nil
	}
	message, err := w.message(c.size)
	if err != nil {
		return err
	}
	return w.onStage(func(s *stage) error {
		n, link := lab.Slow(s, c.delay, c.rate)
		return w.withSink(n, n.Gateway, kind, message, func(t *track) error {
			t.pause = 5 * c.delay
			return f(t, link)
		})
	})
}

// withSink listens in one of the network's namespaces while f runs.
func (w *workshop) withSink(n *lab.Network, in *lab.Namespace, kind sinkKind, message string, f func(*track) error) error {
	sink, err := w.sinkOf(kind, in.Listen(at("465")))
	if err != nil {
		return err
	}
	defer sink.close()
	crowd, err := newCrowd()
	if err != nil {
		return err
	}
	var closed error
	disperse := w.undoing.later(func() { closed = crowd.close() })
	err = f(&track{workshop: w, network: n, sink: sink, message: message, crowd: crowd})
	disperse()
	return errors.Join(err, closed)
}

// wire measures a queue run over a link with round trips of 600 ms and no limit
// of its rate, from the start of the run to the last message accepted.
func wire(w *workshop) error {
	numbers := []int{1, 10, 100}
	c := course{delay: satellite, size: 2 << 10}
	fmt.Printf("  (TCP: %s, ten segments at first; every program has sent one message beforehand)\n", lab.Congestion)
	err := w.onTrack(c, sinkKind{}, func(t *track, _ *lab.SlowLink) error {
		all, err := w.racers(t.sink, at("465"))
		if err != nil {
			return err
		}
		return t.table(c, all, numbers)
	})
	if err != nil {
		return err
	}
	return w.lesserServers(c)
}

// wireSlow measures the same over a link of 9.6 kbit/s, where octets count.
func wireSlow(w *workshop) error {
	c := course{delay: satellite, rate: 9600, size: 2 << 10}
	return w.onTrack(c, sinkKind{}, func(t *track, link *lab.SlowLink) error {
		all, err := w.racers(t.sink, at("465"))
		if err != nil {
			return err
		}
		if err := t.table(c, all, []int{1, 10}); err != nil {
			return err
		}
		return t.octets(all[0], link)
	})
}

// octets prints what a run with one message costs.
func (t *track) octets(r racer, link *lab.SlowLink) error {
	if err := t.do(r, r.take+" </tmp/bench-message"); err != nil {
		return err
	}
	before, back := link.Passed()
	cmd := t.command(r, r.run+" --stats")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := t.network.Laptop.Do(cmd.Start)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return fmt.Errorf("%s --stats: %w\n%s", r.run, err, said.String())
	}
	up, down := link.Passed()
	fmt.Printf("  another one, with IP and TCP: %d octets up, %d down; its own account:\n%s", up.Octets-before.Octets, down.Octets-back.Octets, said.String())
	return nil
}

// lesserServers is ours with servers that offer less.
func (w *workshop) lesserServers(course course) error {
	numbers := []int{1, 10}
	for _, c := range []struct {
		what string
		kind sinkKind
	}{
		{"STARTTLS, PIPELINING and CHUNKING", sinkKind{starttls: true}},
		{"PIPELINING only", sinkKind{unchunked: true}},
		{"neither PIPELINING nor CHUNKING", sinkKind{unpipelined: true, unchunked: true}},
	} {
		fmt.Printf("  a server with %s:\n", c.what)
		err := w.onTrack(course, c.kind, func(t *track, _ *lab.SlowLink) error {
			us, err := w.ourRacer(t.sink, at("465"))
			if err != nil {
				return err
			}
			return t.table(course, []racer{us}, numbers)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// table races all, ours first, and prints a line for each, below the floor for
// messages as long as ours were.
func (t *track) table(c course, all []racer, numbers []int) error {
	us, err := t.race(all[0], numbers...)
	if err != nil {
		return fmt.Errorf("%s: %w", all[0].name, err)
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(out, "  seconds\t")
	for _, n := range numbers {
		fmt.Fprintf(out, "N=%d\tx floor\tsessions\t", n)
	}
	fmt.Fprintln(out)
	client, floors, err := t.floors(c, int(us[0].sink.octets)/us[0].n, numbers)
	if err != nil {
		return fmt.Errorf("the reference client: %w", err)
	}
	fmt.Fprint(out, "  floor on paper\t")
	for _, floor := range floors {
		fmt.Fprintf(out, "%.2f\t1.00\t1\t", floor.Seconds())
	}
	fmt.Fprintln(out)
	if client != nil {
		printHeats(out, "reference client", client, floors)
	}
	printHeats(out, all[0].name, us, floors)
	for _, r := range all[1:] {
		heats, err := t.race(r, numbers...)
		if err != nil {
			fmt.Fprintf(out, "  %s\t(left out: %v)\n", r.name, err)
			continue
		}
		printHeats(out, r.name, heats, floors)
	}
	return out.Flush()
}

func printHeats(out io.Writer, name string, heats []heat, floors []time.Duration) {
	fmt.Fprintf(out, "  %s\t", name)
	for i, h := range heats {
		if h.failed != nil {
			fmt.Fprintf(out, "(%v)\t", h.failed)
			break
		}
		fmt.Fprintf(out, "%.2f\t%.2f\t%d\t", h.took.Seconds(), h.took.Seconds()/floors[i].Seconds(), h.sink.sessions)
	}
	fmt.Fprintln(out)
}

// envelope is about what the commands of a message need.
const envelope = 110

// floors are those for messages of so many octets, and the reference client's
// heats where the server has all that it makes use of.
func (t *track) floors(c course, size int, numbers []int) (heats []heat, floors []time.Duration, err error) {
	if t.sink.kind == (sinkKind{}) {
		return t.reference(c, size, numbers)
	}
	for _, n := range numbers {
		floors = append(floors, t.sink.kind.floor(2*c.delay, n, n*(size+envelope)))
	}
	return nil, floors, nil
}

// reference is the reference client's heats, and the floors on paper.
func (t *track) reference(c course, size int, numbers []int) (heats []heat, floors []time.Duration, err error) {
	client, err := newReference(t.sink, lab.SmarthostIP, size, t.dial)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range append([]int{1}, numbers...) {
		if err := t.quiet(); err != nil {
			return nil, nil, err
		}
		t.sink.forget()
		begin := time.Now()
		cost, err := client.send(n)
		if err != nil {
			return nil, nil, err
		}
		last, err := t.sink.await(n, restLimit)
		if err != nil {
			return nil, nil, err
		}
		h := heat{n: n, took: last.Sub(begin)}
		h.sink, _ = t.sink.seen()
		heats, floors = append(heats, h), append(floors, cost.paper(c).floor())
	}
	return heats[1:], floors[1:], nil
}

// dial connects to the sink from the laptop.
func (t *track) dial() (conn net.Conn, err error) {
	err = t.network.Laptop.Do(func() error {
		conn, err = (&net.Dialer{Timeout: restLimit}).DialContext(context.Background(), "tcp", at("465"))
		return err
	})
	return conn, err
}
