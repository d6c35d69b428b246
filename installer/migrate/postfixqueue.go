package migrate

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
	"time"

	"mailcrane/queue/dsn"
)

// postfixQueue reads Postfix's queues, which have directories of one letter in
// them, where a message is one file of records (global/rec_type.h of its
// source). corrupt/ is left alone.
func postfixQueue(m *Machine, f *Found) {
	root := "/var/spool/postfix"
	if lines, err := m.settings("/etc/postfix/main.cf"); err == nil {
		p := &postfix{machine: m, found: f, file: "/etc/postfix/main.cf", set: mainCF("", strings.Split(string(lines), "\n"))}
		if dir, _ := p.get("queue_directory"); dir != "" {
			root = dir
		}
	}
	for _, queue := range []string{"maildrop", "hold", "incoming", "active", "deferred"} {
		q := &postfixDir{machine: m, found: f, unsent: queue == "maildrop"}
		if queue == "hold" {
			q.held = "Postfix was told to hold it"
		}
		q.read(path.Join(root, queue), 0)
	}
}

type postfixDir struct {
	machine *Machine
	found   *Found
	unsent  bool
	held    string
}

func (q *postfixDir) read(dir string, depth int) {
	for _, name := range q.machine.names(q.found, dir) {
		file := path.Join(dir, name)
		if len(name) == 1 && depth < 2 {
			q.read(file, depth+1)
			continue
		}
		l, err := q.machine.postfixLetter(file)
		switch {
		case errors.Is(err, errPostfixUnready):
			// Its sender is still writing it, or died; nothing was accepted.
			q.found.skip(file, err)
		case err != nil:
			q.found.skip(file, err)
		default:
			l.Held, l.Unsent = q.held, q.unsent
			q.found.add(l)
		}
	}
}

var (
	errPostfixForm    = errors.New("it is no queue file of Postfix, or was cut short")
	errPostfixUnready = errors.New("it was never finished by the program that wrote it")
)

// The types of records.
const (
	recTime    = 'T'
	recFrom    = 'S'
	recTo      = 'R'
	recAttr    = 'A'
	recMessage = 'M'
	recLine    = 'N'
	recPart    = 'L' // a line that goes on
	recGone    = 'w' // text that was taken out
	recPointer = 'p'
	recExtra   = 'X'
	recEnd     = 'E'
	recRet     = '<'
	recEnvID   = 'i'
	recORcpt   = 'o'
	recNotify  = 'n'
)

// The flags of a recipient's wishes (Postfix's dsn_mask.h).
const (
	postfixNever = 1 << iota
	postfixSuccess
	postfixFailure
	postfixDelay
)

func (m *Machine) postfixLetter(name string) (*Letter, error) {
	f, err := m.open(name, true)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, cause(err)
	case info.Size() > mostMessage:
		return nil, errTooLarge
	case runtime.GOOS != "windows" && info.Mode()&0o100 == 0:
		return nil, errPostfixUnready // the mark of a whole file
	}
	l := &Letter{File: name, Received: info.ModTime()}
	e := postfixEnvelope{letter: l}
	r := newRecords(f)
	for {
		kind, text, err := r.next()
		if err != nil {
			return nil, err
		}
		if done, err := e.record(kind, text); done || err != nil {
			if err == nil && !e.sender {
				err = errors.New("its envelope names no sender")
			}
			l.message = m.postfixMessage(name, e.start)
			return l, err
		}
		if kind == recMessage {
			e.start = r.at
		}
	}
}

// A postfixEnvelope takes in the records before and after the message.
type postfixEnvelope struct {
	letter *Letter
	sender bool
	start  int64 // of the message
	inside bool  // of it
	wishes Recipient
}

// record says whether that was the last one.
func (e *postfixEnvelope) record(kind byte, text []byte) (last bool, err error) {
	if e.inside {
		e.inside = kind != recExtra
		return false, nil
	}
	l, value := e.letter, string(text)
	switch kind {
	case recMessage:
		e.inside = true
	case recTime:
		if seconds, err := strconv.ParseInt(strings.Fields(value + " 0")[0], 10, 64); err == nil {
			l.Received = time.Unix(seconds, 0)
		}
	case recFrom:
		l.From, e.sender = value, true
	case recTo:
		e.wishes.Address = value
		l.To = append(l.To, e.wishes)
		e.wishes = Recipient{}
	case 'D', '/': // delivered, cancelled
		e.wishes = Recipient{}
	case recAttr:
		name, value, _ := strings.Cut(value, "=")
		e.attribute(name, value)
	case recRet:
		e.attribute("ret_flags", value)
	case recEnvID:
		e.attribute("dsn_envid", value)
	case recORcpt:
		e.attribute("dsn_orig_rcpt", value)
	case recNotify:
		e.attribute("notify_flags", value)
	case recEnd:
		return true, nil
	}
	return false, nil
}

