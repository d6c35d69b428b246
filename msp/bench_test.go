package msp

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"mailcrane/queue"
)

// A discardSpool reads as a spool does, in blocks of 64 KiB.
type discardSpool struct{ block []byte }

func (s *discardSpool) Put(_ context.Context, _ *queue.Envelope, m io.Reader) (queue.ID, error) {
	if s.block == nil {
		s.block = make([]byte, 64<<10)
	}
	for {
		if _, err := m.Read(s.block); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return "x", err
		}
	}
}

func BenchmarkSubmission(b *testing.B) {
	line := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 2)[:75] + "\n"
	body := func(size int) string { return strings.Repeat(line, size/len(line)) }
	const head = "From: me@example.org\nTo: a@x.org\nSubject: hi\nDate: x\nMessage-ID: <x@y>\n\n"
	for _, c := range []struct {
		name, text string
		flags      []string
	}{
		{"4KiB", head + body(4<<10), []string{"-t", "-oi"}},
		{"50MB", head + body(50<<20), []string{"-t", "-oi"}},
		{"50MB-dots", head + body(50<<20), []string{"-t"}},
		{"50MB-short-lines", head + strings.Repeat(".x\n", 50<<20/3), []string{"-t"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := newStation(b, oneAccount)
			spool := &discardSpool{}
			s.OpenSpool = func([]string) (Spool, error) { return spool, nil }
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			for b.Loop() {
				if code := s.sendmail(c.text, c.flags...); code != 0 {
					b.Fatal(s.err.String())
				}
			}
		})
	}
}
