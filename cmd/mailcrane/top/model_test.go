package top

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

var update = flag.Bool("update", false, "write the golden frames")

// shelf is a queue of so many messages that counts what is read of it.
type shelf struct {
	total, most int
	did         []string
	fails       error
}

func (s *shelf) Accounts(context.Context) ([]Account, error) {
	return []Account{
		{Name: "work", Up: true, Standing: "smarthost reachable", Reason: "a way out by wlan0"},
		{Name: "home", Standing: "captive portal", Reason: "a portal stands in the way", Waits: "a login on the portal's page"},
	}, nil
}

func (s *shelf) Window(_ context.Context, filter string, from, n int) (Window, error) {
	s.most = max(s.most, n)
	w := Window{From: from, Total: s.total}
	if filter != "" {
		w.Total = 1
	}
	for i := from; i < min(from+n, w.Total); i++ {
		w.Rows = append(w.Rows, Row{
			ID: fmt.Sprintf("cemj155m%05d", i), State: "deferred, next in 4 min", Size: "4.2 kB", From: "me@example.org",
			To: fmt.Sprintf("someone.%d@example.net", i), Why: "451 4.2.0 later",
		})
	}
	return w, nil
}

func (s *shelf) note(what, id string) error {
	s.did = append(s.did, what+" "+id)
	return s.fails
}

func (s *shelf) Story(_ context.Context, id string) (string, error) {
	return "Message " + id + "\nNext: later\n", s.fails
}
func (s *shelf) Hold(_ context.Context, id string) error    { return s.note("hold", id) }
func (s *shelf) Release(_ context.Context, id string) error { return s.note("release", id) }
func (s *shelf) Retry(_ context.Context, id string) error   { return s.note("retry", id) }
func (s *shelf) Remove(_ context.Context, id string) error  { return s.note("remove", id) }
func (s *shelf) Flush(context.Context) error                { return s.note("flush", "") }
func (s *shelf) Editor(id string) *exec.Cmd                 { return exec.Command("true", id) }

// A sight is a screen of that size before which somebody sits.
type sight struct {
	t *testing.T
	*Model
	*shelf
	quit bool
}

func look(t *testing.T, width, height, messages int) *sight {
	t.Helper()
	s := &sight{t: t, shelf: &shelf{total: messages}}
	s.Model = New(t.Context(), s.shelf)
	s.run(s.Init())
	s.send(tea.WindowSizeMsg{Width: width, Height: height})
	return s
}

// run does what the library does with a command.
func (s *sight) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case tea.QuitMsg:
		s.quit = true
	case nil:
	default:
		s.send(msg)
	}
}

func (s *sight) send(msg tea.Msg) {
	_, cmd := s.Update(msg)
	s.run(cmd)
}

func (s *sight) press(keys ...string) {
	codes := map[string]rune{"up": tea.KeyUp, "down": tea.KeyDown, "enter": tea.KeyEnter, "esc": tea.KeyEscape, "pgdown": tea.KeyPgDown, "end": tea.KeyEnd}
	for _, key := range keys {
		if code, ok := codes[key]; ok {
			s.send(tea.KeyPressMsg{Code: code})
			continue
		}
		s.send(tea.KeyPressMsg{Code: rune(key[0]), Text: key})
	}
}

// frame is the screen without styles; each line must fit.
func (s *sight) frame() string {
	s.t.Helper()
	text := ansi.Strip(s.View().Content)
	lines := strings.Split(text, "\n")
	if len(lines) > s.height {
		s.t.Errorf("%d lines on a screen of %d", len(lines), s.height)
	}
	for _, line := range lines {
		if ansi.StringWidth(line) > s.width {
			s.t.Errorf("a line of %d columns on %d: %q", ansi.StringWidth(line), s.width, line)
		}
	}
	return text
}

func TestFrames(t *testing.T) {
	for name, c := range map[string]struct{ width, height, messages int }{
		"80x24": {80, 24, 30}, "40x12": {40, 12, 30}, "empty": {80, 24, 0}, "tiny": {10, 3, 5},
	} {
		t.Run(name, func(t *testing.T) {
			s := look(t, c.width, c.height, c.messages)
			if c.messages > 0 {
				began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
				s.send(Progress{ID: "cemj155m00000", Size: 1_000_000, At: began})
				s.send(Progress{ID: "cemj155m00000", Octets: 250_000, Size: 1_000_000, At: began.Add(time.Second)})
				s.press("down")
			}
			file := filepath.Join("testdata", name+".golden")
			got := s.frame() + "\n"
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("the screen is\n%s\nnot\n%s", got, want)
			}
		})
	}
}

