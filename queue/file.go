package queue

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// The envelope block at the head of a message's file: lines of a keyword and
// its value, ended by an empty line. The first line is no header field, so
// that no mail indexer takes the file for a message (docs/spool.md).
const (
	formatLine = "mailcrane-spool 1"
	// maxEnvelopeLine bounds a line: a path of 320 octets with its DSN
	// parameters (RFC 3461 section 4.2 allows an ORCPT of 500).
	maxEnvelopeLine = 4096
	// MaxRecipients bounds the recipients of one message.
	MaxRecipients = 100_000
)

// AppendEnvelope appends the block that ReadEnvelope reads.
func AppendEnvelope(b []byte, e *Envelope) []byte { return appendEnvelope(b, e) }

// ReadEnvelope reads an envelope from the head of r, and nothing behind it.
// What it holds is bounded and checked. The buffer of r has 4096 octets at least.
func ReadEnvelope(r *bufio.Reader) (*Envelope, error) {
	e, _, err := readEnvelope(r)
	return e, err
}

func appendEnvelope(b []byte, e *Envelope) []byte {
	b = append(b, formatLine...)
	b = e.Received.UTC().AppendFormat(append(b, "\nreceived "...), time.RFC3339Nano)
	b = append(append(append(b, "\nfrom <"...), e.From...), '>')
	line := func(keyword, value string) {
		if value != "" {
			b = append(append(append(append(b, '\n'), keyword...), ' '), value...)
		}
	}
	line("ret", e.Ret)
	line("envid", e.EnvID)
	line("account", e.Account)
	line("by", e.Submitter)
	line("owner", e.Owner)
	line("submission", e.Submission)
	if !e.NotBefore.IsZero() {
		b = e.NotBefore.UTC().AppendFormat(append(b, "\nnotbefore "...), time.RFC3339)
	}
	if e.UTF8 {
		b = append(b, "\nutf8"...)
	}
	if e.DoubleBounce {
		b = append(b, "\ndoublebounce"...)
	}
	for _, to := range e.To {
		b = append(append(append(b, "\nto <"...), to.Address...), '>')
		if to.Notify != "" {
			b = append(append(b, " NOTIFY="...), to.Notify...)
		}
		if to.ORcpt != "" {
			b = append(append(b, " ORCPT="...), to.ORcpt...)
		}
		if to.Target != "" {
			b = append(append(b, " TARGET="...), url.PathEscape(to.Target)...)
		}
	}
	return append(b, "\n\n"...)
}

// check refuses what the envelope block could not hold, so that nothing from
// outside can write a line of its own into it.
func (e *Envelope) check() error {
	if len(e.To) == 0 {
		return errors.New("the envelope has no recipient")
	}
	if len(e.To) > MaxRecipients {
		return fmt.Errorf("the envelope has %d recipients; %d is the most", len(e.To), MaxRecipients)
	}
	for _, v := range [...]struct{ what, value string }{
		{"RET", e.Ret}, {"ENVID", e.EnvID}, {"account", e.Account}, {"submitter", e.Submitter}, {"owner", e.Owner}, {"submission", e.Submission},
	} {
		if err := checkValue(v.what, v.value); err != nil {
			return err
		}
	}
	if err := checkPath("reverse-path", e.From); err != nil {
		return err
	}
	for _, to := range e.To {
		if to.Address == "" {
			return errors.New("a recipient is empty")
		}
		if err := checkPath("recipient", to.Address); err != nil {
			return err
		}
		if err := checkValue("target", to.Target); err != nil {
			return err
		}
		for _, v := range [...]struct{ what, value string }{{"NOTIFY", to.Notify}, {"ORCPT", to.ORcpt}} {
			if err := checkValue(v.what, v.value); err != nil {
				return err
			}
			if strings.ContainsRune(v.value, ' ') {
				return fmt.Errorf("the %s %q has a space in it", v.what, v.value)
			}
		}
	}
	return nil
}

// checkPath refuses a path that would not be read back as it was written.
func checkPath(what, path string) error {
	if err := checkValue(what, path); err != nil {
		return err
	}
	if back, rest, err := parsePath("<" + path + ">"); err != nil || rest != "" || back != path {
		return fmt.Errorf("the %s %q has a stray quote or angle bracket", what, path)
	}
	return nil
}

func checkValue(what, value string) error {
	if len(value) > maxEnvelopeLine/4 {
		return fmt.Errorf("the %s is longer than %d octets", what, maxEnvelopeLine/4)
	}
	if !utf8.ValidString(value) {
		return fmt.Errorf("the %s %q is not UTF-8", what, value)
	}
	for i := range len(value) {
		if value[i] < ' ' || value[i] == 0x7f {
			return fmt.Errorf("the %s %q has a control character in it", what, value)
		}
	}
	return nil
}

