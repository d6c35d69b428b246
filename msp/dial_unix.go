//go:build unix

package msp

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"
)

// A rawConn is a socket by the calls of the system alone: package net costs
// start-up time.
type rawConn int

// dialAgent connects to the agent's socket, and looks who is there: only root
// and the owner of the drop directory, whose mail it will be, are given any.
func dialAgent(path, dropDir string) (agentConn, error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	syscall.CloseOnExec(fd)
	c := rawConn(fd)
	err = errors.Join(c.patience(greetingTime), c.connect(path))
	if err == nil {
		err = c.trusted(dropDir)
	}
	if err != nil {
		c.Close() //nolint:errcheck // nothing was said over it
		return nil, err
	}
	return c, nil
}

func (c rawConn) connect(path string) error {
	for {
		err := syscall.Connect(int(c), &syscall.SockaddrUnix{Name: path})
		if !errors.Is(err, syscall.EINTR) {
			return os.NewSyscallError("connect", err)
		}
	}
}

var errStranger = errors.New("its socket is served by a stranger")

// trusted looks at who listens.
func (c rawConn) trusted(dropDir string) error {
	uid, err := peerOf(int(c))
	if err != nil {
		return err
	}
	if uid == 0 || uid == os.Getuid() {
		return nil
	}
	var dir syscall.Stat_t
	if err := syscall.Lstat(dropDir, &dir); err != nil {
		return err
	}
	if int(dir.Uid) != uid {
		return errStranger
	}
	return nil
}

// patience implements agentConn; it bounds connect too.
func (c rawConn) patience(d time.Duration) error {
	tv := syscall.NsecToTimeval(int64(d))
	return errors.Join(
		syscall.SetsockoptTimeval(int(c), syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &tv),
		syscall.SetsockoptTimeval(int(c), syscall.SOL_SOCKET, syscall.SO_SNDTIMEO, &tv))
}

// Read implements io.Reader.
func (c rawConn) Read(p []byte) (int, error) {
	for {
		n, err := syscall.Read(int(c), p)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return 0, os.NewSyscallError("read", err)
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

// Write implements io.Writer.
func (c rawConn) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := syscall.Write(int(c), p[done:])
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return done, os.NewSyscallError("write", err)
		}
		done += n
	}
	return done, nil
}

// Close implements io.Closer.
func (c rawConn) Close() error { return syscall.Close(int(c)) }
