package migrate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"mailcrane/internal/address"
	"mailcrane/internal/visible"
	"mailcrane/queue"
)

// A body is a message's octets, and what is open for them.
type body struct {
	io.Reader
	close func() error
}

func (b *body) Close() error {
	if b.close == nil {
		return nil
	}
	return b.close()
}

// Open is the message as its program would send it. What ends early, or is
// larger than any message should be, is an error while it is read.
func (l *Letter) Open() (io.ReadCloser, error) {
	b, err := l.message()
	if err != nil {
		return nil, err
	}
	b.Reader = &bounded{from: b.Reader, left: mostMessage}
	return b, nil
}

// A bounded reader fails where more comes than a message may have: a part of
// one must not pass for the whole.
type bounded struct {
	from io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("%w: more than %d octets", errTooLarge, int64(mostMessage))
	}
	return n, err
}

// fileFrom opens the message in a file of a queue, from an octet on.
func (m *Machine) fileFrom(name string, single bool, at int64) func() (*body, error) {
	return func() (*body, error) {
		f, err := m.open(name, single)
		if err != nil {
			return nil, err
		}
		if _, err := f.Seek(at, io.SeekStart); err != nil {
			return nil, errors.Join(cause(err), f.Close())
		}
		return &body{f, f.Close}, nil
	}
}

// after is a message of a header in memory and a body in a file.
func (m *Machine) after(header []byte, name string, single bool, at int64) func() (*body, error) {
	file := m.fileFrom(name, single, at)
	return func() (*body, error) {
		b, err := file()
		if err == nil {
			b.Reader = io.MultiReader(bytes.NewReader(header), b.Reader)
		}
		return b, err
	}
}

// regular says when a file of a queue was last written to, or why it is none.
func (m *Machine) regular(name string, single bool) (time.Time, error) {
	f, err := m.open(name, single)
	if err != nil {
		return time.Time{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return time.Time{}, cause(err)
	}
	if info.Size() > mostMessage {
		return time.Time{}, fmt.Errorf("%w: %d octets", errTooLarge, info.Size())
	}
	return info.ModTime(), nil
}

// skip names a message that stays where it is.
func (f *Found) skip(file string, err error) {
	f.leave(file, "it stays in the old queue: look at it there", "the message is not taken over: %s", visible.Line(err.Error(), 300))
}

// add takes a letter that has someone to go to.
func (f *Found) add(l *Letter) {
	if len(l.To) == 0 {
		f.skip(l.File, errors.New("nobody is left to send it to"))
		return
	}
	if len(l.To) > queue.MaxRecipients {
		f.skip(l.File, fmt.Errorf("it has %d recipients; %d is the most", len(l.To), queue.MaxRecipients))
		return
	}
	f.Queue = append(f.Queue, l)
}

// Envelope is that of the letter. own is where mail to a name without a domain
// goes, and who sends what comes from one: this machine has no mailboxes.
func (l *Letter) Envelope(own string) (*queue.Envelope, error) {
	from, err := l.path(l.From, own)
	if err != nil {
		return nil, fmt.Errorf("its sender: %w", err)
	}
	e := &queue.Envelope{From: from, Ret: l.Ret, EnvID: l.EnvID, UTF8: address.NeedsUTF8(from)}
	seen := make(map[string]bool)
	for _, to := range l.To {
		if to.Address == "" {
			return nil, errors.New("a recipient is empty")
		}
		final, err := l.path(to.Address, own)
		if err != nil {
			return nil, fmt.Errorf("a recipient: %w", err)
		}
		if key := address.Key(final); !seen[key] {
			seen[key] = true
			e.To = append(e.To, queue.Recipient{Address: final, Notify: to.Notify, ORcpt: to.ORcpt})
			e.UTF8 = e.UTF8 || address.NeedsUTF8(final)
		}
	}
	return e, nil
}

func (l *Letter) path(text, own string) (string, error) {
	if text == "" {
		return "", nil
	}
	if local, domain := address.Split(text); domain == "" || strings.EqualFold(domain, "localhost") {
		if own == "" {
			return "", fmt.Errorf("%s is a user of this machine, and no account says which address that is", address.Shown(local))
		}
		return own, nil
	}
	if err := address.Valid(text); err != nil {
		return "", fmt.Errorf("%s: %w", address.Shown(text), err)
	}
	return text, nil
}

// notify is a NOTIFY parameter in RFC 3461's words and order, of which any may
// be.
func notify(never, success, failure, delay bool) string {
	if never {
		return "NEVER"
	}
	var words []string
	for _, w := range [...]struct {
		on   bool
		word string
	}{{success, "SUCCESS"}, {failure, "FAILURE"}, {delay, "DELAY"}} {
		if w.on {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, ",")
}

// exists says that a file of a queue is there.
func (m *Machine) exists(name string) bool {
	_, err := m.lstat(name)
	return err == nil
}