// readEnvelope reads the block at the head of r and says how many octets it
// takes; the message begins behind it.
func readEnvelope(r io.Reader) (*Envelope, int64, error) {
	lines := bufio.NewReaderSize(r, maxEnvelopeLine)
	var length int64
	e, err := parseEnvelope(func() (string, error) {
		line, err := lines.ReadSlice('\n')
		length += int64(len(line))
		if err != nil {
			return "", fmt.Errorf("the envelope ends early: %w", err)
		}
		return string(line[:len(line)-1]), nil
	})
	return e, length, err
}

// errCut says that an envelope goes on behind what was read of it.
var errCut = errors.New("the envelope is longer than that")

// cutEnvelope reads the envelope at the head of text, the beginning of a file.
func cutEnvelope(text string) (*Envelope, error) {
	return parseEnvelope(func() (string, error) {
		line, rest, ok := strings.Cut(text, "\n")
		if !ok || len(line) >= maxEnvelopeLine {
			return "", errCut
		}
		text = rest
		return line, nil
	})
}

// parseEnvelope reads an envelope of which next gives each line.
func parseEnvelope(next func() (string, error)) (*Envelope, error) {
	first, err := next()
	if err != nil {
		return nil, err
	}
	if first != formatLine {
		return nil, fmt.Errorf("the file begins with %.40q, not with %q", first, formatLine)
	}
	e := &Envelope{}
	for {
		line, err := next()
		if err != nil {
			return nil, err
		}
		if line == "" {
			return e, e.check()
		}
		if err := e.parseLine(line); err != nil {
			return nil, err
		}
	}
}

func (e *Envelope) parseLine(line string) error {
	keyword, value, _ := strings.Cut(line, " ")
	var err error
	switch keyword {
	case "received":
		e.Received, err = time.Parse(time.RFC3339Nano, value)
	case "from":
		var rest string
		e.From, rest, err = parsePath(value)
		if err == nil && rest != "" {
			err = fmt.Errorf("has %q behind the path", rest)
		}
	case "to":
		if len(e.To) == MaxRecipients {
			return fmt.Errorf("more than %d recipients", MaxRecipients)
		}
		var to Recipient
		to, err = parseRecipient(value)
		e.To = append(e.To, to)
	case "ret":
		e.Ret = value
	case "envid":
		e.EnvID = value
	case "account":
		e.Account = value
	case "by":
		e.Submitter = value
	case "owner":
		e.Owner = value
	case "submission":
		e.Submission = value
	case "notbefore":
		e.NotBefore, err = time.Parse(time.RFC3339, value)
	case "utf8":
		e.UTF8 = true
	case "doublebounce":
		e.DoubleBounce = true
	default:
		err = errors.New("is unknown")
	}
	if err != nil {
		return fmt.Errorf("envelope line %.80q: %w", line, err)
	}
	return nil
}

func parseRecipient(value string) (Recipient, error) {
	address, rest, err := parsePath(value)
	if err != nil {
		return Recipient{}, err
	}
	to := Recipient{Address: address}
	// Not FieldsSeq: an ORCPT in UTF-8 (RFC 6533) may hold other white space.
	for word := range strings.SplitSeq(rest, " ") {
		if word == "" {
			continue
		}
		key, parameter, _ := strings.Cut(word, "=")
		switch key {
		case "NOTIFY":
			to.Notify = parameter
		case "ORCPT":
			to.ORcpt = parameter
		case "TARGET":
			if to.Target, err = url.PathUnescape(parameter); err != nil {
				return Recipient{}, fmt.Errorf("parameter %q: %w", key, err)
			}
		default:
			return Recipient{}, fmt.Errorf("parameter %q is unknown", key)
		}
	}
	return to, nil
}

// parsePath reads "<path> rest". A quoted local part may hold a ">" (RFC 5321
// section 4.1.2), so quotes are followed.
func parsePath(value string) (path, rest string, err error) {
	if !strings.HasPrefix(value, "<") {
		return "", "", errors.New("a path does not begin with <")
	}
	quoted := false
	for i := 1; i < len(value); i++ {
		switch {
		case value[i] == '\\' && quoted:
			i++
		case value[i] == '"':
			quoted = !quoted
		case value[i] == '>' && !quoted:
			return value[1:i], strings.TrimPrefix(value[i+1:], " "), nil
		}
	}
	return "", "", errors.New("a path does not end with >")
}
