package watch

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mailcrane/queue"
)

// depthLasts is how long a count of the queue is told again: whoever scrapes
// more often has the directories read no more often.
const depthLasts = 5 * time.Second

// The states of messages in the queue, and their ages, as labels.
var (
	states = [...]string{"due", "waiting", "held", "quarantined"}
	ages   = [...]struct {
		word string
		most time.Duration
	}{{"5m", 5 * time.Minute}, {"1h", time.Hour}, {"4h", 4 * time.Hour}, {"1d", 24 * time.Hour}, {"older", 1 << 62}}
)

// depth tells how many messages are in the queue. It reads their names when it
// is asked, and nothing else.
type depth struct {
	names func(func(queue.Name) bool) error
	now   func() time.Time

	messages, octets, oldest, failed *prometheus.Desc

	mu    sync.Mutex
	at    time.Time
	count [len(states)][len(ages)]int
	size  int64
	first time.Time
	err   error
}

// Depth has the metrics tell of the queue whose names are read by names.
func (m *Metrics) Depth(names func(func(queue.Name) bool) error, now func() time.Time) {
	m.registry.MustRegister(&depth{
		names: names, now: now,
		messages: prometheus.NewDesc("mailcrane_queue_messages", "Messages in the queue, by state and by how long they have been there at the most.", []string{"state", "age"}, nil),
		octets:   prometheus.NewDesc("mailcrane_queue_bytes", "Size of the messages in the queue.", nil, nil),
		oldest:   prometheus.NewDesc("mailcrane_queue_oldest_seconds", "Age of the oldest message in the queue, 0 where there is none.", nil, nil),
		failed:   prometheus.NewDesc("mailcrane_queue_unreadable", "1 where the queue cannot be read.", nil, nil),
	})
}

// Describe implements prometheus.Collector.
func (d *depth) Describe(to chan<- *prometheus.Desc) {
	for _, each := range []*prometheus.Desc{d.messages, d.octets, d.oldest, d.failed} {
		to <- each
	}
}

// Collect implements prometheus.Collector.
func (d *depth) Collect(to chan<- prometheus.Metric) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if now.Sub(d.at) >= depthLasts || now.Before(d.at) {
		d.read(now)
	}
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	for s, state := range states {
		for a, age := range ages {
			gauge(d.messages, float64(d.count[s][a]), state, age.word)
		}
	}
	gauge(d.octets, float64(d.size))
	oldest, failed := 0.0, 0.0
	if !d.first.IsZero() {
		oldest = now.Sub(d.first).Seconds()
	}
	if d.err != nil {
		failed = 1
	}
	gauge(d.oldest, oldest)
	gauge(d.failed, failed)
}

func (d *depth) read(now time.Time) {
	d.at, d.count, d.size, d.first = now, [len(states)][len(ages)]int{}, 0, time.Time{}
	d.err = d.names(func(n queue.Name) bool {
		received := n.ID.Received()
		if d.first.IsZero() || received.Before(d.first) {
			d.first = received
		}
		state, age := 0, 0
		switch {
		case n.Quarantined:
			state = 3
		case n.Held:
			state = 2
		case n.Next.After(now):
			state = 1
		}
		for age < len(ages)-1 && now.Sub(received) > ages[age].most {
			age++
		}
		d.count[state][age]++
		d.size += n.Size
		return true
	})
}
