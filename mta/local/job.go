// Package local is delivery on this machine: mailboxes, files and programs.
package local

import (
	"context"
	"io"

	"mailcrane/queue"
)

// A Job is one delivery for one recipient on this machine.
type Job struct {
	// User and Detail are whose mailbox it is for; User is "" for the file or the
	// program of an alias.
	User, Detail string
	// Target is "" for the user's mailbox by the configured mailer; else an
	// absolute path to append to, or "|" and a command line.
	Target string
	// By says who has named Target: "forward:USER" for the user's own .forward,
	// "alias:NAME" for an alias, "include:UID:PATH" for a list. It runs as that user,
	// or as DefaultUser.
	By string
	// Rules is the procmail file of a mailertable's procmail:FILE, or "".
	Rules string
	// Sender is the reverse-path, Recipient the address as it was delivered to, and
	// Original the one it came for; for fields and variables.
	Sender, Recipient, Original string
	// Size is the message's octets.
	Size int64
	// Open returns the message as it came, line ends LF or CRLF; the caller closes
	// it. It may be called more than once.
	Open func() (io.ReadCloser, error)
}

// An Agent delivers on this machine.
type Agent interface {
	// Deliver says what became of the job as an SMTP reply: 250, or 4yz with an
	// enhanced code for what may be mended by waiting, or 5yz.
	Deliver(ctx context.Context, j Job) queue.Reply
}
