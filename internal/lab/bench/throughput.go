//go:build linux

package main

import (
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"mailcrane/internal/lab"
)

// wireThroughput measures queue runs of 1,000 messages, or 200 to be quick, to a sink on the same
// machine, with TLS and AUTH and without. Each program keeps its queue as
// durable as it does otherwise.
func wireThroughput(w *workshop) error {
	if os.Getuid() != 0 {
		fmt.Println("  (left out: only root can make network namespaces)")
		return nil
	}
	message, err := w.message(4 << 10)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		what string
		kind sinkKind
	}{
		{"TLS at once and AUTH", sinkKind{}},
		{"plain TCP", sinkKind{plain: true}},
	} {
		fmt.Printf("  %s:\n", c.what)
		err := w.onStage(func(s *stage) error {
			n := lab.Netns(s)
			n.SmarthostAtHome()
			return w.withSink(n, n.Laptop, c.kind, message, func(t *track) error { return t.throughput() })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// throughput prints a line for each racer.
func (t *track) throughput() error {
	messages := 1000
	if t.rounds < 3 {
		messages = 200
	}
	all, err := t.racers(t.sink, at("465"))
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "  program\tmessages/s\tconnections\tCPU s\tpeak MB")
	if !t.sink.kind.plain {
		heats, _, err := t.reference(course{}, 4<<10, []int{messages})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  reference client, which keeps no queue\t%.0f\t1\n", rate(heats[0]))
	}
	for _, r := range all {
		best := heat{failed: fmt.Errorf("not run")}
		for range max(1, t.rounds/3) {
			heats, err := t.race(r, messages)
			if err != nil {
				best.failed = err
				break
			}
			if h := heats[0]; h.failed != nil || best.took == 0 || h.took < best.took {
				best = h
			}
		}
		if best.failed != nil {
			fmt.Fprintf(out, "  %s\t(left out: %v)\n", r.name, best.failed)
			continue
		}
		fmt.Fprintf(out, "  %s\t%.0f\t%d\t%.2f\t%.1f\n", r.name, rate(best), best.sink.sessions, best.cpu.Seconds(), float64(best.peak)/1e6)
	}
	return out.Flush()
}

func rate(h heat) float64 { return float64(h.n) * float64(time.Second) / float64(h.took) }
