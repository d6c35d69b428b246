//go:build unix

package local

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httputil"
	"time"

	"mailcrane/internal/config"
	"mailcrane/mta/safefile"
	"mailcrane/queue"
)

// maxErrand bounds what a helper is told before the message.
const maxErrand = 64 << 10

// An errand is a job as a helper is told of it, in one line before the message.
type errand struct {
	Mailer, Hostname, SafeFileEnvironment string
	Blame                                 config.Blame
	Account                               Account
	User, Detail, Target, By              string
	Sender, Recipient, Original           string
	Size                                  int64
}

// byHelper has a process of the user's write to a mailbox or a file.
func (d *Deliverer) byHelper(ctx context.Context, j Job, a Account, extra []uint32) queue.Reply {
	if err := d.whoMay(a); err != nil {
		return faultReply(err, a.Name)
	}
	if len(d.Helper) == 0 {
		return reply(451, "4.3.5", "this system lets no thread of root become "+a.Name+": set mta.deliver.mailer to procmail, program: or lmtp:")
	}
	head, err := json.Marshal(errand{
		d.Mailer, d.Hostname, d.SafeFileEnvironment, d.Rules.Blame | config.NonRootSafeAddr, a,
		j.User, j.Detail, j.Target, j.By, j.Sender, j.Recipient, j.Original, j.Size,
	})
	if err != nil {
		return faultReply(err, a.Name)
	}
	in, err := j.Open()
	if err != nil {
		return faultReply(sourceFault{err}, a.Name)
	}
	defer in.Close()
	a.Groups = append(a.Groups[:len(a.Groups):len(a.Groups)], extra...)
	ctx, cancel := context.WithTimeout(ctx, d.ProgramTime)
	defer cancel()
	said := &said{most: maxErrand}
	p := program{argv: d.Helper, account: a, name: "the helper of local delivery", helper: true, head: append(head, '\n')}
	cmd, err := d.hand(ctx, cancel, j, p, in, said)
	switch {
	case cmd == nil:
		return notStarted(err, p.name)
	case err != nil:
		return faultReply(err, a.Name)
	}
	var r queue.Reply
	if json.Unmarshal(said.Bytes(), &r) != nil || r.Code < 200 || r.Code > 599 {
		return reply(451, "4.3.0", fmt.Sprintf("%s ended with %v%s", p.name, cmd.ProcessState, said.words()))
	}
	return r
}

// writeErrand writes the message in chunks, of which the last says that it is whole:
// a helper that does not get it takes back what it has written.
func writeErrand(to io.Writer, message *watchedSource, head []byte) {
	if _, err := to.Write(head); err != nil {
		return
	}
	chunks := httputil.NewChunkedWriter(to)
	if _, err := io.Copy(chunks, message); err == nil && message.failed == nil {
		chunks.Close()
	}
}

// Serve carries out the one errand of a helper, which the system has made a process
// of the user's: it is told on in, and answers on out.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	lines := bufio.NewReaderSize(in, maxErrand)
	line, err := lines.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("reading what to deliver: %w", err)
	}
	var e errand
	if err = json.Unmarshal(line, &e); err != nil {
		return fmt.Errorf("reading what to deliver: %w", err)
	}
	if privileged() {
		return errors.New("this is for processes of users, and not of root's")
	}
	o := Options{
		Rules: safefile.Rules{Blame: e.Blame}, Hostname: e.Hostname, Now: time.Now,
		Users: func(string) (Account, error) { return e.Account, nil },
	}
	o.Mailer, o.SafeFileEnvironment = e.Mailer, e.SafeFileEnvironment
	d, err := New(o)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(d.Deliver(ctx, Job{
		User: e.User, Detail: e.Detail, Target: e.Target, By: e.By, Sender: e.Sender, Recipient: e.Recipient, Original: e.Original, Size: e.Size,
		Open: func() (io.ReadCloser, error) { return io.NopCloser(httputil.NewChunkedReader(lines)), nil },
	}))
}
