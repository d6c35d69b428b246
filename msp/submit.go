package msp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"mailcrane/internal/address"
	"mailcrane/internal/aliasfile"
	"mailcrane/internal/config"
	"mailcrane/internal/header"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

// A submission is one message on its way from standard input to the spool.
type submission struct {
	*Program
	inv *Invocation
	cfg *config.Config
	set config.Submit // as the file and the command line have it
	// own is the person's own address: the default account's, or "".
	own string
	// machine: the message goes to the machine's agent, which keeps it and tells
	// where it came from.
	machine bool
	aliases *aliasfile.Aliases // as far as they were asked for

	header   *header.Section
	fromLine string // the mbox line that came first, or ""
	body     []byte // what was read behind the header, blank line included
	rest     io.Reader
	envelope queue.Envelope
	failures []Failure

	generatedText []byte // holds the fields that were added
}

func newSubmission(p *Program, inv *Invocation, cfg *config.Config) *submission {
	s := &submission{Program: p, inv: inv, cfg: cfg, set: cfg.Submit, machine: cfg.System.Used()}
	if s.set.MaxHeaders <= 0 || s.set.MaxHeaders > config.MostHeaders {
		s.set.MaxHeaders = config.MostHeaders
	}
	s.own = s.ownAddress()
	return s
}

// run takes the message in. The ID is empty where nothing was queued; the
// code is what the failures found so far ask for.
func (s *submission) run(ctx context.Context) (queue.ID, int) {
	s.rest = s.input()
	id, code := s.takeIn(ctx)
	if id == "" && s.rest != nil {
		// Read on, so that the caller gets to see the exit code and not a
		// failed write.
		io.CopyN(io.Discard, s.rest, maxDrain) //nolint:errcheck // nothing is done with it
	}
	return id, code
}

// maxDrain bounds what is read of a message that was refused.
const maxDrain = 256 << 20

// input is standard input up to where the message ends.
func (s *submission) input() io.Reader {
	if s.set.IgnoreDots {
		return s.Stdin
	}
	return &dotReader{in: s.Stdin}
}

func (s *submission) takeIn(ctx context.Context) (queue.ID, int) {
	if !s.inv.FromHeader && len(s.inv.Operands) == 0 {
		return "", s.refuse(usage("Recipient names must be specified"))
	}
	if err := s.read(); err != nil {
		return "", s.refuse(err)
	}
	if err := s.address(); err != nil {
		return "", s.refuse(err)
	}
	s.limits()
	if len(s.envelope.To) == 0 {
		return "", s.fail(ctx)
	}
	if err := s.room(); err != nil {
		return "", s.refuse(err)
	}
	s.fixUp()
	spool, err := s.openSpool()
	if err != nil {
		return "", s.refuse(err)
	}
	return s.put(ctx, spool)
}

// ret is how much of the message a report carries: with the privacy option
// nobodyreturn never the body, whatever the sender asks for.
func (s *submission) ret() string {
	if s.set.Privacy.Has(config.NoBodyReturn) {
		return "HDRS"
	}
	return s.inv.Ret
}

// notify is what reports are asked for: with the privacy option noreceipts none
// of a success.
func (s *submission) notify() string {
	if !s.set.Privacy.Has(config.NoReceipts) || s.inv.Notify == "" {
		return s.inv.Notify
	}
	words := slices.DeleteFunc(strings.Split(s.inv.Notify, ","), func(word string) bool { return word == "SUCCESS" })
	if len(words) == 0 {
		return "NEVER" // that is what is left of NOTIFY=SUCCESS
	}
	return strings.Join(words, ",")
}

// room is MinFreeBlocks: what the disk needs for the messages that are under
// way is not given to new ones.
func (s *submission) room() error {
	least := s.set.MinFreeBlocks
	if least == 0 || s.Free == nil || s.machine {
		return nil
	}
	dirs, err := s.cfg.QueueDirs()
	if err != nil {
		return err
	}
	for _, dir := range dirs { // it may be put into any
		free, err := s.Free(dir)
		if free >>= 10; err == nil && free < least {
			return sysexits.Errorf(sysexits.TempFail, "nothing was queued: make room, or try again later",
				"the disk of %s has %d KiB free, and MinFreeBlocks wants %d: %w", dir, free, least, syscall.ENOSPC)
		}
	}
	return nil
}

