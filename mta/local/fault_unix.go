//go:build unix

package local

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"mailcrane/mta/safefile"
	"mailcrane/queue"
)

// A sourceFault is that the message could not be read: nothing is wrong with where
// it goes.
type sourceFault struct{ error }

func (f sourceFault) Unwrap() error { return f.error }

// faultReply is the reply to what went wrong with what, a file or a mailbox.
func faultReply(err error, what string) queue.Reply {
	text := func(format string) string { return fmt.Sprintf(format, what) + " (" + shown(err.Error()) + ")" }
	if _, ok := errors.AsType[*safefile.Unsafe](err); ok {
		return reply(550, "5.7.1", shown(err.Error()))
	}
	if _, ok := errors.AsType[sourceFault](err); ok {
		return reply(451, "4.3.0", "the message cannot be read from the queue: "+shown(err.Error()))
	}
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.Reply
	}
	switch {
	case errors.Is(err, syscall.EDQUOT):
		return reply(452, "4.2.2", text("%s has no room: its owner is over quota"))
	case errors.Is(err, syscall.ENOSPC):
		return reply(452, "4.3.1", text("%s has no room: the disk is full"))
	case errors.Is(err, syscall.EFBIG):
		return reply(452, "4.2.2", text("%s is as large as a file may be"))
	case errors.Is(err, syscall.EROFS):
		return reply(451, "4.3.0", text("%s is on a disk that cannot be written"))
	case errors.Is(err, fs.ErrPermission):
		return reply(451, "4.2.0", text("%s may not be written by its owner"))
	case errors.Is(err, fs.ErrNotExist):
		return reply(451, "4.2.0", text("%s is not there, or a directory above it"))
	}
	return reply(451, "4.2.0", text("%s cannot be written"))
}

// A refusal is an error whose reply is known.
type refusal struct{ queue.Reply }

func (r *refusal) Error() string { return r.String() }

func refuse(code int, enhanced, format string, args ...any) error {
	return &refusal{reply(code, enhanced, fmt.Sprintf(format, args...))}
}
