package recode

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A rewriter is the second reading. Its writer keeps the first error, which
// the caller finds in Flush.
type rewriter struct {
	in   *scanner
	out  *bufio.Writer
	need Need
}

// message writes the message; parts are those that change, in order.
func (r *rewriter) message(parts []part) error {
	for i := range parts {
		p := &parts[i]
		if err := r.copyTo(p.head); err != nil {
			return err
		}
		if p.rewritesHead() {
			if err := r.header(p); err != nil {
				return err
			}
		}
		if p.form == asIs {
			continue
		}
		if err := r.copyTo(p.body); err != nil {
			return err
		}
		if err := r.body(p); err != nil {
			return err
		}
	}
	return r.copyTo(-1)
}

// next reads a piece; false is the end of the message.
func (r *rewriter) next() (bool, error) {
	ok, err := r.in.next()
	if err != nil {
		return false, fmt.Errorf("reading the message again: %w", err)
	}
	return ok, nil
}

// copyTo copies octets as they are, line ends as CRLF, up to an offset that a
// line begins at; -1 is the end.
func (r *rewriter) copyTo(offset int64) error {
	for r.in.pos != offset {
		ok, err := r.next()
		if err != nil {
			return err
		}
		if !ok {
			if offset < 0 {
				return nil
			}
			return fmt.Errorf("the message became shorter while it was read: %w", io.ErrUnexpectedEOF)
		}
		r.out.Write(r.in.text)
		if r.in.end != open {
			r.out.WriteString("\r\n")
		}
	}
	return nil
}

// header rewrites the fields that change; new ones come behind the others.
func (r *rewriter) header(p *part) error {
	var head []byte
	blankLine := false
	for r.in.pos < p.body {
		ok, err := r.next()
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("the message became shorter while it was read: %w", io.ErrUnexpectedEOF)
		}
		blankLine = len(r.in.text) == 0
		if blankLine {
			break
		}
		head = append(head, r.in.text...)
		if r.in.end != open {
			head = append(head, '\n')
		}
	}
	labelled := false
	for f := range fields(head) {
		switch {
		case f.name == "content-transfer-encoding" && p.newLabel != "":
			labelled = true
			r.field(fmt.Appendf(nil, "%s %s\n", f.title, p.newLabel))
		case p.convertFields && measure(f.raw).unfit(r.need):
			b, err := convertField(f, r.need)
			if err != nil {
				return err
			}
			r.field(b)
		default:
			r.field(f.raw)
		}
	}
	if p.addVersion {
		r.out.WriteString("MIME-Version: 1.0\r\n")
	}
	if p.charset != "" {
		r.out.WriteString("Content-Type: text/plain; charset=" + p.charset + "\r\n")
	}
	if p.newLabel != "" && !labelled {
		r.out.WriteString("Content-Transfer-Encoding: " + p.newLabel + "\r\n")
	}
	if blankLine {
		r.out.WriteString("\r\n")
	}
	return nil
}

func (r *rewriter) field(b []byte) {
	for line := range strings.Lines(string(b)) {
		text, ended := strings.CutSuffix(line, "\n")
		r.out.WriteString(text)
		if ended {
			r.out.WriteString("\r\n")
		}
	}
}

// An encoder writes a body in another form.
type encoder interface {
	// text takes a piece of a line.
	text(b []byte) error
	// lineEnd takes the line end behind it, which belongs to the content.
	lineEnd(e lineEnd) error
	// close writes what is left, without a line end behind it.
	close() error
}

func (r *rewriter) encoder(f form) encoder {
	switch f {
	case toQuoted:
		return &quotedEncoder{quotedLine: newQuotedLine(r.out), first: true}
	case rewrapQuoted:
		return &quotedWrapper{quotedLine: newQuotedLine(r.out)}
	case rewrapBase64:
		return &base64Wrapper{out: r.out}
	}
	return newBase64Encoder(r.out, f == toBase64Exact)
}

// body writes a body in its new form, and the line end behind it.
func (r *rewriter) body(p *part) error {
	enc := r.encoder(p.form)
	end := open
	for r.in.pos < p.end {
		ok, err := r.next()
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("the message became shorter while it was read: %w", io.ErrUnexpectedEOF)
		}
		if err := enc.text(r.in.text); err != nil {
			return err
		}
		if r.in.textEnd() == p.end {
			end = r.in.end // it belongs to the boundary line behind it
			break
		}
		if err := enc.lineEnd(r.in.end); err != nil {
			return err
		}
	}
	if err := enc.close(); err != nil {
		return err
	}
	if end != open || p.form.base64() && r.atEnd() {
		r.out.WriteString("\r\n")
	}
	return nil
}

// atEnd says that nothing more comes.
func (r *rewriter) atEnd() bool {
	_, err := r.in.r.Peek(1)
	return errors.Is(err, io.EOF)
}