func TestKeysDoWhatTheySay(t *testing.T) {
	for key, want := range map[string]string{
		"h": "hold cemj155m00001", "u": "release cemj155m00001", "r": "retry cemj155m00001", "f": "flush ",
	} {
		s := look(t, 80, 24, 3)
		s.press("down", key)
		if len(s.did) != 1 || s.did[0] != want {
			t.Errorf("%s did %q", key, s.did)
		}
	}
}

func TestWhatIsRemovedIsAskedForFirst(t *testing.T) {
	s := look(t, 80, 24, 3)
	s.press("d")
	if !strings.Contains(s.frame(), "remove cemj155m00000, undelivered and for good? y/n") {
		t.Errorf("it is not asked: %s", s.frame())
	}
	s.press("n")
	if len(s.did) != 0 {
		t.Errorf("no did %q", s.did)
	}
	s.press("d", "y")
	if len(s.did) != 1 || s.did[0] != "remove cemj155m00000" {
		t.Errorf("yes did %q", s.did)
	}
}

func TestAFailureIsSaid(t *testing.T) {
	s := look(t, 80, 24, 3)
	s.fails = errors.New("message cemj155m00000 is on its way just now")
	s.press("h")
	if !strings.Contains(s.frame(), "is on its way just now") {
		t.Error(s.frame())
	}
}

func TestALargeQueueIsReadByTheWindow(t *testing.T) {
	s := look(t, 80, 24, 100_000)
	s.press("end")
	if row, ok := s.chosen(); !ok || row.ID != "cemj155m99999" {
		t.Errorf("chosen is %v", row)
	}
	if s.most > 24 {
		t.Errorf("%d messages were read at once", s.most)
	}
	s.total = 2 // they have gone meanwhile
	s.send(Changed{})
	if row, ok := s.chosen(); !ok || row.ID != "cemj155m00001" {
		t.Errorf("chosen is %v", row)
	}
}

func TestAStoryIsReadAndLeft(t *testing.T) {
	s := look(t, 40, 12, 3)
	s.press("enter")
	if !strings.Contains(s.frame(), "Message cemj155m00000") {
		t.Error(s.frame())
	}
	s.press("x")
	if !strings.Contains(s.frame(), "3 messages") {
		t.Error(s.frame())
	}
	s.press("?")
	if !strings.Contains(s.frame(), "Keys") {
		t.Error(s.frame())
	}
	s.press("x", "q")
	if !s.quit {
		t.Error("q does not leave")
	}
}

func TestAFilterIsTypedAndEnded(t *testing.T) {
	s := look(t, 80, 24, 30)
	s.press("/", "j", "o", "q", "enter")
	if s.quit || !strings.Contains(s.frame(), `1 message with "joq"`) {
		t.Error(s.frame())
	}
	s.press("esc")
	if !strings.Contains(s.frame(), "30 messages") {
		t.Error(s.frame())
	}
}

// A queue of a hundred thousand takes half a second to read, and was read without
// a pause for as long as mail left it.
func TestAQueueThatChangesAllTheTimeIsReadNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const took = 400 * time.Millisecond
		s := &slowShelf{shelf: shelf{total: 100}, took: took}
		m := New(t.Context(), s)
		cmd, began := m.Init(), time.Now()
		for time.Since(began) < 20*time.Second {
			m.Update(Changed{}) // while it is read
			_, cmd = m.Update(cmd())
		}
		if most := int(20*time.Second/(5*took)) + 2; s.read > most {
			t.Errorf("read %d times in 20 seconds, not %d at the most", s.read, most)
		}
	})
}

// A slowShelf takes its time to be read.
type slowShelf struct {
	shelf
	took time.Duration
	read int
}

func (s *slowShelf) Window(ctx context.Context, filter string, from, n int) (Window, error) {
	s.read++
	time.Sleep(s.took)
	return s.shelf.Window(ctx, filter, from, n)
}
