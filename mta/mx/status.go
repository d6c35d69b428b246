package mx

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"mailcrane/internal/sysexits"
	"mailcrane/queue"
	"mailcrane/smarthost/known"
)

// lately puts the hosts that failed within Timeout.hoststatus behind the others, as
// they were: they are tried last. Who has failed is not waited for while another
// may take the mail.
func (t *Transport) lately(hosts []Exchanger) []Exchanger {
	bad := func(x Exchanger) int {
		switch {
		case x.fallback:
			return 2
		case t.failedLately(x.Host):
			return 1
		}
		return 0
	}
	ranks := make(map[string]int, len(hosts))
	for _, x := range hosts {
		ranks[x.Host] = max(ranks[x.Host], bad(x))
	}
	slices.SortStableFunc(hosts, func(a, b Exchanger) int { return ranks[a.Host] - ranks[b.Host] })
	return hosts
}

func (t *Transport) failedLately(host string) bool {
	at := t.memories.failure(host)
	if t.Hosts != nil {
		status, err := t.Hosts.Status(host)
		switch {
		case err != nil:
			t.Log.Warn("cannot read the status of the host", "host", host, "err", err)
		case status.At.After(at) && status.Exit == sysexits.TempFail:
			at = status.At
		case status.At.After(at):
			at = time.Time{}
		}
	}
	age := t.Now().Sub(at)
	return !at.IsZero() && age >= 0 && age < t.Config.Queue.HostStatus
}

// noteHost remembers how a host was; fault nil is well.
func (t *Transport) noteHost(host string, fault *queue.RouteFault) {
	changed := t.memories.note(host, fault, t.Now())
	if t.Hosts == nil || !changed && fault == nil {
		return
	}
	status := queue.HostStatus{Host: host, At: t.Now()}
	if fault != nil {
		status.Exit, status.Enhanced, status.Reply = sysexits.TempFail, "4.4.1", fault.Err.Error()
		if errno, ok := errors.AsType[syscall.Errno](fault.Err); ok {
			status.Errno = int(errno)
		}
	}
	if err := t.Hosts.Note(status); err != nil {
		t.Log.Warn("cannot keep the status of the host", "host", host, "err", err)
	}
}

// mostMemories bounds the hosts of which this process remembers anything.
const mostMemories = 2000

// memories are what is known of each host, of so many at the most.
type memories struct {
	store *known.Store

	mu     sync.Mutex
	hosts  map[string]*known.Server
	failed map[string]time.Time
}

func newMemories(o Options) *memories {
	debug := func(msg string, args ...any) { o.Log.Debug(msg, args...) }
	return &memories{store: known.NewStore(nil, o.Now, debug), hosts: make(map[string]*known.Server), failed: make(map[string]time.Time)}
}

// of is what is known of a host.
func (m *memories) of(host string, port uint16) *known.Server {
	key := fmt.Sprintf("%s:%d", host, port)
	m.mu.Lock()
	defer m.mu.Unlock()
	one := m.hosts[key]
	if one == nil {
		for other := range m.hosts { // any: what is lost costs a round trip or two
			if len(m.hosts) < mostMemories {
				break
			}
			delete(m.hosts, other)
		}
		one = m.store.Server(known.Identity{Account: "mx", Host: host, Port: strconv.Itoa(int(port))})
		m.hosts[key] = one
		one.Refresh()
	}
	return one
}

func (m *memories) failure(host string) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failed[host]
}

// note says whether that is news.
func (m *memories) note(host string, fault *queue.RouteFault, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, had := m.failed[host]
	if fault == nil {
		delete(m.failed, host)
		return had
	}
	for other := range m.failed {
		if len(m.failed) < mostMemories {
			break
		}
		delete(m.failed, other)
	}
	m.failed[host] = now
	return true
}
