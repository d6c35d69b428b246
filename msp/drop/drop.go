// Package drop is the form of the files in which the users of a machine leave
// mail for its agent while that does not answer: how one is written, so that it
// is durable before its program ends, and how one is read.
//
// The directory belongs to the agent and has mode 3733: every user may put a
// file there, nobody but the agent can list them, and nobody can rename or
// remove another's. By the set-group-ID bit of the directory a file gets the
// agent's group, which may read it, without any program with such a bit.
package drop

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/cespare/xxhash/v2"

	"mailcrane/queue"
)

// An ID names a submission: 32 hex digits, of 128 random bits that nobody can
// guess.
type ID string

// NewID takes its bits from random.
func NewID(random io.Reader) (ID, error) {
	var bits [16]byte
	if _, err := io.ReadFull(random, bits[:]); err != nil {
		return "", fmt.Errorf("no random number for a name: %w", err)
	}
	return ID(hex.EncodeToString(bits[:])), nil
}

// Valid says that id has the form of one.
func (id ID) Valid() bool {
	if len(id) != 32 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// The names of a file: while it is written, when it is whole, and when the
// agent could not take it in.
const (
	Writing = ".new"
	Whole   = ".mail"
	Aside   = ".bad"
)

// The first line is the form, the XXH64 of all behind it, and its octets; its
// length is always the same, since it is written last.
const (
	form       = "mailcrane-drop 1 "
	HeadLength = int64(len(form) + 16 + 1 + 12 + 1)
)

func head(sum uint64, octets int64) []byte {
	return fmt.Appendf(nil, "%s%016x %012d\n", form, sum, octets)
}

// errForm and its kin say what is wrong with a file.
var (
	errForm = errors.New("it does not begin as a dropped message does")
	errSum  = errors.New("it was changed after it was written, or is not whole")
)

// parseHead reads the first line.
func parseHead(line []byte) (sum uint64, octets int64, err error) {
	rest, ok := bytes.CutPrefix(line, []byte(form))
	if !ok || int64(len(line)) != HeadLength {
		return 0, 0, errForm
	}
	sum, errS := strconv.ParseUint(string(rest[:16]), 16, 64)
	octets, errO := strconv.ParseInt(string(rest[17:29]), 10, 64)
	if errS != nil || errO != nil || octets < 0 || rest[16] != ' ' || rest[29] != '\n' {
		return 0, 0, errForm
	}
	return sum, octets, nil
}

// Read reads the envelope of a dropped file of that length. The message behind
// it ends with an error, not with io.EOF, where the octets that were read are
// not those that were written: its writer may still have the file open, so that
// only what was read can be judged.
func Read(file io.Reader, length int64) (*queue.Envelope, io.Reader, error) {
	first := make([]byte, HeadLength)
	if _, err := io.ReadFull(file, first); err != nil {
		return nil, nil, errForm
	}
	sum, octets, err := parseHead(first)
	if err != nil {
		return nil, nil, err
	}
	if octets != length-HeadLength {
		return nil, nil, errSum
	}
	checked := &checkedReader{in: io.LimitReader(file, octets), sum: sum, left: octets}
	checked.got.Reset()
	const buffer = 64 << 10
	in := bufio.NewReaderSize(checked, buffer)
	e, err := queue.ReadEnvelope(in)
	if err != nil {
		return nil, nil, err
	}
	return e, in, nil
}

// A checkedReader compares what has passed with the sum when it ends.
type checkedReader struct {
	in   io.Reader
	got  xxhash.Digest
	sum  uint64
	left int64
}

func (c *checkedReader) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.got.Write(p[:n]) //nolint:errcheck // never fails
	c.left -= int64(n)
	if errors.Is(err, io.EOF) && (c.left != 0 || c.got.Sum64() != c.sum) {
		err = errSum
	}
	return n, err
}