// refuse prints why nothing was queued, whatever the error mode: no failure
// notice could be sent for it.
func (s *submission) refuse(err error) int {
	fmt.Fprintln(s.Stderr, err)
	if hint := sysexits.Hint(err); hint != "" {
		fmt.Fprintln(s.Stderr, hint)
	}
	return sysexits.Code(err)
}

// read takes in the header section.
func (s *submission) read() error {
	var from, section, blank int
	var scan header.Scan
	begun := false // it is known where the header begins
	buf, ended, err := header.Read(s.rest, s.set.MaxHeaders, func(b []byte, eof bool) (ok bool) {
		if !begun {
			from, begun = fromLine(b, eof)
		}
		if begun {
			section, blank, ok = scan.End(b[from:], eof)
		}
		return ok
	})
	if err == nil && int64(section) > s.set.MaxHeaders {
		err = header.ErrTooLarge
	}
	switch {
	case errors.Is(err, header.ErrTooLarge):
		return sysexits.Errorf(sysexits.DataErr, "", "%w: more than %d octets", err, s.set.MaxHeaders)
	case err != nil:
		return unreadable(err)
	}
	s.fromLine = string(buf[:from])
	buf = buf[from:]
	s.header = header.Parse(buf[:section])
	s.body = buf[section:]
	if i := bytes.IndexByte(buf, '\n'); i > 0 && buf[i-1] == '\r' {
		s.header.EOL = "\r\n"
	}
	if blank == 0 && len(s.body) > 0 {
		// The first line of the body ended the header.
		s.body = append([]byte(s.header.EOL), s.body...)
	}
	if ended {
		s.rest = nil
	}
	s.keepFromLine()
	for _, f := range s.header.Fields {
		if err := checkSection(f.Raw); err != nil {
			return err
		}
	}
	return nil
}

func unreadable(err error) error {
	return sysexits.Errorf(sysexits.IOErr, "nothing was queued: send it again", "the message could not be read: %w", plain(err))
}

