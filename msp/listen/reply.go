package listen

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/sysexits"
	"mailcrane/internal/visible"
)

func refuse(code int, enhanced smtp.EnhancedCode, format string, args ...any) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: fmt.Sprintf(format, args...)}
}

func replyLine(e *smtp.SMTPError) string {
	c := e.EnhancedCode
	return fmt.Sprintf("%d %d.%d.%d %s", e.Code, c[0], c[1], c[2], e.Message)
}

// replyTo turns what Submit returned into a reply. The exit codes of sysexits
// keep their meaning; whatever is not known to be for ever is for now, so
// that a client with a queue of its own tries again.
func replyTo(err error) *smtp.SMTPError {
	if reply, ok := errors.AsType[*smtp.SMTPError](err); ok {
		return reply // the guard's, passed on by the reader of the message
	}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return refuse(452, smtp.EnhancedCode{4, 3, 1}, "The disk that holds the queue is full; nothing was queued, make room and send again")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return refuse(451, smtp.EnhancedCode{4, 3, 2}, "This server is stopping; nothing was queued, send again later")
	}
	why := oneLine(err.Error())
	if hint := sysexits.Hint(err); hint != "" {
		why += "; " + oneLine(hint)
	}
	switch sysexits.Code(err) {
	case sysexits.Usage, sysexits.DataErr:
		return refuse(554, smtp.EnhancedCode{5, 6, 0}, "%s", why)
	case sysexits.NoUser, sysexits.NoHost:
		return refuse(550, smtp.EnhancedCode{5, 1, 1}, "%s", why)
	case sysexits.NoPerm:
		return refuse(550, smtp.EnhancedCode{5, 7, 1}, "%s", why)
	case sysexits.Config:
		return refuse(451, smtp.EnhancedCode{4, 3, 5}, "%s", why)
	}
	return refuse(451, smtp.EnhancedCode{4, 3, 0}, "The message could not be queued: %s", why)
}

// oneLine is text fit for a reply.
func oneLine(s string) string { return visible.Line(s, 400) }
