//go:build unix

package local

import (
	"io"
	"os"
	"runtime"

	"mailcrane/queue"
)

// privileged says that this process may become any user.
func privileged() bool { return os.Geteuid() == 0 }

// whoMay refuses work on files for an account whose rights this process does not
// get: root's are given to nobody's mail, and who is not root is only themselves.
func (d *Deliverer) whoMay(a Account) error {
	switch {
	case a.UID == 0:
		return rootsMail(a)
	case !d.root && int64(a.UID) != int64(os.Geteuid()):
		return refuse(451, "4.3.5", "the server runs as uid %d and cannot write as %s: start it as root, or set mta.deliver.mailer to lmtp: or procmail", os.Geteuid(), a.Name)
	}
	return nil
}

// whoMayRun refuses a program for root's own mailbox.
func (d *Deliverer) whoMayRun(a Account) error {
	if a.UID == 0 {
		return rootsMail(a)
	}
	return nil
}

func rootsMail(a Account) error {
	return refuse(550, "5.7.1", "mail for %s (uid 0) is not delivered with root's rights: name who reads it in the aliases, as \"%s: you\"", a.Name, a.Name)
}

// as runs work with the rights of an account and no others, in a thread that is
// thrown away with them. extra is one more group.
func (d *Deliverer) as(a Account, extra []uint32, work func() error) error {
	if err := d.whoMay(a); err != nil {
		return err
	}
	if !d.root {
		return work()
	}
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the thread ends with this function, and its rights with it.
		runtime.LockOSThread()
		if err := become(a.UID, a.GID, append(a.Groups[:len(a.Groups):len(a.Groups)], extra...)); err != nil {
			done <- refuse(451, "4.3.0", "cannot become %s: %v", a.Name, err)
			return
		}
		done <- work()
	}()
	return <-done
}

// feed hands a message to write, which may run with other rights: all of it is
// read with ours, for the queue's files are nobody else's.
func feed(in io.Reader, write func(io.Reader) error) error {
	out, into := io.Pipe()
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, err := io.Copy(into, in)
		if err != nil {
			err = sourceFault{err}
		}
		into.CloseWithError(err)
	}()
	err := write(out)
	out.CloseWithError(io.ErrClosedPipe)
	<-read
	return err
}

// boxed says what became of a mailbox.
func boxed(err error, what, done string) queue.Reply {
	if err != nil {
		return faultReply(err, what)
	}
	return delivered(done)
}
