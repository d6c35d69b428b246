package migrate

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"mailcrane/internal/visible"
	"mailcrane/queue"
)

// A Ledger remembers which messages of other queues were taken, so that none is
// queued twice: a line for each, in the file "imported" of the spool, by a
// digest of its envelope and its octets.
//
// A message is put into the spool held, with the digest in its envelope; only
// when it stands in the ledger, synced, may it be released. So whatever stops
// the machine in between, the next import finds the message in one or the
// other.
type Ledger struct {
	spool *queue.Spool
	file  *os.File
	lock  *flock.Flock
	taken map[string]queue.ID
}

const (
	ledgerName  = "imported"
	mostLedger  = 64 << 20
	digestWidth = 32 // hex digits: 128 bits tell messages apart
	digestMark  = "digest "
)

// OpenLedger opens that of the spool, and makes it if it is missing. Another
// import that is under way is waited for. Close it.
func OpenLedger(ctx context.Context, spool *queue.Spool) (*Ledger, error) {
	if err := spool.Prepare(); err != nil {
		return nil, err
	}
	path := filepath.Join(spool.Dir(), ledgerName)
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 50*time.Millisecond); err != nil {
		return nil, fmt.Errorf("another import is under way: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND|nonblock, 0o600)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	l := &Ledger{spool: spool, file: f, lock: lock, taken: make(map[string]queue.ID)}
	if err := l.read(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Close lets another import begin.
func (l *Ledger) Close() error { return errors.Join(l.file.Close(), l.lock.Close()) }

// read takes in the file, and the messages that a crash kept out of it.
func (l *Ledger) read() error {
	lines := bufio.NewScanner(io.LimitReader(l.file, mostLedger))
	for lines.Scan() {
		if words := strings.Fields(lines.Text()); len(words) > 1 && len(words[0]) == digestWidth {
			l.taken[words[0]] = queue.ID(words[1])
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	names, err := l.spool.Sorted()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		e, ok := l.spool.Entry(name)
		if !ok || e.Envelope == nil {
			continue
		}
		_, digest, found := strings.Cut(e.Envelope.Submitter, digestMark)
		if found && len(digest) == digestWidth {
			if _, there := l.taken[digest]; !there {
				if err := l.note(digest, name.ID, "after a stop"); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// note writes a line, synced.
func (l *Ledger) note(digest string, id queue.ID, file string) error {
	line := fmt.Sprintf("%s %s %s\n", digest, id, visible.Line(file, 500))
	if _, err := l.file.WriteString(line); err != nil {
		return err
	}
	if err := l.file.Sync(); err != nil {
		return err
	}
	l.taken[digest] = id
	return queue.OS{}.SyncDir(l.spool.Dir())
}

// A Put is a way into the spool: Spool.Put, or that of submission, which adds
// the fields that a message as a program hands it in may lack.
type Put func(ctx context.Context, e *queue.Envelope, message io.Reader) (queue.ID, error)

// Take puts the letter into the spool, held, and notes it; with again it was
// taken before, as id. own is the address for users of this machine. The
// message is read twice: first for its digest, of which a half one is no harm.
func (l *Ledger) Take(ctx context.Context, program string, letter *Letter, own string, put Put) (id queue.ID, again bool, err error) {
	e, err := letter.Envelope(own)
	if err != nil {
		return "", false, err
	}
	digest, err := letter.digest(program)
	if err != nil {
		return "", false, err
	}
	if id, again = l.taken[digest]; again {
		return id, true, nil
	}
	e.Held = true
	e.Submitter = fmt.Sprintf("imported from %s (%s, received there %s), %s%s",
		program, visible.Line(letter.File, 300), letter.Received.UTC().Format(time.RFC3339), digestMark, digest)
	message, err := letter.Open()
	if err != nil {
		return "", false, err
	}
	defer message.Close()
	if id, err = put(ctx, e, message); err != nil {
		return "", false, err
	}
	return id, false, l.note(digest, id, letter.File)
}

// digest is over the name in the queue, the time, the sender and the octets. To
// whom it goes does not count: a message of which some have got a copy since is
// the same one, and only the first time decides.
func (l *Letter) digest(program string) (string, error) {
	message, err := l.Open()
	if err != nil {
		return "", err
	}
	defer message.Close()
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%d\x00%s\x00", program, l.key(), l.Received.Unix(), l.From)
	if _, err := io.Copy(h, message); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil))[:digestWidth], nil
}

// key is the name of the letter in its queue, without the directory: Postfix
// moves a file from one to the other, and nullmailer to those that failed.
func (l *Letter) key() string { return filepath.Base(l.File) }
