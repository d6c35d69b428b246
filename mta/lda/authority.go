package lda

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mailcrane/internal/address"
	"mailcrane/internal/visible"
	"mailcrane/mta/aliases"
	"mailcrane/mta/local"
	"mailcrane/mta/safefile"
	"mailcrane/queue"
)

// An Authority knows what the administrator and the users have written, and so
// which programs and files may be had.
type Authority struct {
	Aliases *aliases.Aliases
	Lists   *aliases.Lists
	Users   aliases.Users
	// IncludeUID is as whom the lists of aliases are read.
	IncludeUID uint32
	// Rules says that a file of rules for procmail is the administrator's.
	Rules func(path string) error
}

// mostNested bounds the lists within lists that are looked into.
const mostNested = 5

// permits says whether a job may be done; else the reply says why not.
func (a *Authority) permits(ctx context.Context, j *local.Job) (queue.Reply, bool) {
	switch {
	case j.Rules != "":
		if err := a.Rules(j.Rules); err != nil {
			return refuse("the file of rules %s cannot be trusted: %v", j.Rules, err), false
		}
		return queue.Reply{}, true
	case j.Target == "":
		return queue.Reply{}, true
	}
	item := aliases.Item{Kind: aliases.File, Text: j.Target}
	if rest, ok := strings.CutPrefix(j.Target, "|"); ok {
		item = aliases.Item{Kind: aliases.Program, Text: rest}
	}
	by, whose, _ := strings.Cut(j.By, ":")
	var named bool
	var err error
	switch by {
	case "alias":
		named, err = a.inAlias(ctx, whose, item)
	case "forward":
		named, err = a.inForward(ctx, whose, item, j)
	case "include":
		named, err = a.inList(ctx, whose, item, j)
	}
	switch {
	case err != nil:
		return queue.Reply{Code: 451, Enhanced: "4.3.0", Text: fmt.Sprintf("%s cannot be looked up: %v", visible.Line(j.By, 200), err)}, false
	case !named:
		return refuse("%s does not name %s (any more)", j.By, j.Target), false
	}
	return queue.Reply{}, true
}

func refuse(format string, args ...any) queue.Reply {
	return queue.Reply{Code: 550, Enhanced: "5.7.1", Text: visible.Line(fmt.Sprintf(format, args...), 400)}
}

// inAlias says that an alias names the item itself.
func (a *Authority) inAlias(ctx context.Context, name string, item aliases.Item) (bool, error) {
	user, detail, _ := strings.Cut(name, "+")
	items, _, ok, err := a.Aliases.Lookup(ctx, user, detail)
	return ok && names(items, item), err
}

// inForward says that a user's .forward names it, or a list that stands there.
func (a *Authority) inForward(ctx context.Context, name string, item aliases.Item, j *local.Job) (bool, error) {
	user, ok, err := a.Users.Lookup(name)
	if err != nil || !ok {
		return false, err
	}
	part, _ := address.Split(j.Recipient)
	_, detail, _ := strings.Cut(part, "+")
	list, found, err := a.Lists.Forward(ctx, user, aliases.Letter{Detail: detail, Sender: j.Sender})
	if err != nil || !found {
		return false, err
	}
	return a.within(ctx, list, item, j, &user, 0)
}

// inList says that a list of an alias names it, and that it is still its owner's.
func (a *Authority) inList(ctx context.Context, whose string, item aliases.Item, j *local.Job) (bool, error) {
	text, path, _ := strings.Cut(whose, ":")
	uid, err := strconv.ParseUint(text, 10, 32)
	if err != nil || !a.Aliases.Includes(path) {
		return false, nil //nolint:nilerr // what is no number names nobody
	}
	list, err := a.Lists.ReadInclude(ctx, path, nil)
	if err != nil || !list.Owned && uid != 0 || list.Owned && uint64(list.UID) != uid {
		return false, err
	}
	return a.within(ctx, list, item, j, nil, 0)
}

// within says that a list, or one that stands in it, names the item, and may.
func (a *Authority) within(ctx context.Context, list *aliases.List, item aliases.Item, j *local.Job, as *aliases.User, depth int) (bool, error) {
	if _, refused := list.Refusal(item.Kind, j.Recipient, ""); !refused && names(list.Items, item) {
		return true, nil
	}
	for _, other := range list.Items {
		if other.Kind != aliases.Include || as == nil || depth >= mostNested {
			continue
		}
		inner, err := a.Lists.ReadInclude(ctx, other.Text, as)
		if err != nil {
			continue // one list that cannot be read says nothing of the others
		}
		if named, err := a.within(ctx, inner, item, j, as, depth+1); named || err != nil {
			return named, err
		}
	}
	return false, nil
}

// mayOpen says that a file is one that a delivery may have to read: a .forward where
// ForwardPath has it, a list of the aliases as DefaultUser, or one that a user's own
// .forward names.
func (a *Authority) mayOpen(ctx context.Context, o *opening) bool {
	if o.Kind == safefile.Include && o.UID == a.IncludeUID && o.UID != 0 {
		return true
	}
	user, ok, err := a.Users.LookupUID(o.UID)
	if err != nil || !ok || o.UID == 0 {
		return false
	}
	switch o.Kind {
	case safefile.Forward:
		return slices.ContainsFunc(a.Lists.ForwardFiles(user), func(path string) bool {
			rest, ok := strings.CutPrefix(o.Path, path)
			detail := strings.HasPrefix(rest, "+") && !strings.Contains(rest, "/")
			return ok && (rest == "" || detail)
		})
	case safefile.Include:
		list, found, err := a.Lists.Forward(ctx, user, aliases.Letter{})
		return err == nil && found && a.includes(ctx, list, o.Path, &user, 0)
	default:
		return false
	}
}

// includes says that a list names another one, or one in it does.
func (a *Authority) includes(ctx context.Context, list *aliases.List, path string, as *aliases.User, depth int) bool {
	for _, i := range list.Items {
		if i.Kind != aliases.Include || depth > mostNested {
			continue
		}
		if i.Text == path {
			return true
		}
		inner, err := a.Lists.ReadInclude(ctx, i.Text, as)
		if err == nil && a.includes(ctx, inner, path, as, depth+1) {
			return true
		}
	}
	return false
}

func names(items []aliases.Item, item aliases.Item) bool {
	return slices.ContainsFunc(items, func(i aliases.Item) bool { return i.Kind == item.Kind && i.Text == item.Text })
}
