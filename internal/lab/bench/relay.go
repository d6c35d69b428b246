//go:build linux

package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mailcrane/internal/lab"
)

// A relayer is a program that hands a message from its queue to a smarthost.
type relayer struct {
	submit contestant
	run    contestant // one queue run; Queue is empty after it
}

// relayLarge measures from the start of a queue run with one large message to
// its end, over TLS at once with AUTH.
func relayLarge(w *workshop) error {
	message, err := w.message(50 << 20)
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
	all, err := w.relayers(s)
	if err != nil {
		return err
	}
	samples := make([]*sample, len(all))
	for i, r := range all {
		samples[i] = &sample{contestant: r.run}
		// Once beforehand, as in compare.
		if _, _, err := w.relay(r, s, message); err != nil {
			return err
		}
	}
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	for range 2 * w.rounds {
		for _, i := range order {
			took, cpu, err := w.relay(all[i], s, message)
			if err != nil {
				return err
			}
			samples[i].times = append(samples[i].times, took)
			samples[i].cpu = append(samples[i].cpu, cpu)
		}
		slices.Reverse(order)
	}
	for i, r := range all {
		if _, _, err := r.submit.takeBatch(message, 1); err != nil {
			return err
		}
		if err := w.peak(samples[i], os.DevNull); err != nil {
			return err
		}
	}
	return printTable(os.Stdout, samples, "exim")
}

// relay submits the message and measures the queue run.
func (w *workshop) relay(r relayer, s *sink, message string) (took, cpu time.Duration, err error) {
	if _, _, err := r.submit.takeBatch(message, 1); err != nil {
		return 0, 0, err
	}
	if err := w.settle(); err != nil {
		return 0, 0, err
	}
	s.forget()
	if took, cpu, err = r.run.takeBatch(os.DevNull, 1); err != nil {
		return 0, 0, err
	}
	left, err := r.run.kept()
	if n := len(s.accepted); err == nil && (n != 1 || left > 0) {
		err = fmt.Errorf("%s: %d messages arrived and %d files are left in the queue", r.run.Name, n, left)
	}
	return took, cpu, err
}

// relayers are ours, and Exim where it is installed.
func (w *workshop) relayers(s *sink) ([]relayer, error) {
	shim, err := w.build("./cmd/sendmail")
	if err != nil {
		return nil, err
	}
	mailcrane, err := w.build("./cmd/mailcrane")
	if err != nil {
		return nil, err
	}
	address := s.listener.Addr().String()
	h, err := w.atSink("relay", address, s)
	if err != nil {
		return nil, err
	}
	us := relayer{submit: h.submits(shim)}
	us.run = us.submit
	us.run.Command, us.run.Synced = []string{mailcrane, "flush"}, ""
	all := []relayer{us}
	peers, err := w.peers()
	for _, p := range peers {
		if p.Name == "exim" {
			run, err := eximRelay(p, address, s)
			if err != nil {
				return nil, err
			}
			all = append(all, relayer{submit: p, run: run})
		}
	}
	return all, err
}

// eximRelay is a queue run of the Exim that is installed as a peer, with a
// configuration that leads to the sink.
func eximRelay(exim contestant, address string, s *sink) (contestant, error) {
	const settings = `primary_hostname = bench.test
message_size_limit = 64M
keep_environment =
begin routers
sink:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = sink
begin transports
sink:
  driver = smtp
  port = %s
  protocol = smtps
  hosts_require_auth = *
  tls_verify_certificates = /etc/exim4/bench-ca.pem
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^%s^%s
`
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return contestant{}, err
	}
	ca, err := os.ReadFile(s.ca)
	if err != nil {
		return contestant{}, err
	}
	etc := filepath.Join(lab.Root(), "peer-exim/root/etc/exim4")
	for name, text := range map[string][]byte{
		"bench-ca.pem": ca, "bench.conf": fmt.Appendf(nil, settings, port, sinkUser, sinkPassword),
	} {
		if err := os.WriteFile(filepath.Join(etc, name), text, 0o644); err != nil {
			return contestant{}, err
		}
	}
	exim.Command, exim.Synced = []string{"/usr/sbin/exim4", "-C", "/etc/exim4/bench.conf", "-qff"}, ""
	return exim, nil
}
