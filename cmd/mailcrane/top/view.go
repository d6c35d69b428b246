package top

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// mostAccounts is how many accounts have a line.
const mostAccounts = 4

// narrow is below how many columns a message is told in fewer words.
const narrow = 60

// View draws the screen.
func (m *Model) View() tea.View {
	v := tea.NewView(strings.Join(m.lines(), "\n"))
	v.AltScreen = true
	v.WindowTitle = "mailcrane"
	return v
}

// lines is the screen, none longer than it is wide.
func (m *Model) lines() []string {
	var lines []string
	if m.mode == reading {
		end := min(m.scroll+max(m.height-1, 1), len(m.text))
		lines = append(lines, m.text[m.scroll:end]...)
		lines = m.filled(lines)
		lines = append(lines, faint("arrows scroll, any other key goes back"))
	} else {
		lines = append(m.head(), m.queue()...)
		lines = append(m.filled(lines), m.foot())
	}
	for i := range lines {
		lines[i] = ansi.Truncate(lines[i], m.width, "…")
	}
	return lines[max(0, len(lines)-m.height):]
}

// filled is the lines with empty ones up to the last.
func (m *Model) filled(lines []string) []string {
	for len(lines) < m.height-1 {
		lines = append(lines, "")
	}
	return lines[:max(m.height-1, 0)]
}

func bold(text string) string    { return lipgloss.NewStyle().Bold(true).Render(text) }
func faint(text string) string   { return lipgloss.NewStyle().Faint(true).Render(text) }
func reverse(text string) string { return lipgloss.NewStyle().Reverse(true).Render(text) }

// warn is for what keeps mail here; NO_COLOR leaves it bold.
func warn(text string) string {
	return lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Yellow).Render(text)
}

// head is what stands above the queue.
func (m *Model) head() []string {
	count := fmt.Sprintf("%d messages", m.window.Total)
	switch {
	case !m.loaded:
		count = "reading the queue"
	case m.window.Total == 1:
		count = "1 message"
	case m.window.Total == 0:
		count = "the queue is empty"
	}
	if m.filter != "" {
		count += fmt.Sprintf(" with %q", m.filter)
	}
	lines := []string{bold("mailcrane") + "  " + count}
	for i, a := range m.accounts {
		if i == mostAccounts {
			lines = append(lines, faint(fmt.Sprintf("and %d accounts more: mailcrane status", len(m.accounts)-i)))
			break
		}
		lines = append(lines, m.account(a))
	}
	if m.wire.ID != "" {
		lines = append(lines, m.progress())
	}
	return append(lines, faint(m.row(Row{ID: "ID", State: "STATE", Size: "SIZE", From: "FROM", To: "TO"})))
}

func (m *Model) account(a Account) string {
	standing := a.Standing
	if !a.Up {
		standing = warn(standing)
	}
	line := fmt.Sprintf("%s: %s", a.Name, standing)
	if a.Reason != "" && a.Reason != a.Standing {
		line += "; " + a.Reason
	}
	if a.Waits != "" && !a.Up {
		line += "; waits for " + a.Waits
	}
	return line
}

// progress is the line of the message on the wire.
func (m *Model) progress() string {
	w := m.wire
	part := 0.0
	if w.Size > 0 {
		part = min(float64(w.Octets)/float64(w.Size), 1)
	}
	cells, head := 20, w.ID+" "
	if m.width < narrow {
		cells, head = 10, ""
	}
	full := int(part * float64(cells))
	line := fmt.Sprintf("%s[%s%s] %3.0f%%", head, strings.Repeat("#", full), strings.Repeat("-", cells-full), part*100)
	rate, left := w.rate()
	switch {
	case w.Octets >= w.Size:
		line += " waiting for the answer"
	case rate > 0:
		line += fmt.Sprintf(" %s/s, %s left", octets(rate), left.Round(time.Second))
	}
	return line
}

func octets(n float64) string {
	switch {
	case n < 1e3:
		return fmt.Sprintf("%.0f B", n)
	case n < 1e6:
		return fmt.Sprintf("%.1f kB", n/1e3)
	}
	return fmt.Sprintf("%.1f MB", n/1e6)
}

// rows is how many messages fit.
func (m *Model) rows() int {
	above := 2 + min(len(m.accounts), mostAccounts+1)
	if m.wire.ID != "" {
		above++
	}
	return max(m.height-above-1, 1)
}

func (m *Model) row(r Row) string {
	if m.width < narrow {
		return fmt.Sprintf("%-13s %-9s %s", r.ID, cut(r.State, 9), r.To)
	}
	return fmt.Sprintf("%-13s  %-22s  %8s  %s -> %s", r.ID, cut(r.State, 22), r.Size, r.From, r.To)
}

func cut(text string, most int) string { return ansi.Truncate(text, most, "…") }

func (m *Model) queue() []string {
	var lines []string
	for i, r := range m.window.Rows {
		if i == m.rows() {
			break
		}
		line := m.row(r)
		if m.window.From+i == m.at {
			line = reverse(ansi.Truncate(line, m.width, "…"))
		}
		lines = append(lines, line)
	}
	return lines
}

// foot is the last line: a question, what came of a key, why the chosen message
// waits, or which keys there are.
func (m *Model) foot() string {
	row, ok := m.chosen()
	switch {
	case m.mode == filtering:
		return "show messages with: " + m.typed + "_"
	case m.mode == removing:
		return warn(fmt.Sprintf("remove %s, undelivered and for good? y/n", row.ID))
	case m.said != "":
		return m.said
	case ok && row.Why != "":
		return faint("? keys  ") + row.Why
	}
	return faint("? keys  q leave  s show  h hold  u release  r retry  e edit  d remove  f flush  / filter")
}
