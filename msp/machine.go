package msp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/msp/drop"
	"mailcrane/queue"
)

// keptInMemory is how many octets of a message stay in memory on their way to
// the machine's agent; a longer one waits in the drop directory.
const keptInMemory = 256 << 10

// A Machine is the Spool of a user where one agent keeps the mail of all: a
// message goes to that over its socket, and where none answers into the drop
// directory.
type Machine struct {
	system config.System
	random io.Reader
	// dial connects to the agent's socket.
	dial func(path, drop string) (agentConn, error)
}

// MachineSpool is the Spool that hands mail to the machine's agent.
func (p *Program) MachineSpool(c *config.Config) *Machine {
	return &Machine{system: c.System, random: p.Rand, dial: dialAgent}
}

// errUnsaid is that of an agent that did not answer, so that nothing was handed
// in; errUncertain that of one that had the whole message and did not say
// whether it took it.
var (
	errUnsaid    = errors.New("the agent of this machine does not answer")
	errUncertain = errors.New("the agent of this machine had the message, and has not said whether it took it in")
)

// Put implements Spool: nil is said only when the message is durable, in the
// agent's spool or in the drop directory. What is returned for a message in the
// drop directory is the name of that file, and no id of the queue.
//
// A message of which the agent has not said whether it took it in is dropped
// too, with the ID it was handed in by, so that the agent tells the two from
// each other.
func (m *Machine) Put(ctx context.Context, e *queue.Envelope, message io.Reader) (queue.ID, error) {
	id, err := drop.NewID(m.random)
	if err != nil {
		return "", sysexits.Errorf(sysexits.OSErr, "", "%w", err)
	}
	sent := *e
	// What the agent finds out by itself it must not be told.
	sent.Submitter, sent.Owner, sent.Account, sent.Grace = "", "", "", 0
	sent.Submission = string(id)
	p := &parcel{dir: m.system.Drop, id: id, envelope: &sent}
	defer p.discard()
	if err := p.fill(ctx, message); err != nil {
		return "", err
	}
	why := errUnsaid
	if p.survey.fit() {
		queued, err := m.send(p)
		switch {
		case err == nil:
			return queued, nil
		case !errors.Is(err, errUnsaid) && !errors.Is(err, errUncertain):
			return "", err
		}
		why = err
	}
	if err := p.keep(); err != nil {
		return "", sysexits.Errorf(sysexits.TempFail, "nothing was queued: start the agent with: mailcrane service start --system; or mend "+m.system.Drop,
			"%w, and the message could not be left in %s: %w", why, m.system.Drop, plain(err))
	}
	return queue.ID(id), nil
}

// send hands the parcel to the agent.
func (m *Machine) send(p *parcel) (queue.ID, error) {
	conn, err := m.dial(m.system.Socket, m.system.Drop)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errUnsaid, err)
	}
	defer conn.Close()
	return newDialogue(conn).submit(p)
}

// A parcel is a message that can be sent again: in memory, or in the drop
// directory under a name that the agent does not take in.
type parcel struct {
	dir      string
	id       drop.ID
	envelope *queue.Envelope
	survey   survey
	memory   bytes.Buffer
	draft    *drop.Draft // nil while memory holds all
}

// fill reads the message. Its errors are the message's own, or of sysexits.
func (p *parcel) fill(ctx context.Context, message io.Reader) error {
	buffer := make([]byte, 16<<10)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := message.Read(buffer)
		if werr := p.write(buffer[:n]); werr != nil {
			return sysexits.Errorf(sysexits.TempFail, "nothing was queued; look at the directory with: ls -ld "+p.dir,
				"the message is too long for memory and could not be left in %s: %w", p.dir, plain(werr))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (p *parcel) write(b []byte) (err error) {
	p.survey.Write(b) //nolint:errcheck // never fails
	if p.draft == nil && p.memory.Len()+len(b) <= keptInMemory {
		p.memory.Write(b)
		return nil
	}
	if p.draft == nil {
		if err = p.toDraft(); err != nil {
			return err
		}
	}
	_, err = p.draft.Write(b)
	return err
}

// toDraft moves what is in memory into the drop directory.
func (p *parcel) toDraft() (err error) {
	if p.draft, err = drop.Create(p.dir, p.id, p.envelope); err != nil {
		return err
	}
	_, err = p.draft.Write(p.memory.Bytes())
	p.memory.Reset()
	return err
}

// message is the parcel's octets from the first.
func (p *parcel) message() io.Reader {
	if p.draft != nil {
		return p.draft.Message()
	}
	return bytes.NewReader(p.memory.Bytes())
}

// keep leaves the message in the drop directory for good.
func (p *parcel) keep() error {
	if p.draft == nil {
		if err := p.toDraft(); err != nil {
			return err
		}
	}
	draft := p.draft
	p.draft = nil
	return draft.Keep()
}

func (p *parcel) discard() {
	if p.draft != nil {
		p.draft.Discard()
	}
}
