package queue

import (
	"errors"
	"io"
	"time"
)

// A Disk is what the spool asks of a file system, so that tests can put one
// under it that fails, fills up, or loses all that was not synced. Paths are
// those of package os.
type Disk interface {
	// Create makes a new file with mode 0600; it fails if the path exists.
	Create(path string) (File, error)
	// Open opens a regular file for reading and never follows a link; what is
	// no regular file is errNotRegular.
	Open(path string) (File, error)
	// Peek reads the beginning of a regular file, as Open opens it, into b, and
	// says how many octets it has: fewer than b if the file has no more.
	Peek(path string, b []byte) (int, error)
	// Append opens a file for appending, and makes it if it is missing.
	Append(path string) (File, error)
	// Rename and Remove are for files, not for directories.
	Rename(from, to string) error
	Remove(path string) error
	// Mkdir makes a directory with mode 0700; one that exists is no error.
	Mkdir(path string) error
	// SyncDir makes the names in a directory durable.
	SyncDir(path string) error
	// Names calls f with each name in a directory, in no order, until f
	// returns false. Names that come or go meanwhile may be missed.
	Names(path string, f func(name string) bool) error
	// Modified is when a file was last written to.
	Modified(path string) (time.Time, error)
}

var errNotRegular = errors.New("it is no regular file")

// A File is an open file of a Disk.
type File interface {
	io.ReadWriteCloser
	io.ReaderAt
	Sync() error
	// Reserve sets room for so many octets more aside, which then fit though
	// the disk is full. The file stays as long as it is.
	Reserve(octets int64) error
	// Lock takes a lock that ends with the file's descriptor and so with its
	// process. With wait it blocks; without, ok is false if another holds it.
	Lock(wait bool) (ok bool, err error)
	// IsAt says whether path still names this file.
	IsAt(path string) bool
}
