//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"
)

// refused is an account whose server takes no connection.
const refused = "smarthost = \"smtp+insecure://127.0.0.1:1\"\nauth = \"none\"\n"

// queueRun measures, at each size of the queue, from the start of a queue run
// to the first message that the server has accepted, and a whole run.
func queueRun(w *workshop) error {
	mailcrane, err := w.build("./cmd/mailcrane")
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s, err := w.sink(l)
	if err != nil {
		return err
	}
	defer s.close()
	account, err := w.sinkAccount(l.Addr().String(), s)
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "  messages\tfirst accepted after ms\twhole run s\tms a message")
	for _, n := range queueSizes() {
		h, err := w.full("run", account, n)
		if err != nil {
			return err
		}
		first, whole, err := s.timeRun(exec.Command(mailcrane, "flush"), h, n)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  %d\t%.0f\t%.1f\t%.2f\n", n, ms(first), whole.Seconds(), ms(whole)/float64(n))
	}
	return out.Flush()
}

// timeRun makes a queue run that sends n messages.
func (s *sink) timeRun(run *exec.Cmd, h *home, n int) (first, whole time.Duration, err error) {
	run.Env = append(os.Environ(), h.env()...)
	s.forget()
	began := time.Now()
	if err := run.Start(); err != nil {
		return 0, 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	accepted := 0
	for {
		select {
		case at := <-s.accepted:
			if accepted++; accepted == 1 {
				first = at.Sub(began)
			}
		case err := <-ended:
			if accepted += len(s.accepted); err == nil && accepted < n {
				err = fmt.Errorf("of %d messages %d arrived", n, accepted)
			}
			return first, time.Since(began), err
		}
	}
}

// queueAgent measures the memory of an agent with a full queue whose server
// refuses each connection, so that all of it is due again and again, and how
// much of the time it is at work.
func queueAgent(w *workshop) error {
	mailcrane, err := w.build("./cmd/mailcrane")
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "  messages\tpeak MB\tat rest MB\tCPU s in 20 s")
	for _, n := range queueSizes() {
		h, err := w.full("agent", refused, n)
		if err != nil {
			return err
		}
		if err := watchAgent(exec.Command(mailcrane, "agent"), h, func(a *footprint, cpu time.Duration) {
			fmt.Fprintf(out, "  %d\t%.1f\t%.1f\t%.2f\n", n, float64(a.peak)/1e6, float64(a.resident)/1e6, cpu.Seconds())
		}); err != nil {
			return err
		}
	}
	return out.Flush()
}

// watchAgent runs an agent for 20 s.
func watchAgent(agent *exec.Cmd, h *home, tell func(*footprint, time.Duration)) error {
	agent.Env = append(os.Environ(), h.env()...)
	if err := agent.Start(); err != nil {
		return err
	}
	time.Sleep(20 * time.Second)
	found, err := read(agent.Process.Pid)
	if err := errors.Join(err, agent.Process.Signal(unix.SIGTERM), agent.Wait()); err != nil {
		return err
	}
	tell(found, agent.ProcessState.UserTime()+agent.ProcessState.SystemTime())
	return nil
}

// queueSubmit measures submission into an empty and into a full queue, in turns.
func queueSubmit(w *workshop) error {
	shim, err := w.build("./cmd/sendmail")
	if err != nil {
		return err
	}
	message, err := w.message(4 << 10)
	if err != nil {
		return err
	}
	var samples []*sample
	for _, n := range append([]int{0}, queueSizes()...) {
		h, err := w.full("submit", refused, n)
		if err != nil {
			return err
		}
		c := h.submits(shim)
		c.Name = fmt.Sprintf("%d in the queue", n)
		samples = append(samples, &sample{contestant: c})
	}
	order := slices.Clone(samples)
	for range 20 * w.rounds {
		for _, s := range order {
			if err := w.settle(); err != nil {
				return err
			}
			took, cpu, err := s.takeBatch(message, 1)
			if err != nil {
				return err
			}
			s.times, s.cpu = append(s.times, took), append(s.cpu, cpu)
		}
		slices.Reverse(order)
	}
	return printTable(os.Stdout, samples, samples[0].Name)
}
