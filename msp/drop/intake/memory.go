package intake

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"mailcrane/queue"
)

// A Memory knows which submissions were taken in, so that one that is handed
// in twice, since its program never heard the answer, is queued once. It is kept
// in a file of the spool, written after the message is durable and before its
// program is told.
type Memory struct {
	submit Submit
	path   string
	log    *slog.Logger

	mu    sync.Mutex
	known map[string]queue.ID
	under map[string]chan struct{} // closed when a submission is settled
	file  *os.File
	size  int64
}

// maxMemory bounds the file, in octets; the one before it is kept too. A line
// is that of one submission: some twenty thousand are known.
const maxMemory = 1 << 20

// Remember is a Memory over submit, in the directory of the spool, which must
// exist.
func Remember(spool string, submit Submit, log *slog.Logger) (*Memory, error) {
	m := &Memory{
		submit: submit, path: filepath.Join(spool, "submissions"), log: log,
		known: make(map[string]queue.ID), under: make(map[string]chan struct{}),
	}
	m.load(m.path + ".1")
	m.size = m.load(m.path)
	return m, m.open()
}

func (m *Memory) open() (err error) {
	m.file, err = os.OpenFile(m.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	return err
}

// Close lets go of the file.
func (m *Memory) Close() error { return m.file.Close() }

// load takes in the lines "UID SUBMISSION ID" of a file; one that was cut off in
// a power cut is passed over.
func (m *Memory) load(path string) (size int64) {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, 2*maxMemory))
	for lines.Scan() {
		size += int64(len(lines.Bytes())) + 1
		words := strings.Fields(lines.Text())
		if len(words) != 3 {
			continue
		}
		if id, err := queue.ParseID(words[2]); err == nil {
			m.known[words[0]+" "+words[1]] = id
		}
	}
	return size
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
