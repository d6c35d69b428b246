// Package lda is the local delivery agent: a small process with the rights of root
// that delivers on this machine for a server which has none. It is asked over a Unix
// socket, one request a connection, and trusts who asks with mail alone: a mailbox is
// its user's, and a program or a file is run or written only where the agent itself
// finds it in the administrator's aliases, or in the user's own .forward.
package lda

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"mailcrane/mta/local"
	"mailcrane/mta/safefile"
	"mailcrane/queue"
)

// version is that of the requests.
const version = 1

const (
	// mostRequest bounds a request, and an answer, in octets.
	mostRequest = 64 << 10
	// mostChunk bounds a piece of a message.
	mostChunk = 64 << 10
	// mostMessage bounds a message.
	mostMessage = 1 << 30
)

// A request asks for a delivery, for a file that is opened as its user, or only
// whether somebody is there.
type request struct {
	Version int
	Hello   bool      `json:",omitempty"`
	Deliver *delivery `json:",omitempty"`
	Open    *opening  `json:",omitempty"`
}

// A delivery is a local.Job; the message follows in chunks.
type delivery struct {
	User, Detail, Target, By, Rules, Sender, Recipient, Original string
	Size                                                         int64
}

func (d *delivery) job(open func() (io.ReadCloser, error)) local.Job {
	return local.Job{
		User: d.User, Detail: d.Detail, Target: d.Target, By: d.By, Rules: d.Rules,
		Sender: d.Sender, Recipient: d.Recipient, Original: d.Original, Size: d.Size, Open: open,
	}
}

// An opening is a .forward, or a list of :include:.
type opening struct {
	Kind safefile.Kind
	Path string
	UID  uint32
}

// An answer is what became of a delivery, or the file, whose descriptor comes along.
type answer struct {
	Reply queue.Reply
	File  *opened `json:",omitempty"`
	// Missing, Denied and Unsafe say why there is no file; Wrong says it in words.
	Missing, Denied, Unsafe bool   `json:",omitempty"`
	Wrong                   string `json:",omitempty"`
}

// opened is what safefile has found of a file.
type opened struct {
	Targets       bool
	Why           string
	Owner         uint32
	OwnerBelieved bool
	Warnings      []string
}

// put writes a frame: its length in four octets, and JSON.
func put(w io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(text) > mostRequest {
		return fmt.Errorf("a request of %d octets is too large", len(text))
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)) //nolint:gosec // bounded above
	return err
}

// get reads a frame.
func get(r io.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > mostRequest {
		return fmt.Errorf("a request of %d octets is too large", n)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// putMessage writes a message in chunks, of which an empty one is the end: a message
// that breaks off is not taken for a whole one.
func putMessage(w io.Writer, r io.Reader) error {
	buffer := make([]byte, 4+mostChunk)
	for {
		n, err := io.ReadFull(r, buffer[4:])
		if n > 0 {
			binary.BigEndian.PutUint32(buffer, uint32(n)) //nolint:gosec // at most mostChunk
			if _, err := w.Write(buffer[:4+n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			_, err = w.Write(make([]byte, 4))
			return err
		case err != nil:
			return err
		}
	}
}

// getMessage reads what putMessage writes.
func getMessage(w io.Writer, r io.Reader) error {
	var head [4]byte
	for total := int64(0); ; {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return fmt.Errorf("the message broke off: %w", err)
		}
		n := int64(binary.BigEndian.Uint32(head[:]))
		if n == 0 {
			return nil
		}
		if total += n; n > mostChunk || total > mostMessage {
			return errors.New("the message is too large")
		}
		if _, err := io.CopyN(w, r, n); err != nil {
			return fmt.Errorf("the message broke off: %w", err)
		}
	}
}
