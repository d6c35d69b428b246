package migrate

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
)

// eximQueue reads Exim's spool, ID-H with envelope and header and ID-D with the
// body, in input/ or in its directories of one letter (the specification's
// chapter "Format of spool files").
func eximQueue(m *Machine, f *Found) {
	const input = "/var/spool/exim4/input"
	for _, name := range m.names(f, input) {
		if len(name) == 1 {
			for _, inner := range m.names(f, path.Join(input, name)) {
				m.eximFile(f, path.Join(input, name, inner))
			}
			continue
		}
		m.eximFile(f, path.Join(input, name))
	}
}

func (m *Machine) eximFile(f *Found, file string) {
	base, ok := strings.CutSuffix(file, "-H")
	if !ok {
		return
	}
	l, err := m.eximLetter(base)
	if err != nil {
		f.skip(file, err)
		return
	}
	f.add(l)
}

func (m *Machine) eximLetter(base string) (*Letter, error) {
	text, err := m.control(base + "-H")
	if err != nil {
		return nil, err
	}
	l, headers, done, err := eximHeaderFile(string(text))
	if err != nil {
		return nil, err
	}
	l.File = base + "-H"
	// The first line of the body's file is its name.
	first := int64(len(path.Base(base)) + len("-D\n"))
	if _, err := m.regular(base+"-D", true); err != nil {
		return nil, fmt.Errorf("its body: %w", err)
	}
	l.message = m.after(append(headers, '\n'), base+"-D", true, first)
	// The journal has who got it since the file was written.
	if journal, err := m.control(base + "-J"); err == nil {
		for line := range strings.Lines(string(journal)) {
			done[strings.ToLower(strings.TrimSpace(line))] = true
		}
	}
	var open []Recipient
	for _, to := range l.To {
		if !done[strings.ToLower(to.Address)] {
			open = append(open, to)
		}
	}
	l.To = open
	return l, nil
}

// An eximLines reads a header file line by line.
type eximLines struct {
	text string
	bad  bool
}

func (r *eximLines) next() string {
	line, rest, ok := strings.Cut(r.text, "\n")
	r.text, r.bad = rest, r.bad || !ok
	return line
}

var errEximForm = errors.New("it is no header file of Exim, or was cut short")

// eximHeaderFile takes ID-H apart; done are those who have got it.
func eximHeaderFile(text string) (l *Letter, headers []byte, done map[string]bool, err error) {
	r := &eximLines{text: text}
	if !strings.HasSuffix(r.next(), "-H") {
		return nil, nil, nil, errEximForm
	}
	r.next() // login, uid and gid of who handed it in
	from := r.next()
	seconds, _, _ := strings.Cut(r.next(), " ")
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || r.bad || len(from) < 2 || from[0] != '<' || from[len(from)-1] != '>' {
		return nil, nil, nil, errEximForm
	}
	l = &Letter{From: from[1 : len(from)-1], Received: time.Unix(at, 0)}
	line := r.next()
	for strings.HasPrefix(line, "-") {
		option, value, _ := strings.Cut(strings.TrimLeft(line, "-"), " ")
		switch option {
		case "frozen":
			l.Held = "Exim had frozen it"
		case "dsn_envid":
			l.EnvID = value
		case "dsn_ret":
			l.Ret = map[string]string{"1": "FULL", "2": "HDRS"}[value]
		case "spool_file_wireformat":
			return nil, nil, nil, errors.New("its body is in the form of the wire, which is not read")
		}
		line = r.next()
	}
	done = r.done(line)
	if err := r.recipients(l); err != nil {
		return nil, nil, nil, err
	}
	headers, err = r.headers()
	return l, headers, done, err
}

// done reads the tree of those who have got it: XX is none; each line of a
// node says by Y or N whether there is one to its left and to its right.
func (r *eximLines) done(line string) map[string]bool {
	done := make(map[string]bool)
	open := 1
	for ; !r.bad && line != "XX"; line = r.next() {
		if len(line) < 3 || line[2] != ' ' {
			r.bad = true
			break
		}
		done[strings.ToLower(line[3:])] = true
		open += strings.Count(line[:2], "Y") - 1
		if open == 0 {
			break
		}
	}
	return done
}

func (r *eximLines) recipients(l *Letter) error {
	n, err := strconv.Atoi(r.next())
	if err != nil || n < 0 || n > mostControl || r.bad {
		return errEximForm
	}
	for range n {
		line := r.next()
		if r.bad {
			return errEximForm
		}
		l.To = append(l.To, eximRecipient(line))
	}
	if r.next() != "" || r.bad {
		return errEximForm
	}
	return nil
}

// The flags of a recipient (Exim's macros.h, rf_…).
const (
	eximNever = 2 << iota
	eximSuccess
	eximFailure
	eximDelay
)

// eximRecipient reads "ADDRESS", or "ADDRESS ERRORSTO LENGTH,PARENT#1", or with
// DSN wishes "ADDRESS ORCPT LENGTH,FLAGS ERRORSTO LENGTH,PARENT#3", from its
// end.
func eximRecipient(line string) Recipient {
	hash := strings.LastIndexByte(line, '#')
	if hash < 0 {
		return Recipient{Address: line}
	}
	kind, err := strconv.Atoi(line[hash+1:])
	if err != nil || kind&^3 != 0 || kind == 0 {
		return Recipient{Address: line}
	}
	rest, _, _, ok := eximTail(line[:hash])
	if !ok {
		return Recipient{Address: line}
	}
	to := Recipient{Address: rest}
	if kind&2 != 0 {
		address, orcpt, flags, ok := eximTail(rest)
		if !ok {
			return to
		}
		to.Address, to.ORcpt = address, orcpt
		to.Notify = notify(flags&eximNever != 0, flags&eximSuccess != 0, flags&eximFailure != 0, flags&eximDelay != 0)
	}
	return to
}

// eximTail takes " TEXT LENGTH,NUMBER" off the end of a line, where LENGTH is
// that of TEXT.
func eximTail(line string) (rest, text string, number int, ok bool) {
	space := strings.LastIndexByte(line, ' ')
	if space < 0 {
		return "", "", 0, false
	}
	length, flags, _ := strings.Cut(line[space+1:], ",")
	n, err1 := strconv.Atoi(length)
	number, err2 := strconv.Atoi(flags)
	if err1 != nil || err2 != nil || n < 0 || n >= space {
		return "", "", 0, false
	}
	text = line[space-n : space]
	return strings.TrimSuffix(line[:space-n], " "), text, number, true
}

// headers reads "LENGTH" of three digits or more, a flag, a blank, and so many
// octets: a field with the flag * is not sent.
func (r *eximLines) headers() ([]byte, error) {
	var out []byte
	for r.text != "" {
		digits := 0
		for digits < len(r.text) && r.text[digits] >= '0' && r.text[digits] <= '9' {
			digits++
		}
		n, err := strconv.Atoi(r.text[:digits])
		start := digits + 2
		if err != nil || digits < 3 || n > mostControl || len(r.text) < start+n || r.text[digits+1] != ' ' {
			return nil, errEximForm
		}
		if r.text[digits] != '*' {
			out = append(out, r.text[start:start+n]...)
		}
		r.text = r.text[start+n:]
	}
	return out, nil
}
