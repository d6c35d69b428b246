package queue

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// A Result is where one recipient stands.
type Result struct {
	State State // 0: not tried yet
	Last  Record
}

// Done says that nothing remains to be tried for the recipient.
func (r Result) Done() bool { return r.State == Delivered || r.State == Failed || r.State == Dropped }

func (r Result) unsure() bool { return r.State == Uncertain }

// tornMark ends a line that a power cut left half-written, so that it is told
// from one that was damaged later.
const tornMark = "~~"

// appendRecords writes records to the result file of n, synced, and says how
// long that is now.
func (s *Spool) appendRecords(n Name, records []Record) (size int64, err error) {
	var text []byte
	for _, r := range records {
		text = r.append(text)
	}
	f, err := s.disk.Append(s.resultFile(n))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	size, tail := ending(f)
	if len(tail) > 0 {
		end := tornMark + "\n"
		if _, ok := parseRecord(string(tail)); ok {
			end = "\n" // only its line end is missing
		}
		text = append([]byte(end), text...)
	}
	if _, err := f.Write(text); err != nil {
		return 0, err
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	return size + int64(len(text)), s.syncDir(s.placeOf(n).result)
}

// ending is the length of the file, and the line at its end that has no end
// of its own.
func ending(f File) (size int64, tail []byte) {
	buffer := make([]byte, 4096)
	for {
		n, err := f.Read(buffer)
		size += int64(n)
		tail = append(tail, buffer[:n]...)
		tail = tail[bytes.LastIndexByte(tail, '\n')+1:]
		if err != nil {
			return size, tail
		}
	}
}

// History is the whole story of a message, oldest first. A message that was
// never tried has none. A result file that was damaged is an error.
func (s *Spool) History(n Name) ([]Record, error) {
	path := s.resultFile(n)
	records, size, err := s.recordsIn(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && n.History == 0:
		return nil, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errNotRegular):
		return nil, &damagedError{fmt.Sprintf("its result file %s is not there; who has the message already is not known", path)}
	}
	if err == nil && size < n.History {
		err = &damagedError{fmt.Sprintf("its result file has %d octets in whole lines, and its name says %d: it was damaged or cut short", size, n.History)}
	}
	if err != nil {
		return records, err
	}
	whole, ok := wholeEdits(records)
	if !ok {
		return nil, &damagedError{"its result file was damaged: lines of an edit are missing"}
	}
	return whole, nil
}

// recordsIn reads the result file at path. Most are short: one read is all of
// it.
func (s *Spool) recordsIn(path string) (records []Record, size int64, err error) {
	buffer := s.borrow()
	defer s.giveBack(buffer)
	n, err := s.disk.Peek(path, buffer[:])
	if err != nil {
		return nil, 0, err
	}
	if n < len(buffer) {
		return readRecords(bytes.NewReader(buffer[:n]), n+1)
	}
	f, err := s.disk.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	return readRecords(f, maxResultLine)
}

// readRecords reads a result file, and says how many octets its whole lines
// take. A last line without its end, and one that ends in tornMark, are what a
// power cut left; any other that does not agree with its sum, or has more
// octets than most, was damaged.
func readRecords(r io.Reader, most int) (records []Record, size int64, err error) {
	lines := bufio.NewReaderSize(r, most)
	for {
		line, err := lines.ReadSlice('\n')
		text, whole := strings.CutSuffix(string(line), "\n")
		if whole {
			size += int64(len(line))
		}
		record, ok := parseRecord(text)
		switch {
		case ok:
			records = append(records, record)
		case errors.Is(err, io.EOF):
		case err == nil && strings.HasSuffix(text, tornMark):
		case whole, errors.Is(err, bufio.ErrBufferFull):
			return records, size, &damagedError{"its result file was damaged: a line does not agree with its sum"}
		}
		if errors.Is(err, io.EOF) {
			return records, size, nil
		}
		if err != nil {
			return records, size, err
		}
	}
}

// standing is where each of n recipients stands after records.
func standing(n int, records []Record) []Result {
	results := make([]Result, n)
	update(results, records)
	return results
}

// update takes records into results. What is done stays as it is.
func update(results []Result, records []Record) {
	for _, r := range records {
		if r.To < 0 || r.To >= len(results) {
			continue
		}
		if r.Event == EventRedirected {
			results[r.To] = Result{}
			continue
		}
		for state, name := range stateNames {
			if state != 0 && name == r.Event && !results[r.To].Done() {
				results[r.To] = Result{State(state), r}
			}
		}
	}
}

// pending is the places of the recipients still to be tried.
func pending(results []Result) []int {
	var places []int
	for i, r := range results {
		if !r.Done() {
			places = append(places, i)
		}
	}
	return places
}
