package main

import (
	"bufio"
	"io"
	"os"
	"strings"

	"github.com/rivo/uniseg"
	"golang.org/x/term"
)

// A page is standard output as a person reads it: on a terminal lines are
// broken between words, elsewhere they stay whole, for programs that look for
// something in them.
type page struct {
	*bufio.Writer
	width int // columns; 0 is no bound
}

// leastWidth is that of a terminal in which breaking lines still helps.
const leastWidth = 30

func newPage(w io.Writer) *page {
	p := &page{Writer: bufio.NewWriterSize(w, 32<<10)}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width >= leastWidth {
			p.width = width
		}
	}
	return p
}

// fits says that the text fits into one line.
func (p *page) fits(text string) bool {
	return p.width == 0 || len(text) < p.width || uniseg.StringWidth(text) < p.width
}

// line prints head and text; what is broken off the text's first line goes on
// under its beginning. Its further lines, such as those of a file to be copied,
// stay as they are. What is from outside must have been made printable.
func (p *page) line(head, text string) {
	if first, rest, more := strings.Cut(text, "\n"); more {
		p.line(head, first)
		p.WriteString(strings.TrimSuffix(rest, "\n") + "\n")
		return
	}
	p.WriteString(head)
	if p.fits(head + text) {
		p.WriteString(text)
		p.WriteByte('\n')
		return
	}
	margin := uniseg.StringWidth(head)
	column := margin
	for i, word := range strings.Split(text, " ") {
		width := uniseg.StringWidth(word)
		switch {
		case i == 0:
		case column+1+width < p.width:
			p.WriteByte(' ')
			column++
		default:
			p.WriteByte('\n')
			p.WriteString(strings.Repeat(" ", margin))
			column = margin
		}
		p.WriteString(word)
		column += width
	}
	p.WriteByte('\n')
}

// sayLine prints one line as a page does.
func sayLine(w io.Writer, head, text string) {
	p := newPage(w)
	p.line(head, printable(text))
	p.Flush() //nolint:errcheck // no more is done about one of fmt.Fprintln
}
