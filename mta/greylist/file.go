package greylist

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// title is the first line of the file.
const title = "mailcrane greylist 1"

// mostLine bounds a line, in octets: a digest, two times and a word.
const mostLine = 128

// changed has the file written in a while. The List is locked.
func (l *List) changed() {
	if l.options.File == "" || l.timer != nil || l.closed {
		return
	}
	l.timer = time.AfterFunc(writeAfter, func() {
		if err := l.write(); err != nil {
			l.options.Log.Error("the grey list cannot be kept, and a restart will forget who has tried again",
				"file", l.options.File, "err", err)
		}
	})
}

// Close writes what was not written. The List may be used after it, and is not
// kept any more.
func (l *List) Close() error {
	l.mu.Lock()
	owed := l.timer != nil
	if owed {
		l.timer.Stop()
	}
	l.closed = true
	l.mu.Unlock()
	if !owed {
		return nil
	}
	return l.write()
}

// write puts all triplets into a new file that takes the place of the old one. A
// power cut leaves the one or the other.
func (l *List) write() (err error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	text := l.text()
	path := l.options.File
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // what went wrong is told already
		}
	}()
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// text is the file: what was let through, then what waits, the oldest first.
func (l *List) text() string {
	l.mu.Lock()
	all := make([]triplet, 0, len(l.known))
	now := l.options.Now()
	for _, kind := range [][]triplet{l.in(true), l.in(false)} {
		for _, t := range slices.Backward(kind) {
			if l.lasts(&t, now) {
				all = append(all, t)
			}
		}
	}
	l.timer = nil
	l.mu.Unlock()

	var text strings.Builder
	fmt.Fprintln(&text, title)
	for i := range all {
		t, word := &all[i], "waits"
		if t.through {
			word = "passed"
		}
		fmt.Fprintln(&text, hex.EncodeToString(t.key[:]), t.first.Unix(), t.last.Unix(), word)
	}
	return text.String()
}

// in are the triplets of a kind, the newest first.
func (l *List) in(through bool) (all []triplet) {
	for e := l.kind(&triplet{through: through}).Front(); e != nil; e = e.Next() {
		all = append(all, *e.Value.(*triplet))
	}
	return all
}

// read takes in the file.
func (l *List) read() error {
	f, err := os.Open(l.options.File)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, 2*most*mostLine))
	lines.Buffer(nil, mostLine)
	if lines.Scan(); lines.Text() != title {
		return fmt.Errorf("%s is no grey list: its first line is not %q; move it away, or set [mta.greylist] file", l.options.File, title)
	}
	now, strange := l.options.Now(), 0
	for lines.Scan() {
		t, ok := parse(lines.Text())
		switch {
		case !ok:
			strange++
		case l.known[t.key] == nil && l.lasts(&t, now):
			l.add(&t)
		}
	}
	if strange > 0 || lines.Err() != nil {
		l.options.Log.Warn("the grey list has lines that make no sense, which are left out", "file", l.options.File, "lines", strange, "err", lines.Err())
	}
	return nil
}

// parse reads a line.
func parse(line string) (t triplet, ok bool) {
	parts := strings.Fields(line)
	if len(parts) != 4 {
		return triplet{}, false
	}
	sum, err := hex.DecodeString(parts[0])
	first, wrong := strconv.ParseInt(parts[1], 10, 64)
	last, bad := strconv.ParseInt(parts[2], 10, 64)
	if errors.Join(err, wrong, bad) != nil || len(sum) != len(t.key) || parts[3] != "passed" && parts[3] != "waits" {
		return triplet{}, false
	}
	return triplet{key: key(sum), first: time.Unix(first, 0), last: time.Unix(last, 0), through: parts[3] == "passed"}, true
}
