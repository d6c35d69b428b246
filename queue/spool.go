package queue

import (
	"context"
	"io"
)

// A Spool is a queue directory. Any number of processes may use one at once.
type Spool struct {
	dir string
}

// Put is the one way in: when it returns nil, the message and its directory
// entry are on the disk (law 1). It streams message, which is kept as it
// comes, and stops at its first error.
func (s *Spool) Put(ctx context.Context, e *Envelope, message io.Reader) (ID, error) {
	panic("stub")
}
