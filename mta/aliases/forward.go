package aliases

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"mailcrane/mta/safefile"
	"mailcrane/queue"
)

// A Letter is what ForwardPath may ask of the mail: all of it comes from outside.
type Letter struct {
	// Detail is what stands behind the plus sign; Sender is the reverse-path,
	// Protocol and Client how and from whom it came.
	Detail, Sender, Protocol, Client string
}

// Forward is the user's .forward: the first file of ForwardPath that opens safely.
// found is false where there is none, or where it says nothing: then the mail is
// for the mailbox. An error is a *Fault. With no ForwardPath, nothing is opened.
func (l *Lists) Forward(ctx context.Context, u User, m Letter) (list *List, found bool, err error) {
	if l.o.ForwardPath == "" {
		return nil, false, nil
	}
	for template := range strings.SplitSeq(l.o.ForwardPath, ":") {
		if u.Home == "" && strings.Contains(template, "$z") {
			return nil, false, &Fault{Reply: queue.Reply{Code: 554, Enhanced: "5.3.0", Text: "forward: no home"}}
		}
		path, ok := l.expand(template, u, m)
		if !ok {
			continue
		}
		f, err := l.fetch(ctx, safefile.Forward, path, u.UID)
		switch {
		case err == nil:
			return l.forwarded(ctx, f, path, u)
		case passing(err):
			l.say(fmt.Sprintf("forward %s: transient error: %v", path, err), path, err)
			return nil, false, &Fault{Reply: queue.Reply{Code: 451, Enhanced: "4.4.1", Text: fmt.Sprintf("%s: %s: message queued", path, reason(err))}, Err: err}
		}
		l.ignored(path, err)
	}
	return nil, false, nil
}

func (l *Lists) forwarded(ctx context.Context, f *fetched, path string, u User) (*List, bool, error) {
	list := f.list(path)
	list.User, list.UID, list.Owned = u.Name, u.UID, true
	if len(list.Items) == 0 && len(list.Wrong) == 0 {
		return nil, false, nil
	}
	if err := l.checkShell(ctx, list, &u); err != nil {
		return nil, false, err
	}
	return list, true, nil
}

// ignored says why a .forward is not used. One that is not there is nothing to
// speak of, but in a directory where others could put one.
func (l *Lists) ignored(path string, err error) {
	unsafe, ok := errors.AsType[*safefile.Unsafe](err)
	switch {
	case ok && unsafe.Quiet, !ok && errors.Is(err, fs.ErrNotExist):
		return
	case ok:
		l.say(fmt.Sprintf("forward %s: %s", path, unsafe.Reason), path, err)
	default:
		l.say(fmt.Sprintf("forward %s: %s", path, reason(err)), path, err)
	}
}

// expand puts the macros into a path; false where there is none, or where what
// comes from outside would lead to another directory.
func (l *Lists) expand(template string, u User, m Letter) (path string, ok bool) {
	if template == "" {
		return "", false
	}
	detail := m.Detail
	if detail != "" {
		detail = "+" + detail
	}
	host, _, _ := strings.Cut(l.o.Host, ".")
	var b strings.Builder
	for i := 0; i < len(template); i++ {
		if template[i] != '$' || i+1 == len(template) {
			b.WriteByte(template[i])
			continue
		}
		i++
		value := ""
		switch template[i] {
		case 'z':
			b.WriteString(u.Home)
			continue
		case 'u':
			value = u.Name
		case 'h':
			value = detail
		case 'w':
			value = host
		case 'r':
			value = m.Protocol
		case 's':
			value = m.Client
		case 'f':
			value = m.Sender
		default:
			b.WriteByte('$')
			value = template[i : i+1]
		}
		if strings.ContainsAny(value, "/\\\x00") {
			return "", false
		}
		b.WriteString(value)
	}
	path = b.String()
	for part := range strings.SplitSeq(path, "/") {
		if part == ".." {
			return "", false
		}
	}
	return path, true
}

// ForwardFiles are the paths that ForwardPath has for a user, as they are for mail
// of which nothing is known.
func (l *Lists) ForwardFiles(u User) (all []string) {
	for template := range strings.SplitSeq(l.o.ForwardPath, ":") {
		if path, ok := l.expand(template, u, Letter{}); ok {
			all = append(all, path)
		}
	}
	return all
}
