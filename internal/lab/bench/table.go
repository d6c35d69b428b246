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

// printTable prints the samples, fastest first, with the ratio to the one of
// the name given.
func printTable(w io.Writer, samples []*sample, to string) error {
	var floor time.Duration
	for _, s := range samples {
		if s.Name == to {
			floor = median(s.times)
		}
	}
	slices.SortFunc(samples, func(a, b *sample) int { return cmp.Compare(median(a.times), median(b.times)) })
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	synced := ""
	if slices.ContainsFunc(samples, func(s *sample) bool { return s.Synced != "" }) {
		synced = "\tsynced"
	}
	fmt.Fprintf(out, "  program\tmedian ms\tx %s\tfastest\tslowest\tCPU ms\tpeak MB%s\n", to, synced)
	for _, s := range samples {
		peak := "-"
		if s.peak > 0 {
			peak = fmt.Sprintf("%.1f", float64(s.peak)/1e6)
		}
		ratio := "-"
		if floor > 0 {
			ratio = fmt.Sprintf("%.2f", float64(median(s.times))/float64(floor))
		}
		fmt.Fprintf(out, "  %s\t%.2f\t%s\t%.2f\t%.2f\t%.2f\t%s", s.Name, ms(median(s.times)), ratio,
			ms(slices.Min(s.times)), ms(slices.Max(s.times)), ms(median(s.cpu)), peak)
		if synced != "" {
			fmt.Fprintf(out, "\t%s", s.Synced)
		}
		fmt.Fprintln(out)
	}
	return out.Flush()
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
