package queue

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"
)

// A sink takes each message at once, and the next one while it is at that, as a
// server with PIPELINING on this machine does.
type sink struct{ *world }

func (s sink) Open(context.Context, Route) (Session, *RouteFault) { return s, nil }

func (sink) Close(context.Context) {}

func (sink) Deliver(ctx context.Context, d *Delivery) *RouteFault {
	d.Next()
	body, err := d.Open()
	if err != nil {
		return &RouteFault{Step: StepSession, Err: err, Untaken: true}
	}
	defer body.Close()
	if _, err := io.Copy(io.Discard, body); err != nil {
		return &RouteFault{Step: StepSession, Err: err, Untaken: true}
	}
	if err := d.Commit(ctx); err != nil {
		return &RouteFault{Step: StepSession, Err: err, Untaken: true}
	}
	for i := range d.To {
		d.Report(i, OutcomeOf("mx.test", Reply{Code: 250, Text: "ok"}))
	}
	return nil
}

// BenchmarkARunOverAFullQueue is the queue's own part of sending 1,000 messages
// of 4 KiB, on the disk that holds the directory for temporary files.
func BenchmarkARunOverAFullQueue(b *testing.B) {
	const count = 1000
	text := "Subject: x\n\n" + strings.Repeat(strings.Repeat("x", 70)+"\n", 58)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		s := NewSpool(b.TempDir(), OS{}, time.Now)
		s.Remember = 1000
		put := NewSpool(s.Dir(), swiftDisk{OS{}}, time.Now)
		for range count {
			if _, err := put.Put(b.Context(), envelope("a@x.org"), strings.NewReader(text)); err != nil {
				b.Fatal(err)
			}
		}
		w := newWorld(nil, s)
		w.runner.Transport = sink{w}
		b.StartTimer()
		if sum, err := w.runner.Flush(b.Context(), nil); err != nil || sum.Delivered != count {
			b.Fatal(sum, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/count, "µs/message")
}
