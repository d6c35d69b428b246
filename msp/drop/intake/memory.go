package intake

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"mailcrane/msp/drop"
	"mailcrane/queue"
)

// A Memory knows which submissions were taken in, so that one that is handed
// in twice, since its program never heard the answer, is queued once. It is kept
// in a file of the spool, written after the message is durable and before its
// program is told; a crash in between is made good by the messages themselves.
type Memory struct {
	submit Submit
	spool  Spool
	path   string
	log    *slog.Logger

	mu    sync.Mutex
	known map[string]queue.ID
	under map[string]chan struct{} // closed when a submission is settled
	file  *os.File
	size  int64
}

// A Spool tells by its messages which submissions were taken in since then
// (queue.Spool).
type Spool interface {
	Dir() string
	Submissions(since time.Time, f func(owner, submission string, id queue.ID)) error
}

// recent is how much earlier than the last submission of the file the messages
// are looked at: what was written to the file in the last minutes may be lost in
// a power cut, and what was queued is not.
const recent = time.Hour

// maxMemory bounds the file, in octets; the one before it is kept too. A line
// is that of one submission: some twenty thousand are known.
const maxMemory = 1 << 20

// Remember is a Memory over submit, in the directory of the spool, which must
// exist. No message may be taken in, or leave, before it returns.
func Remember(spool Spool, submit Submit, log *slog.Logger) (*Memory, error) {
	m := &Memory{
		submit: submit, spool: spool, path: filepath.Join(spool.Dir(), "submissions"), log: log,
		known: make(map[string]queue.ID), under: make(map[string]chan struct{}),
	}
	m.load(m.path + ".1")
	m.size = m.load(m.path)
	if err := m.open(); err != nil {
		return nil, err
	}
	return m, m.catchUp()
}

func (m *Memory) open() (err error) {
	m.file, err = os.OpenFile(m.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err == nil && m.size > 0 {
		// The last line may have been cut off; the next one begins on its own.
		_, err = m.file.WriteString("\n")
		m.size++
	}
	return err
}

// catchUp notes what was queued in the moment before a crash, and is in the
// spool and not in the file.
func (m *Memory) catchUp() error {
	var last time.Time
	for _, id := range m.known {
		if at := id.Received(); at.After(last) {
			last = at
		}
	}
	if !last.IsZero() {
		last = last.Add(-recent)
	}
	return m.spool.Submissions(last, func(owner, submission string, id queue.ID) {
		key := owner + " " + submission
		if _, known := m.known[key]; !known {
			m.note(key, id)
		}
	})
}

// Close lets go of the file.
func (m *Memory) Close() error { return m.file.Close() }

// load takes in the lines "UID SUBMISSION ID" of a file; one that was cut off in
// a power cut is passed over.
func (m *Memory) load(path string) int64 {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 2*maxMemory))
	if err != nil {
		m.log.Error("the submissions that were taken in lately cannot be read", "file", path, "err", err)
	}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) != 3 || !drop.ID(words[1]).Valid() {
			continue
		}
		if id, err := queue.ParseID(words[2]); err == nil {
			m.known[words[0]+" "+words[1]] = id
		}
	}
	return int64(len(text))
}

// Submit takes a message in unless the same submission of the same user was
// taken in before, whose ID is then returned again.
func (m *Memory) Submit(ctx context.Context, e *queue.Envelope, message io.Reader) (queue.ID, error) {
	if e.Submission == "" {
		return m.submit(ctx, e, message)
	}
	key := e.Owner + " " + e.Submission
	id, settle, err := m.begin(ctx, key)
	if err != nil {
		return "", err
	}
	if settle == nil {
		m.log.Info("a message was handed in again that is queued already", "id", id, "uid", e.Owner)
		_, err := io.Copy(io.Discard, message)
		return id, err
	}
	defer settle()
	if id, err = m.submit(ctx, e, message); err == nil {
		m.note(key, id)
	}
	return id, err
}

// begin returns the ID of a submission that is known, or a function to call
// when it is settled. It waits for the same submission on another connection.
func (m *Memory) begin(ctx context.Context, key string) (queue.ID, func(), error) {
	for {
		m.mu.Lock()
		id, known := m.known[key]
		other := m.under[key]
		if !known && other == nil {
			mine := make(chan struct{})
			m.under[key] = mine
			m.mu.Unlock()
			return "", func() { m.settled(key, mine) }, nil
		}
		m.mu.Unlock()
		if known {
			return id, nil, nil
		}
		select {
		case <-other:
		case <-ctx.Done():
			return "", nil, ctx.Err()
		}
	}
}

func (m *Memory) settled(key string, mine chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.under, key)
	close(mine)
}

// note writes a submission down. A disk that does not take it is no reason to
// refuse a message that is safe: at the worst it is queued twice, unchanged.
func (m *Memory) note(key string, id queue.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known[key] = id
	n, err := fmt.Fprintf(m.file, "%s %s\n", key, id)
	if m.size += int64(n); err == nil && m.size >= maxMemory {
		err = m.turnOver()
	}
	if err != nil {
		m.log.Error("a submission could not be written down, by which it would be known again", "id", id, "err", err)
	}
}

// turnOver begins a new file and forgets what stands in neither of two.
func (m *Memory) turnOver() error {
	if err := os.Rename(m.path, m.path+".1"); err != nil {
		return err
	}
	m.file.Close()
	clear(m.known)
	m.load(m.path + ".1")
	m.size = 0
	return m.open()
}
