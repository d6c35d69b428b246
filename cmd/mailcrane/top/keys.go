package top

import (
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
)

const help = `Keys
  up, down, PgUp, PgDn, Home, End   choose a message
  Enter, s   show what happened to it
  h          hold it: it is not sent until it is released
  u          release it
  r          send it as soon as there is a way out
  e          edit who gets it, from whom and when
  d          take it out of the queue, for good (asks)
  f          send all that is due now
  /          show only messages with a text in them; Esc ends that
  ?          this page
  q          leave

With a screen reader, or on a very narrow screen, this tells the same in lines:
  mailcrane queue list --watch`

// key does what a key means.
func (m *Model) key(key string) tea.Cmd {
	if key == "ctrl+c" {
		return tea.Quit
	}
	m.said = ""
	switch m.mode {
	case filtering:
		return m.typing(key)
	case reading:
		m.reading(key)
		return nil
	case removing:
		m.mode = listing
		if key == "y" {
			return m.do("removed", m.source.Remove)
		}
		m.said = "it stays"
		return nil
	case listing:
	}
	if m.moves(key) {
		return m.load()
	}
	return m.command(key)
}

// moves says that the key has chosen another message.
func (m *Model) moves(key string) bool {
	before, page := m.at, max(m.rows()-1, 1)
	switch key {
	case "up", "k":
		m.at--
	case "down", "j":
		m.at++
	case "pgup":
		m.at -= page
	case "pgdown", "space":
		m.at += page
	case "home", "g":
		m.at = 0
	case "end", "G":
		m.at = m.window.Total - 1
	default:
		return false
	}
	m.at = max(0, min(m.at, m.window.Total-1))
	return m.at != before && (m.at < m.window.From || m.at >= m.window.From+len(m.window.Rows))
}

func (m *Model) command(key string) tea.Cmd {
	switch key {
	case "q":
		return tea.Quit
	case "?":
		m.read(story{text: help})
	case "/":
		m.mode, m.typed = filtering, m.filter
	case "esc":
		if m.filter != "" {
			m.filter, m.at, m.window.From = "", 0, 0
			return m.load()
		}
	case "enter", "s":
		return m.story()
	case "h":
		return m.do("is held", m.source.Hold)
	case "u":
		return m.do("is released", m.source.Release)
	case "r":
		return m.do("is due at once", m.source.Retry)
	case "d":
		if _, ok := m.chosen(); ok {
			m.mode = removing
		}
	case "e":
		if row, ok := m.chosen(); ok {
			return tea.ExecProcess(m.source.Editor(row.ID), func(err error) tea.Msg {
				if err != nil {
					return done{"the envelope was not changed: " + err.Error()}
				}
				return done{row.ID + " was edited"}
			})
		}
	case "f":
		return func() tea.Msg {
			if err := m.source.Flush(m.ctx); err != nil {
				return done{err.Error()}
			}
			return done{"what is due is tried now"}
		}
	}
	return nil
}

func (m *Model) story() tea.Cmd {
	row, ok := m.chosen()
	if !ok {
		return nil
	}
	return func() tea.Msg {
		text, err := m.source.Story(m.ctx, row.ID)
		return story{text, err}
	}
}

// maxFilter bounds what is typed, in octets.
const maxFilter = 64

func (m *Model) typing(key string) tea.Cmd {
	switch key {
	case "enter":
		m.mode, m.filter, m.at, m.window.From = listing, m.typed, 0, 0
		return m.load()
	case "esc":
		m.mode = listing
	case "backspace":
		_, size := utf8.DecodeLastRuneInString(m.typed)
		m.typed = m.typed[:len(m.typed)-size]
	case "space":
		m.typed += " "
	default:
		if utf8.RuneCountInString(key) == 1 && len(m.typed) < maxFilter {
			m.typed += key
		}
	}
	return nil
}

func (m *Model) reading(key string) {
	page := max(m.height-2, 1)
	switch key {
	case "up", "k":
		m.scroll--
	case "down", "j":
		m.scroll++
	case "pgup":
		m.scroll -= page
	case "pgdown", "space":
		m.scroll += page
	default:
		m.mode = listing
	}
	m.scroll = max(0, min(m.scroll, len(m.text)-page))
}
