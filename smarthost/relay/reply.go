package relay

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"mailcrane/internal/visible"
	"mailcrane/queue"
)

// The bounds of a reply. RFC 5321 section 4.5.3.1.5 allows 512 octets a line;
// real servers send more.
const (
	maxReplyLine  = 2048
	maxReplyLines = 200
	maxReplyText  = 1000 // octets of a reply that are kept for people to read
)

// A reply is what the server said, line by line, without code and line ends.
// The zero reply is "not answered yet".
type reply struct {
	code  int
	lines []string
}

func (r reply) answered() bool { return r.code != 0 }
func (r reply) ok() bool       { return r.code/100 == 2 }
func (r reply) refused() bool  { return r.answered() && !r.ok() }

// notSMTP is an answer that is not an SMTP reply.
type notSMTP struct{ line string }

func (e *notSMTP) Error() string {
	return fmt.Sprintf("the answer is not SMTP: %q", e.line)
}

var (
	errLongLine  = fmt.Errorf("the server sent a line of more than %d octets", maxReplyLine)
	errManyLines = fmt.Errorf("the server sent a reply of more than %d lines", maxReplyLines)
)

// readReply reads one reply (RFC 5321 section 4.2). A line may end in LF
// alone. r must hold at least maxReplyLine octets.
func readReply(r *bufio.Reader) (reply, error) {
	var whole reply
	for len(whole.lines) < maxReplyLines {
		line, err := readLine(r)
		if err != nil {
			return reply{}, err
		}
		code, text, more, ok := splitLine(line)
		if !ok || whole.answered() && code != whole.code {
			return reply{}, &notSMTP{clean(line)}
		}
		whole.code = code
		whole.lines = append(whole.lines, text)
		if !more {
			return whole, nil
		}
	}
	return reply{}, errManyLines
}

// readLine is the next line without its end.
func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull) || len(line) > maxReplyLine:
		return "", errLongLine
	case errors.Is(err, io.EOF) && len(line) > 0:
		return "", io.ErrUnexpectedEOF
	case err != nil:
		return "", err
	}
	return strings.TrimSuffix(string(line[:len(line)-1]), "\r"), nil
}

// splitLine takes "250-text", "250 text" or "250" apart.
func splitLine(line string) (code int, text string, more, ok bool) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || !digit(line[1]) || !digit(line[2]) {
		return 0, "", false, false
	}
	code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	if len(line) == 3 {
		return code, "", false, true
	}
	switch line[3] {
	case ' ', '-':
		return code, line[4:], line[3] == '-', true
	}
	return 0, "", false, false
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// said is the reply as the queue keeps it: one line that is safe to show.
func (r reply) said() queue.Reply {
	whole := queue.Reply{Code: r.code}
	var texts []string
	for i, line := range r.lines {
		enhanced, text := splitEnhanced(r.code, line)
		if i == 0 {
			whole.Enhanced = enhanced
		} else if enhanced != whole.Enhanced {
			text = line
		}
		if text = clean(text); text != "" {
			texts = append(texts, text)
		}
	}
	whole.Text = visible.Line(strings.Join(texts, " "), maxReplyText)
	return whole
}

func (r reply) String() string { return r.said().String() }

// splitEnhanced takes the enhanced status code (RFC 2034) off a line: class
// "." subject "." detail, of which the class must be that of the reply code.
func splitEnhanced(code int, line string) (enhanced, text string) {
	word, rest, _ := strings.Cut(line, " ")
	parts := strings.Split(word, ".")
	if len(parts) != 3 || len(parts[0]) != 1 || int(parts[0][0]-'0') != code/100 {
		return "", line
	}
	for _, part := range parts[1:] {
		if len(part) < 1 || len(part) > 3 || strings.Trim(part, "0123456789") != "" {
			return "", line
		}
	}
	return word, rest
}

// clean is a server's word, fit for a line.
func clean(text string) string { return visible.Line(strings.TrimSpace(text), maxReplyText) }
