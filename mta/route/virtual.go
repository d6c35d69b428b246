package route

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mailcrane/internal/address"
	"mailcrane/internal/visible"
	"mailcrane/mta/textmap"
)

// virtually asks the virtusertable, for the domains in class w and in VirtHost.
func (t *Table) virtually(ctx context.Context, p place) (s Step, found bool, err error) {
	if t.virtual.none() || p.domain == "" || p.here == "" && t.classes.Virtual(p.domain) == "" {
		return Step{}, false, nil
	}
	for _, k := range virtualKeys(p.local, p.domain) {
		value, where, ok, err := t.virtual.find(ctx, "virtusertable", k.key)
		if err != nil {
			return Step{}, false, err
		}
		if !ok {
			continue
		}
		if s, err = virtual(filledAddress(value, k.args...), where); err != nil {
			return s, false, err
		}
		if s.Kind == Again && strings.EqualFold(s.Address, p.String()) {
			return Step{}, false, nil // it is itself: an exception to what would be found later
		}
		return s, true, nil
	}
	return Step{}, false, nil
}

// A virtualKey is a key, and what its %1, %2 and %3 are.
type virtualKey struct {
	key  string
	args []string
}

// virtualKeys are in sendmail's order.
func virtualKeys(local, domain string) []virtualKey {
	user, detail := detailed(local)
	if user == local {
		return []virtualKey{{local + "@" + domain, []string{local}}, {"@" + domain, []string{local}}}
	}
	keys := []virtualKey{{local + "@" + domain, []string{local}}}
	args := []string{user, detail, "+" + detail}
	for _, key := range []string{user + "++@", user + "+*@", user + "@", "++@", "+*@", "@"} {
		if detail == "" && strings.HasSuffix(key, "++@") {
			continue
		}
		keys = append(keys, virtualKey{key + domain, args})
	}
	return keys
}

// virtual is the step that an entry of the virtusertable says: an address that is
// looked up in turn, or a reply.
func virtual(value, where string) (Step, error) {
	s := Step{Kind: Again, Address: value, Where: where, Why: "the virtusertable says so: " + visible.Line(value, mostShown)}
	if len(value) > 6 && strings.EqualFold(value[:6], "error:") {
		reply, _, err := errorReply(strings.TrimSpace(value[6:]), " ")
		if err != nil {
			return s, fmt.Errorf("%s: %w", where, err)
		}
		s.Kind, s.Address, s.Reply = Refused, "", reply
		return s, nil
	}
	if err := oneAddress(value); err != nil {
		return s, fmt.Errorf("%s: %w", where, err)
	}
	return s, nil
}

// checkVirtual looks at an entry of the virtusertable.
func checkVirtual(e textmap.Entry) (warning string, wrong error) {
	value := filled(e.Value, "x", "x", "+x")
	if !strings.Contains(e.Key, "@") {
		warning = "the key has no @, so that no address has it: write user@domain or @domain"
	}
	if len(value) > 6 && strings.EqualFold(value[:6], "error:") {
		_, said, err := errorReply(strings.TrimSpace(value[6:]), " ")
		if said != "" {
			warning = said
		}
		return warning, err
	}
	return warning, oneAddress(value)
}

// oneAddress says why a text is no address or name of a user.
func oneAddress(text string) error {
	bad := func(why string) error {
		return fmt.Errorf("%s is no address: %s", address.Shown(text), why)
	}
	local, domain := address.Split(text)
	switch {
	case text == "":
		return errors.New("it comes to no address")
	case domain == "" && (strings.HasPrefix(text, "|") || strings.HasPrefix(text, "/") || strings.HasPrefix(text, ":include:") || strings.HasPrefix(text, `"|`)):
		return bad("name an alias here, and the program, file or list in the aliases")
	case strings.ContainsAny(text, ", \t") && local[0] != '"':
		return bad("there can be only one: name an alias here, and its members in the aliases")
	case local == "":
		return bad("nothing stands before the @")
	case domain == "" && strings.HasSuffix(text, "@"):
		return bad("nothing stands behind the @")
	}
	return nil
}
