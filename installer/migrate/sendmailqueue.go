package migrate

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"mailcrane/internal/address"
)

// sendmailQueue reads sendmail's queues: qfID has envelope and header, dfID the
// body; hfID is quarantined. A queue may be divided into qf/ and df/, and into
// several directories.
func sendmailQueue(m *Machine, f *Found) {
	for _, dir := range []string{"/var/spool/mqueue-client", "/var/spool/mqueue"} {
		q := &mqueue{machine: m, found: f}
		names := m.names(f, dir)
		q.read(dir, dir, names)
		for _, name := range names {
			inner := path.Join(dir, name)
			switch {
			case name == "qf":
				q.read(inner, path.Join(dir, "df"), m.names(f, inner))
			case strings.HasPrefix(name, "q") && m.exists(path.Join(inner, "qf")):
				q.read(path.Join(inner, "qf"), path.Join(inner, "df"), m.names(f, path.Join(inner, "qf")))
			}
		}
	}
}

type mqueue struct {
	machine *Machine
	found   *Found
}

// read takes the control files; names shorter than an ID are directories.
func (q *mqueue) read(dir, bodies string, names []string) {
	for _, name := range names {
		kind, id := name[:min(2, len(name))], name[min(2, len(name)):]
		if kind != "qf" && kind != "hf" || len(id) < 6 {
			continue
		}
		file := path.Join(dir, name)
		l, err := q.machine.sendmailLetter(file, path.Join(bodies, "df"+id))
		if err != nil {
			q.found.skip(file, err)
			continue
		}
		if kind == "hf" && l.Held == "" {
			l.Held = "sendmail had quarantined it"
		}
		q.found.add(l)
	}
}

func (m *Machine) sendmailLetter(file, data string) (*Letter, error) {
	text, err := m.control(file)
	if err != nil {
		return nil, err
	}
	if _, err := m.regular(data, true); err != nil {
		return nil, fmt.Errorf("its body, %s: %w", data, err)
	}
	q := &qf{letter: &Letter{File: file}}
	if err := q.read(string(text)); err != nil {
		return nil, err
	}
	q.letter.message = m.after(append(q.header, '\n'), data, true, 0)
	return q.letter, nil
}

// A qf reads a control file: a letter and its value on each line, a line that
// begins with white space going on with the one before (op.me, "Queue file
// format").
type qf struct {
	letter  *Letter
	header  []byte
	orcpt   string
	keepBcc bool
	whole   bool
}

func (q *qf) read(text string) error {
	q.keepBcc = true
	var line string
	for next := range strings.Lines(text) {
		if !strings.HasSuffix(next, "\n") {
			break // sendmail ends each line: this one was cut
		}
		if next[0] == ' ' || next[0] == '\t' {
			line += next
			continue
		}
		if err := q.line(line); err != nil {
			return err
		}
		line = next
	}
	if err := q.line(line); err != nil {
		return err
	}
	if !q.whole {
		return errors.New("its envelope was cut short")
	}
	return nil
}

func (q *qf) line(line string) error {
	if line == "" || q.whole {
		return nil
	}
	l, value := q.letter, strings.TrimSuffix(line[1:], "\n")
	switch line[0] {
	case 'V':
		if n, err := strconv.Atoi(value); err != nil || n < 4 || n > 9 {
			return fmt.Errorf("it is of version %q, and 4 to 9 are read", value)
		}
	case 'T':
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return errors.New("its time is no number")
		}
		l.Received = time.Unix(seconds, 0)
	case 'S':
		l.From = address.Unbracketed(value)
	case 'Z':
		l.EnvID = value
	case 'q':
		l.Held = "sendmail had quarantined it"
	case 'F':
		q.flags(value)
	case 'Q':
		q.orcpt = value
	case 'R':
		q.recipient(value)
	case 'H':
		q.field(value)
	case '.':
		q.whole = true
	}
	return nil
}

// flags: d, RET was given; n, it was HDRS; b, Bcc is not to be sent.
func (q *qf) flags(text string) {
	q.keepBcc = !strings.Contains(text, "b")
	switch {
	case strings.Contains(text, "n"):
		q.letter.Ret = "HDRS"
	case strings.Contains(text, "d"):
		q.letter.Ret = "FULL"
	}
}

// recipient is FLAGS:ADDRESS, of which N says that S, F and D are NOTIFY.
func (q *qf) recipient(text string) {
	flags, name, ok := strings.Cut(text, ":")
	if !ok || strings.ContainsAny(flags, "@<\"") {
		flags, name = "", text
	}
	to := Recipient{Address: address.Unbracketed(name)}
	if strings.Contains(flags, "N") {
		has := func(flag string) bool { return strings.Contains(flags, flag) }
		to.Notify = notify(!has("S") && !has("F") && !has("D"), has("S"), has("F"), has("D"))
	}
	to.ORcpt, q.orcpt = q.orcpt, ""
	q.letter.To = append(q.letter.To, to)
}

// field is ?FLAGS?FIELD: it goes to mailers with one of the flags. Those of
// SMTP have D, F and M; Return-Path, flag P, is for mailboxes.
func (q *qf) field(text string) {
	if rest, ok := strings.CutPrefix(text, "?"); ok {
		flags, field, ok := strings.Cut(rest, "?")
		if !ok || flags != "" && !strings.ContainsAny(flags, "DFM") {
			return
		}
		text = field
	}
	if name, _, _ := strings.Cut(text, ":"); !q.keepBcc && strings.EqualFold(strings.TrimSpace(name), "Bcc") {
		return
	}
	q.header = append(append(q.header, text...), '\n')
}
