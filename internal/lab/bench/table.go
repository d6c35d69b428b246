//go:build linux

package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// printTable prints the samples, fastest first, with the ratio to the bare Go
// program.
func printTable(w io.Writer, samples []*sample) error {
	var floor time.Duration
	for _, s := range samples {
		if s.Name == bareGo {
			floor = median(s.times)
		}
	}
	slices.SortFunc(samples, func(a, b *sample) int { return cmp.Compare(median(a.times), median(b.times)) })
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "  program\tmedian ms\tx bare Go\tfastest\tslowest\tCPU ms\tpeak MB\tsynced")
	for _, s := range samples {
		peak := "-"
		if s.peak > 0 {
			peak = fmt.Sprintf("%.1f", float64(s.peak)/1e6)
		}
		fmt.Fprintf(out, "  %s\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%s\t%s\n", s.Name, ms(median(s.times)),
			float64(median(s.times))/float64(floor), ms(slices.Min(s.times)), ms(slices.Max(s.times)),
			ms(median(s.cpu)), peak, s.Synced)
	}
	return out.Flush()
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
