//go:build unix

package lda

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"mailcrane/mta/safefile"
)

// pass answers with an open file: its descriptor goes with the first octets.
func (s *Server) pass(c *net.UnixConn, f *safefile.File) {
	text, err := json.Marshal(answer{File: &opened{f.Targets, f.Why, f.Owner, f.OwnerBelieved, f.Warnings}})
	if err != nil || len(text) > mostRequest {
		s.say(c, answer{Wrong: "the file cannot be described"})
		return
	}
	frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...) //nolint:gosec // bounded above
	_ = c.SetWriteDeadline(time.Now().Add(requestTime))                             // a connection that is gone says so below
	n, _, err := c.WriteMsgUnix(frame, syscall.UnixRights(int(f.Fd())), nil)
	if err == nil && n < len(frame) {
		_, err = c.Write(frame[n:])
	}
	if err != nil {
		s.Log.Warn("an answer was not taken", "err", err)
	}
}

// take reads the answer to an opening.
func take(c *net.UnixConn, path string) (*safefile.File, error) {
	frame, rights := make([]byte, 4+mostRequest), make([]byte, syscall.CmsgSpace(4))
	n, held, _, _, err := c.ReadMsgUnix(frame, rights)
	if err != nil {
		return nil, err
	}
	file := descriptor(rights[:held], path)
	a, err := whole(c, frame, n)
	switch {
	case err != nil:
	case a.File == nil:
		err = a.fault(path)
	case file == nil:
		err = errors.New("the local delivery agent passed no file on")
	default:
		return &safefile.File{File: file, Targets: a.File.Targets, Why: a.File.Why, Owner: a.File.Owner, OwnerBelieved: a.File.OwnerBelieved, Warnings: a.File.Warnings}, nil
	}
	if file != nil {
		_ = file.Close() // nobody gets it
	}
	return nil, err
}

// descriptor is the file of a control message; nil is none.
func descriptor(control []byte, path string) *os.File {
	all, err := syscall.ParseSocketControlMessage(control)
	if err != nil || len(all) == 0 {
		return nil
	}
	fds, err := syscall.ParseUnixRights(&all[0])
	if err != nil || len(fds) == 0 {
		return nil
	}
	syscall.CloseOnExec(fds[0])
	return os.NewFile(uintptr(fds[0]), path) //nolint:gosec // the kernel's number
}

// whole reads what is left of a frame of which n octets are there.
func whole(c *net.UnixConn, frame []byte, n int) (a answer, err error) {
	for n < 4 || n < 4+int(binary.BigEndian.Uint32(frame)) {
		if n >= 4 && binary.BigEndian.Uint32(frame) > mostRequest {
			return a, errors.New("the answer is too large")
		}
		more, err := c.Read(frame[n:])
		if err != nil {
			return a, err
		}
		n += more
	}
	return a, json.Unmarshal(frame[4:4+binary.BigEndian.Uint32(frame)], &a)
}

// fault is why there is no file, as safefile would have said it.
func (a *answer) fault(path string) error {
	switch {
	case a.Unsafe:
		return &safefile.Unsafe{File: path, Path: path, Reason: a.Wrong, Missing: a.Missing}
	case a.Missing:
		return &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	case a.Denied:
		return &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
	}
	return fmt.Errorf("%s: %s", path, a.Wrong)
}
