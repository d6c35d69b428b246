//go:build linux

package main

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func submitOneByOne(w *workshop) error {
	return w.submit(4<<10, 20*w.rounds, 1, func(contestant) bool { return true })
}

func submitTenAtOnce(w *workshop) error {
	return w.submit(4<<10, 4*w.rounds, 10, func(c contestant) bool {
		// It sleeps for a second whenever another holds its lock, which would
		// make up most of the run.
		return c.Name != "msmtpq"
	})
}

func submitLarge(w *workshop) error {
	return w.submit(50<<20, w.rounds, 1, func(c contestant) bool {
		return slices.Contains([]string{bareGo, ours, "postfix", "exim"}, c.Name)
	})
}

// submit measures all contestants that take part with a message of size octets.
func (w *workshop) submit(size, rounds, batch int, takesPart func(contestant) bool) error {
	message, err := w.message(size)
	if err != nil {
		return err
	}
	all, err := w.contestants()
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(c contestant) bool { return !takesPart(c) })
	samples, err := w.compare(all, message, rounds, batch)
	if err != nil {
		return err
	}
	return printTable(os.Stdout, samples, bareGo)
}

// message writes a message of exactly size octets to a file.
func (w *workshop) message(size int) (string, error) {
	path := filepath.Join(w.dir, "message")
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	const header = "From: me@example.test\nTo: you@example.test\nSubject: bench\n\n"
	out := bufio.NewWriter(f)
	line := strings.Repeat("x", 71) + "\n"
	written, _ := out.WriteString(header)
	for written < size {
		n := min(len(line), size-written)
		out.WriteString(line[:n-1])
		out.WriteByte('\n')
		written += n
	}
	return path, out.Flush() // tells of the writes, too
}
