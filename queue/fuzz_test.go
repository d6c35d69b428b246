package queue

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
)

// FuzzSpoolFile puts any file into the queue, under a name that agrees with it,
// and runs the queue: it is sent as it is or set aside, and the other message
// goes.
func FuzzSpoolFile(f *testing.F) {
	whole := appendEnvelope(nil, &Envelope{From: "a@b.c", To: []Recipient{{Address: "had@x.org"}, {Address: "later@x.org", Notify: "NEVER"}}, Received: time.Unix(1764000000, 0)})
	record := Record{At: time.Unix(1764000000, 0), To: 0, Address: "had@x.org", Event: Delivered.String(), Route: "main", Code: 250, Text: "ok"}
	f.Add(append(whole, "Subject: x\n\nbody\n"...), record.append(nil))
	f.Add(append(whole, 0, 255, '\r'), []byte{})
	f.Add([]byte("mailcrane-spool 1\nfrom <>\nto <a@b>\n\n"), append(record.append(nil), "2026\tdeliv"...))
	f.Add([]byte{}, []byte("\t\t\t\t\t\t\t\t\t\n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, file, result []byte) {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		s := NewSpool(dir, swiftDisk{OS{}}, time.Now)
		w := newWorld(t, s)
		healthy := put(t, s, envelope("healthy@x.org"), "x")
		n := Name{ID: newID(time.Unix(1764000000, 0)), Size: int64(len(file)), Recipients: 2, Sum: xxhash.Sum64(file), History: int64(len(result))}
		if err := os.WriteFile(s.file(n), file, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(s.resultFile(n), result, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, id := range []ID{n.ID, healthy} {
			if entry, body, err := s.Read(id); err == nil {
				_, _ = entry.State(time.Now()), entry.Why()
				body.Close()
			}
		}
		entry, ok := s.Shown(n)
		if !ok {
			t.Error("it is not in the list")
		}
		if _, err := w.runner.Flush(t.Context(), nil); err != nil {
			t.Error(err)
		}
		if w.copies("healthy@x.org") != 1 {
			t.Error("the other message has not gone")
		}
		_, err := os.Lstat(filepath.Join(s.DamagedDirs()[0], n.String()))
		if entry.Trouble != "" && err != nil {
			t.Errorf("shown as unreadable, because %s; and then not set aside: %v", entry.Trouble, err)
		}
		for to, texts := range w.got {
			for _, text := range texts {
				if to != "healthy@x.org" && !bytes.HasSuffix(file, []byte(text)) {
					t.Errorf("%s got %q, which is not the end of %q", to, text, file)
				}
			}
		}
	})
}

// FuzzResultFile appends to any result file, as the next attempt does: what was
// read of it stays, and what was appended is read too.
func FuzzResultFile(f *testing.F) {
	one := Record{At: time.Unix(1764000000, 0).UTC(), To: 1, Address: "later@x.org", Event: Deferred.String(), Route: "main", Host: "mx.test", Code: 450, Enhanced: "4.2.0", Text: "later"}
	line := one.append(nil)
	f.Add([]byte{})
	f.Add(line)
	f.Add(line[:len(line)-1])
	f.Add(line[:len(line)/2])
	f.Add(append(bytes.Clone(line[:9]), "~~\n"...))
	f.Add(slices.Concat(line, []byte("~"), line))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		s := NewSpool(dir, swiftDisk{OS{}}, time.Now)
		if err := s.Prepare(); err != nil {
			t.Fatal(err)
		}
		n := Name{ID: newID(time.Unix(1764000000, 0))}
		if err := os.WriteFile(s.resultFile(n), text, 0o600); err != nil {
			t.Fatal(err)
		}
		before, err := s.History(n)
		if err != nil {
			return // it is set aside
		}
		size, err := s.appendRecords(n, []Record{one})
		if err != nil {
			t.Fatal(err)
		}
		n.History = size
		after, err := s.History(n)
		if err != nil || !slices.Equal(after, append(before, one)) {
			t.Errorf("%q: %v, and with one more %v, %v", text, before, after, err)
		}
		whole, err := os.ReadFile(s.resultFile(n))
		if err != nil || !bytes.HasPrefix(whole, text) || int64(len(whole)) != size {
			t.Errorf("%q became %q, of %d octets: %v", text, whole, size, err)
		}
	})
}

// FuzzRecord: a line is read only as it is written, whatever stands in its
// fields.
func FuzzRecord(f *testing.F) {
	f.Add(int64(0), 0, "a@b.c", "deferred", "mx.test", 450, "4.2.0", "try\tlater\n")
	f.Add(int64(1)<<40, -1, "", "held", "", 0, "", "~~")
	f.Fuzz(func(t *testing.T, at int64, to int, address, event, host string, code int, enhanced, text string) {
		r := Record{At: time.Unix(at%mostTime, 0).UTC(), To: to, Address: address, Event: event, Host: host, Code: code, Enhanced: enhanced, Text: text}
		line := string(r.append(nil))
		if strings.Count(line, "\n") != 1 || len(line) > maxResultLine {
			t.Errorf("%q is not one line of its size", line)
		}
		again, ok := parseRecord(strings.TrimSuffix(line, "\n"))
		if ok && string(again.append(nil)) != line {
			t.Errorf("%q is read as %+v", line, again)
		}
	})
}
