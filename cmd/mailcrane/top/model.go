package top

import (
	"context"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// A mode is what keys mean now.
type mode uint8

const (
	listing mode = iota
	filtering
	reading  // a story, or the help
	removing // it is asked whether
)

// A Model is the state of the screen.
type Model struct {
	ctx    context.Context //nolint:containedctx // the library calls us, and hands none in
	source Source

	width, height int
	mode          mode
	accounts      []Account
	window        Window
	at            int // place of the message that is chosen, among all
	filter, typed string
	text          []string // what is read, in lines
	scroll        int
	said          string // what came of the last key
	wire          wire
	// loading: data is being read; stale: it has changed meanwhile.
	loading, stale, loaded bool
}

// A wire is the message on its way.
type wire struct {
	Progress
	began Progress
}

// New is the model at its beginning, in which nothing was read yet.
func New(ctx context.Context, s Source) *Model {
	return &Model{ctx: ctx, source: s, width: 80, height: 24}
}

// data is what was read; done is what came of a deed, and story what there is
// to read.
type (
	data struct {
		accounts []Account
		window   Window
		took     time.Duration
		err      error
	}
	done  struct{ said string }
	story struct {
		text string
		err  error
	}
)

// Init has the data read.
func (m *Model) Init() tea.Cmd { return m.load() }

// load has the data read, unless that is being done: then again after that.
func (m *Model) load() tea.Cmd { return m.loadAfter(0) }

// Between two readings of a queue that changes all the time: a long one takes a
// fifth of the time at the most, as in the queue run.
const (
	leastPause = 100 * time.Millisecond
	mostPause  = 2 * time.Second
	pauseParts = 4
)

func (m *Model) loadAfter(pause time.Duration) tea.Cmd {
	if m.loading {
		m.stale = true
		return nil
	}
	m.loading, m.stale = true, false
	filter, n := m.filter, m.rows()
	from := max(0, min(m.window.From, m.at))
	if m.at >= from+n {
		from = m.at - n + 1
	}
	return func() tea.Msg {
		if pause > 0 {
			select {
			case <-time.After(pause):
			case <-m.ctx.Done():
			}
		}
		began := time.Now()
		accounts, err := m.source.Accounts(m.ctx)
		if err != nil {
			return data{err: err}
		}
		window, err := m.source.Window(m.ctx, filter, from, n)
		if err == nil && len(window.Rows) == 0 && window.Total > 0 {
			window, err = m.source.Window(m.ctx, filter, max(0, window.Total-n), n)
		}
		return data{accounts, window, time.Since(began), err}
	}
}

// Update takes in what happened.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = max(msg.Width, 1), max(msg.Height, 1)
		return m, m.load()
	case Changed:
		return m, m.load()
	case Progress:
		if msg.ID != m.wire.ID || msg.Octets < m.wire.Octets {
			m.wire.began = msg
		}
		m.wire.Progress = msg
	case Off:
		if msg.ID == m.wire.ID || msg.ID == "" {
			m.wire = wire{}
		}
		return m, m.load()
	case data:
		return m, m.take(msg)
	case done:
		m.said = msg.said
		return m, m.load()
	case story:
		m.read(msg)
	case tea.KeyPressMsg:
		return m, m.key(msg.String())
	}
	return m, nil
}

func (m *Model) take(d data) tea.Cmd {
	m.loading, m.loaded = false, true
	if d.err != nil {
		m.said = d.err.Error()
		return nil
	}
	m.accounts, m.window = d.accounts, d.window
	m.at = max(0, min(m.at, m.window.Total-1))
	if len(m.window.Rows) > 0 && (m.at < m.window.From || m.at >= m.window.From+len(m.window.Rows)) {
		return m.load()
	}
	if m.stale {
		return m.loadAfter(min(max(pauseParts*d.took, leastPause), mostPause))
	}
	return nil
}

func (m *Model) read(s story) {
	if s.err != nil {
		m.said = s.err.Error()
		return
	}
	m.mode, m.scroll = reading, 0
	m.text = strings.Split(ansi.Wordwrap(strings.TrimRight(s.text, "\n"), m.width, ""), "\n")
}

// chosen is the message that keys are about; ok is false where there is none.
func (m *Model) chosen() (Row, bool) {
	i := m.at - m.window.From
	if i < 0 || i >= len(m.window.Rows) {
		return Row{}, false
	}
	return m.window.Rows[i], true
}

// rate is the octets a second of the message on the wire, 0 where that is not
// known yet, and left how long the rest takes.
func (w wire) rate() (rate float64, left time.Duration) {
	took, octets := w.At.Sub(w.began.At).Seconds(), w.Octets-w.began.Octets
	if took < 0.5 || octets <= 0 {
		return 0, 0
	}
	rate = float64(octets) / took
	return rate, time.Duration(float64(w.Size-w.Octets) / rate * float64(time.Second))
}

// do has something done to the chosen message.
func (m *Model) do(what string, deed func(context.Context, string) error) tea.Cmd {
	row, ok := m.chosen()
	if !ok {
		return nil
	}
	return func() tea.Msg {
		if err := deed(m.ctx, row.ID); err != nil {
			return done{err.Error()}
		}
		return done{fmt.Sprintf("%s %s", row.ID, what)}
	}
}
