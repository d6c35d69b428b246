//go:build !unix

package lda

import (
	"context"
	"errors"
	"time"

	"mailcrane/mta/local"
	"mailcrane/mta/safefile"
	"mailcrane/queue"
)

// A Client asks the agent, which there is none of on this system.
type Client struct {
	Path string
	Time time.Duration
}

// Hello says that there is none.
func (Client) Hello(context.Context) error { return errors.ErrUnsupported }

// Deliver implements local.Agent.
func (Client) Deliver(context.Context, local.Job) queue.Reply {
	return queue.Reply{Code: 451, Enhanced: "4.3.5", Text: "there is no local delivery agent on this system"}
}

// Open implements aliases.Opener.
func (Client) Open(context.Context, safefile.Kind, string, uint32) (*safefile.File, error) {
	return nil, errors.ErrUnsupported
}
