package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

func TestNothingThatAPersonWroteInTheEditorIsLost(t *testing.T) {
	entry := queue.Entry{
		Name: queue.Name{ID: "cemj5daczhtqd"}, Results: make([]queue.Result, 1),
		Envelope: &queue.Envelope{From: "me@example.org", To: []queue.Recipient{{Address: "ann@example.net"}}},
	}
	for _, c := range []struct {
		reason string
		write  []string // for ann@, each time the editor is opened; "" fails
		again  bool
		added  string // the recipient's new address, or ""
		kept   bool
		fails  bool // the editor, in the end
		says   string
	}{
		{reason: "nothing changed", write: []string{"ann@"}},
		{reason: "a good edit", write: []string{"jo@"}, added: "jo@example.net"},
		{reason: "a mistake that is mended", write: []string{"jo", "jo@"}, again: true, added: "jo@example.net", says: ":15: \"joexample.net\" is no address"},
		{reason: "a mistake that is given up", write: []string{"jo"}, kept: true, says: ":15: "},
		{reason: "an editor that fails untouched leaves no file behind", write: []string{""}, fails: true},
		{reason: "an editor that fails on a changed text", write: []string{"jo@"}, fails: true, kept: true},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			var stderr bytes.Buffer
			a := &app{stderr: &stderr, now: time.Now}
			file, before, opened := "", "ann@", 0
			change, toRemove, err := a.inEditor(entry, func(path string) error {
				file = path
				text, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				next := c.write[opened]
				opened++
				if next == "" {
					return errors.New("no screen")
				}
				err = os.WriteFile(path, bytes.Replace(text, []byte(before+"example.net"), []byte(next+"example.net"), 1), 0o600)
				before = next
				if c.fails {
					return errors.New("no screen")
				}
				return err
			}, func() bool { return c.again })
			_, gone := os.Stat(file)
			switch {
			case c.kept && (sysexits.Code(err) != sysexits.DataErr || gone != nil || !strings.Contains(sysexits.Hint(err), file)):
				t.Errorf("it says %v, %q; the file: %v", err, sysexits.Hint(err), gone)
			case !c.kept && ((err != nil) != c.fails || (gone == nil) != (c.added != "")):
				t.Errorf("it says %v; the file: %v", err, gone)
			case c.added != "" && toRemove != file:
				t.Errorf("the file to remove after the edit is %q, want %q", toRemove, file)
			case c.added == "" && !change.Empty(), c.added != "" && (len(change.Redirect) != 1 || change.Redirect[0].New != c.added):
				t.Errorf("the change is %+v", change)
			case !strings.Contains(stderr.String(), c.says):
				t.Errorf("it prints %q", stderr.String())
			}
		})
	}
}

func TestWhatWasWrittenIsKeptWhereTheMessageLeavesMeanwhile(t *testing.T) {
	home := t.TempDir()
	a := &app{stdout: io.Discard, stderr: io.Discard, now: time.Now, getenv: func(name string) string {
		return map[string]string{"HOME": home}[name]
	}}
	c, err := a.config()
	if err != nil {
		t.Fatal(err)
	}
	spool := a.spool(c)
	for _, c := range []struct {
		reason string
		leaves bool
	}{{"it leaves", true}, {"it stays", false}} {
		t.Run(c.reason, func(t *testing.T) {
			id, err := spool.Put(t.Context(), &queue.Envelope{From: "me@example.org", To: []queue.Recipient{{Address: "ann@example.net"}}}, strings.NewReader("\n"))
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "written")
			err = a.queueEdit(t.Context(), id, func(queue.Entry) (queue.Change, string, error) {
				if c.leaves {
					if err := spool.Remove(t.Context(), id); err != nil {
						t.Fatal(err)
					}
				}
				return queue.Change{Add: []string{"jo@example.net"}}, file, os.WriteFile(file, nil, 0o600)
			})
			_, missing := os.Stat(file)
			switch hint := sysexits.Hint(err); {
			case c.leaves && (err == nil || missing != nil || !strings.Contains(hint, file) || !strings.Contains(hint, "mailcrane explain "+string(id))):
				t.Errorf("it says %v, %q; the file: %v", err, hint, missing)
			case !c.leaves && (err != nil || missing == nil):
				t.Errorf("it says %v; the file: %v", err, missing)
			}
		})
	}
}
