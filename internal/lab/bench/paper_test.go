//go:build linux

package main

import (
	"testing"
	"time"
)

func TestFloorOnPaper(t *testing.T) {
	const trip = 600 * time.Millisecond
	greetings := []int{0, 0, 0, 0, 0, 0} // TLS, greeting, EHLO
	for _, c := range []struct {
		why string
		paper
		want time.Duration
	}{
		{"4.5 round trips", paper{roundTrip: trip, legs: greetings, flight: 2300}, 2700 * time.Millisecond},
		{"one window", paper{roundTrip: trip, legs: greetings, flight: 14480}, 2700 * time.Millisecond},
		{"10 messages: another window", paper{roundTrip: trip, legs: greetings, flight: 23_000}, 3300 * time.Millisecond},
		{"100 messages: 1 + 2 + 4 + 8 windows do not do", paper{roundTrip: trip, legs: greetings, flight: 230_000}, 5100 * time.Millisecond},
		{
			// 52 octets twice, 100 + 52, 2 × 1448 + 2 × 52, at 1200 a second.
			"slow: octets count, with their headers",
			paper{roundTrip: trip, rate: 9600, legs: []int{100}, flight: 2896},
			2*trip + (104+152+3000)*time.Second/1200,
		},
		{
			"slow: acknowledgements come long before a window has left",
			paper{roundTrip: trip, rate: 9600, flight: 20 * segment},
			3*trip/2 + (104+20*1500)*time.Second/1200,
		},
	} {
		if got := c.floor(); (got - c.want).Abs() > time.Microsecond {
			t.Errorf("%s: %v, want %v", c.why, got, c.want)
		}
	}
}

func TestRoundTripsOnPaper(t *testing.T) {
	for _, c := range []struct {
		why  string
		kind sinkKind
		n    int
		want float64
	}{
		{"all in one flight", sinkKind{}, 100, 4.5},
		{"PIPELINING only", sinkKind{unchunked: true}, 1, 5.5},
		{"5.5 + (N - 1)", sinkKind{unchunked: true}, 10, 14.5},
		{"STARTTLS: two more", sinkKind{starttls: true}, 10, 6.5},
		{"plain: no handshake", sinkKind{plain: true}, 10, 3.5},
		{"neither: AUTH, MAIL, RCPT, DATA, half for the message", sinkKind{unpipelined: true, unchunked: true}, 1, 8.5},
		{"four more for each", sinkKind{unpipelined: true, unchunked: true}, 10, 44.5},
	} {
		if got := c.kind.rounds(c.n); got != c.want {
			t.Errorf("%s: %v, want %v", c.why, got, c.want)
		}
	}
}
