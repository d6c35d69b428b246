package aliases

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"mailcrane/internal/visible"
	"mailcrane/mta/safefile"
	"mailcrane/queue"
)

// The bounds of a list, in octets.
const (
	maxInclude = 16 << 20
	maxForward = 256 << 10
)

// A List is what stands in a file of :include: or a .forward.
type List struct {
	Path string
	// Items are the good destinations. Wrong are the others, as *aliasfile.Error:
	// each is refused alone.
	Items []Item
	Wrong []error
	// User is the name of whom programs and files run as, UID their number, where
	// Owned says so; else it is the DefaultUser.
	User  string
	UID   uint32
	Owned bool
	// Unsafe says why programs and files must not stand in it; "" where they may.
	Unsafe string

	shell shell
}

// shell is what keeps a user from running programs.
type shell uint8

const (
	goodShell shell = iota
	badShell
	unknownUser
)

// Refusal is sendmail's answer to a program or a file that must not stand in the
// list; false where it may. address is the list's, host our own name.
func (l *List) Refusal(kind Kind, address, host string) (queue.Reply, bool) {
	var to string
	switch kind {
	case Program:
		to = "programs"
	case File:
		to = "files"
	default:
		return queue.Reply{}, false
	}
	text := ""
	switch {
	case l.shell == unknownUser:
		text = fmt.Sprintf("UID %d is an unknown user: cannot mail to %s", l.UID, to)
	case l.shell == badShell:
		text = fmt.Sprintf("User %s@%s doesn't have a valid shell for mailing to %s", l.User, host, to)
	case l.Unsafe != "":
		text = fmt.Sprintf("Address %s is unsafe for mailing to %s", visible.Line(address, 200), to)
	}
	return queue.Reply{Code: 550, Enhanced: "5.7.1", Text: text}, text != ""
}

// A Fault is why a list or a .forward cannot be had: Reply refuses the recipient
// for now (4yz) or for good (5yz).
type Fault struct {
	Reply queue.Reply
	Err   error
}

func (f *Fault) Error() string {
	if f.Err == nil {
		return f.Reply.String()
	}
	return f.Err.Error()
}

func (f *Fault) Unwrap() error { return f.Err }

// passing says that the reason why a file could not be opened may go away by
// itself: a server of files that does not answer, and what else is not known to
// be for good.
func passing(err error) bool {
	if _, unsafe := errors.AsType[*safefile.Unsafe](err); unsafe {
		return false
	}
	for _, lasting := range [...]error{
		fs.ErrNotExist, fs.ErrPermission, fs.ErrInvalid, errTooLarge,
		syscall.ENOTDIR, syscall.EISDIR, syscall.ELOOP, syscall.ENAMETOOLONG,
	} {
		if errors.Is(err, lasting) {
			return false
		}
	}
	return true
}

// ReadInclude reads the list of :include:path. as is the user in whose .forward
// that stands; nil is an alias: then the list is its owner's. An error is a *Fault.
func (l *Lists) ReadInclude(ctx context.Context, path string, as *User) (*List, error) {
	uid := l.o.IncludeUID
	if as != nil {
		uid = as.UID
	}
	f, err := l.fetch(ctx, safefile.Include, path, uid)
	if err != nil {
		return nil, l.includeFault(path, err)
	}
	list := f.list(path)
	switch {
	case as != nil:
		list.User, list.UID, list.Owned = as.Name, as.UID, true
	case f.believed && f.owner != 0:
		list.UID, list.Owned = f.owner, true
	}
	return list, l.checkShell(ctx, list, as)
}

func (l *Lists) includeFault(path string, err error) error {
	reply := queue.Reply{Code: 550, Enhanced: "5.2.4", Text: fmt.Sprintf("Cannot open %s: %s", visible.Line(path, 200), reason(err))}
	if passing(err) {
		reply.Code, reply.Enhanced = 451, "4.2.4"
	}
	l.say(fmt.Sprintf("include %s: %v", path, err), path, err)
	return &Fault{Reply: reply, Err: err}
}

// reason is what a stranger is told of an error: no paths of this machine.
func reason(err error) string {
	if unsafe, ok := errors.AsType[*safefile.Unsafe](err); ok {
		return unsafe.Reason
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	return visible.Line(err.Error(), 200)
}

// checkShell sees whether the user of a list may run programs, where one stands
// in it.
func (l *Lists) checkShell(ctx context.Context, list *List, u *User) error {
	wanted := false
	for _, item := range list.Items {
		wanted = wanted || item.Kind == Program || item.Kind == File
	}
	if !wanted || !list.Owned {
		return nil
	}
	if u == nil {
		found, ok, err := l.o.Users.LookupUID(list.UID)
		switch {
		case err != nil:
			return &Fault{Reply: queue.Reply{Code: 451, Enhanced: "4.3.0", Text: "the owner of the list cannot be looked up now"}, Err: err}
		case !ok:
			list.shell = unknownUser
			return nil
		}
		u, list.User = &found, found.Name
	}
	good, err := l.validShell(ctx, u)
	if err != nil {
		return &Fault{Reply: queue.Reply{Code: 451, Enhanced: "4.3.0", Text: "the shells cannot be read now"}, Err: err}
	}
	if !good {
		list.shell = badShell
		l.sayShell(list.Path, u)
	}
	return nil
}