// plain takes the name of the system call and of the file out of an error.
func plain(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

const mboxFrom = "From "

// fromLine measures the mbox line "From …" that some programs put first; it
// belongs to no message.
func fromLine(b []byte, eof bool) (n int, ok bool) {
	if !strings.HasPrefix(mboxFrom, string(b[:min(len(b), len(mboxFrom))])) {
		return 0, true
	}
	if end := bytes.IndexByte(b, '\n'); end >= 0 && len(b) >= len(mboxFrom) {
		return end + 1, true
	}
	if eof && len(b) >= len(mboxFrom) {
		return len(b), true
	}
	return 0, eof
}

// keepFromLine is -s. On the wire a line that is no field ends the header, so
// it becomes one; sendmail makes the whole header a part of the body.
func (s *submission) keepFromLine() {
	line := strings.TrimRight(strings.TrimPrefix(s.fromLine, mboxFrom), "\r\n")
	if s.set.KeepFromLine && line != "" {
		s.header.Insert(0, s.field("X-From-Line", line))
	}
}

// checkSection refuses what no server takes in a header and no encoding can
// carry: a NUL, or a CR that ends no line.
func checkSection(section []byte) error {
	bad := ""
	if bytes.IndexByte(section, 0) >= 0 {
		bad = "a NUL octet"
	}
	for b := section; bad == ""; {
		i := bytes.IndexByte(b, '\r')
		if i < 0 {
			return nil
		}
		if i+1 >= len(b) || b[i+1] != '\n' {
			bad = "a carriage return inside a line"
		}
		b = b[min(i+2, len(b)):]
	}
	if bad == "" {
		return nil
	}
	return sysexits.Errorf(sysexits.DataErr, "take it out of the header and send the message again",
		"552 5.6.0 The header holds %s, which no mail server takes; nothing was queued", bad)
}

// limits applies what bounds a message as a whole.
func (s *submission) limits() {
	hops := s.inv.Hops
	if hops < 0 {
		hops = s.header.Count("Received")
	}
	if hops > s.set.MaxHops {
		s.failAll(Failure{
			Text:   fmt.Sprintf("Too many hops %d (%d max)", hops, s.set.MaxHops),
			Code:   sysexits.Unavailable,
			Status: "5.4.6",
		})
	}
	if n := s.set.MaxRecipients; n > 0 && len(s.envelope.To) > n {
		s.failAll(Failure{
			Text:   fmt.Sprintf("Too many recipients: %d (%d max)", len(s.envelope.To), n),
			Code:   sysexits.Unavailable,
			Status: "5.5.3",
		})
	}
}

// failAll fails every recipient that is left.
func (s *submission) failAll(f Failure) {
	for _, r := range s.envelope.To {
		f.Address, f.Notify, f.ORcpt = r.Address, r.Notify, r.ORcpt
		s.failures = append(s.failures, f)
	}
	s.envelope.To = nil
}

func (s *submission) openSpool() (Spool, error) {
	if s.machine {
		return s.MachineSpool(s.cfg), nil
	}
	dirs, err := s.cfg.QueueDirs()
	if err != nil {
		return nil, err
	}
	spool, err := s.OpenSpool(dirs)
	if err != nil {
		return nil, s.notQueued(err)
	}
	return spool, nil
}

// notQueued is EX_TEMPFAIL unless the spool knows better.
func (s *submission) notQueued(err error) error {
	if e, ok := errors.AsType[*sysexits.Error](err); ok {
		return e
	}
	return sysexits.Errorf(sysexits.TempFail, "nothing was sent: mend that, or try again later",
		"the message could not be queued in %s: %w", s.cfg.Spools, plain(err))
}

func (s *submission) put(ctx context.Context, spool Spool) (queue.ID, int) {
	m := &message{fields: s.header.Fields, body: s.body, rest: s.rest, limit: -1}
	if s.set.MaxMessage > 0 {
		m.limit = s.set.MaxMessage
	}
	var in io.Reader = m
	keep := s.deadLetterIfFailed()
	if keep != nil {
		in = io.TeeReader(m, keep)
	}
	s.envelope.NotBefore = s.NotBefore
	if s.inv.mode(s.cfg) != config.Interactive { // nobody waits who could not take it back
		s.envelope.Grace = s.cfg.Queue.Undo
	}
	id, err := spool.Put(ctx, &s.envelope, in)
	s.rest = m.rest
	if err == nil {
		return id, s.failQueued(ctx, spool, keep)
	}
	keep.discard()
	return "", s.refuse(s.whyNot(m, err))
}

// whyNot is the refusal for a Put that failed: the message's own fault, or
// the spool's.
func (s *submission) whyNot(m *message, err error) error {
	switch {
	case errors.Is(m.failed, errMessageTooLarge):
		return sysexits.Errorf(sysexits.DataErr, "", "%w: more than %d octets; nothing was queued", m.failed, s.set.MaxMessage)
	case m.failed != nil:
		return unreadable(m.failed)
	}
	return s.notQueued(err)
}

// domain qualifies names: that of the person's own address, so that no name of
// this machine leaves it; the machine's where there is no account.
func (s *submission) domain() string {
	if s.own != "" {
		return address.Domain(s.own)
	}
	return s.hostname()
}

func (s *submission) hostname() string {
	name := s.cfg.Hostname
	if s.isServer() && s.cfg.MTA.Hostname != "" {
		name = s.cfg.MTA.Hostname // the one that it knows for its own
	}
	if name == "" {
		name, _ = s.Hostname()
	}
	if address.Valid("x@"+name) != nil {
		return neutral
	}
	return name
}

// login is the name of the real user.
func (s *submission) login() string {
	if u, ok := s.Users.ByID(s.Getuid()); ok {
		return u.Name
	}
	if name := s.Getenv("LOGNAME"); address.Quote(name) == name {
		return name
	}
	return fmt.Sprintf("uid%d", s.Getuid())
}