func (e *postfixEnvelope) attribute(name, value string) {
	switch name {
	case "ret_flags":
		e.letter.Ret = map[string]string{"1": "FULL", "2": "HDRS"}[value]
	case "envelope_id", "dsn_envid":
		e.letter.EnvID = value
	case "dsn_orig_rcpt":
		// Postfix keeps what the xtext means, and encodes it when it sends.
		kind, address, _ := strings.Cut(value, ";")
		if strings.EqualFold(kind, "rfc822") {
			address = dsn.EncodeXtext(address)
		}
		e.wishes.ORcpt = kind + ";" + address
	case "notify_flags":
		n, err := strconv.Atoi(value)
		if err == nil {
			e.wishes.Notify = notify(n&postfixNever != 0, n&postfixSuccess != 0, n&postfixFailure != 0, n&postfixDelay != 0)
		}
	}
}

// postfixMessage reads the lines of the message from start on.
func (m *Machine) postfixMessage(name string, start int64) func() (*body, error) {
	return func() (*body, error) {
		f, err := m.open(name, true)
		if err != nil {
			return nil, err
		}
		r := newRecords(f)
		if err := r.seek(start); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return &body{&postfixLines{records: r}, f.Close}, nil
	}
}

type postfixLines struct {
	records *records
	rest    []byte
}

func (p *postfixLines) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		kind, text, err := p.records.next()
		switch {
		case err != nil:
			return 0, err
		case kind == recLine:
			text = append(text, '\n')
			p.rest = text
		case kind == recPart:
			p.rest = text
		case kind == recGone:
		case kind == recExtra:
			return 0, io.EOF
		default:
			return 0, fmt.Errorf("%w: a record %q in the message", errPostfixForm, kind)
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// records reads records: a type, a length in groups of seven bits, the octets.
type records struct {
	file  *os.File
	at    int64 // of the next record
	jumps int
	buf   []byte
	start int64 // of buf
}

// The bounds of a file: Postfix writes lines of 2048 octets at most, and a
// pointer for each field that a filter has changed.
const (
	mostRecord = 1 << 20
	mostJumps  = 10_000
)

func newRecords(f *os.File) *records { return &records{file: f} }

func (r *records) seek(at int64) error {
	if at < 0 {
		return errPostfixForm
	}
	r.at = at
	return nil
}

// octet is the one at r.at, which goes on.
func (r *records) octet() (byte, error) {
	if r.at < r.start || r.at >= r.start+int64(len(r.buf)) {
		buf := make([]byte, 8<<10)
		n, err := r.file.ReadAt(buf, r.at)
		if n == 0 {
			if err == nil || errors.Is(err, io.EOF) {
				err = errPostfixForm
			}
			return 0, err
		}
		r.buf, r.start = buf[:n], r.at
	}
	c := r.buf[r.at-r.start]
	r.at++
	return c, nil
}

// next follows pointers. A file that only points about is bounded by mostJumps.
func (r *records) next() (kind byte, text []byte, err error) {
	for {
		kind, text, err := r.one()
		if err != nil || kind != recPointer {
			return kind, text, err
		}
		to, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if r.jumps++; err != nil || to < 0 || r.jumps > mostJumps {
			return 0, nil, errPostfixForm
		}
		if to > 0 {
			r.at = to
		}
	}
}

func (r *records) one() (kind byte, text []byte, err error) {
	if kind, err = r.octet(); err != nil {
		return 0, nil, err
	}
	length := 0
	for shift := 0; ; shift += 7 {
		c, err := r.octet()
		if err != nil || shift > 21 {
			return 0, nil, errors.Join(errPostfixForm, err)
		}
		if length |= int(c&0x7f) << shift; c&0x80 == 0 {
			break
		}
	}
	if length > mostRecord {
		return 0, nil, errPostfixForm
	}
	text = make([]byte, length)
	if n, err := r.file.ReadAt(text, r.at); n < length {
		if errors.Is(err, io.EOF) {
			err = errPostfixForm
		}
		return 0, nil, err
	}
	r.at += int64(length)
	return kind, text, nil
}
