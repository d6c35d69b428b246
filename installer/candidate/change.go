package candidate

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

// An edit puts text in the place of some octets.
type edit struct {
	from, to int
	text     string
}

// Change is the file at path with the account of that name changed to what a
// is in server, user, mechanism, secret and tokens; all else, comments and order
// too, stays as it is.
func Change(path string, a *config.Account, getenv func(string) string) (*File, error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	c := &File{Path: path}
	var err error
	if c.Before, err = readFile(path); err != nil {
		return nil, err
	}
	before, err := config.Parse(path, c.Before, getenv)
	if err != nil {
		return nil, err
	}
	old := before.Account(a.Name)
	if old == nil {
		return nil, sysexits.Errorf(sysexits.Config, "", "%s has no account %s", path, a.Name)
	}
	edits, err := edits(c.Before, old, a)
	if err != nil {
		return nil, sysexits.Errorf(sysexits.Config, fmt.Sprintf("change it there by hand: %s", path), "%w", err)
	}
	after := string(c.Before)
	for _, e := range slices.Backward(edits) {
		after = after[:e.from] + e.text + after[e.to:]
	}
	c.After = []byte(after)
	if c.Config, err = config.Parse(path, c.After, getenv); err != nil {
		return nil, err
	}
	return c, nil
}

// edits are what is to be changed, in the order of the text.
func edits(text []byte, old, a *config.Account) ([]edit, error) {
	changed := changedKeys(old, a)
	if len(changed) == 0 {
		return nil, nil
	}
	var all []edit
	end := -1 // of the line with the account's name in brackets
	var p unstable.Parser
	p.Reset(text)
	inside := false
	for p.NextExpression() {
		node := p.Expression()
		switch node.Kind {
		case unstable.Table, unstable.ArrayTable:
			key, at := keyOf(node)
			if inside = slices.Equal(key, []string{"account", a.Name}); inside {
				end = lineEnd(text, at)
			}
		case unstable.KeyValue:
			if !inside {
				continue
			}
			key, _ := keyOf(node)
			word, is := changed[strings.Join(key, ".")]
			if !is {
				continue
			}
			value := node.Value()
			if value.Kind != unstable.String || value.Raw.Length == 0 {
				return nil, fmt.Errorf("%s of account %s does not stand there as plain text", strings.Join(key, "."), a.Name)
			}
			from := int(value.Raw.Offset)
			all = append(all, edit{from, from + int(value.Raw.Length), Quote(word)})
			delete(changed, strings.Join(key, "."))
		default: // comments, where the parser is told to keep them
		}
	}
	if err := p.Error(); err != nil {
		return nil, err
	}
	if end < 0 {
		return nil, fmt.Errorf("account %s does not stand there as a table [account.%s]", a.Name, a.Name)
	}
	var added strings.Builder
	for _, key := range [...]string{"smarthost", "user", "auth", "secret", "oauth.issuer", "oauth.client_id"} {
		if word, is := changed[key]; is {
			fmt.Fprintf(&added, "%s = %s\n", key, Quote(word))
		}
	}
	if added.Len() > 0 {
		line := added.String()
		if end > 0 && text[end-1] != '\n' {
			line = "\n" + line
		}
		all = append(all, edit{end, end, line})
	}
	slices.SortStableFunc(all, func(a, b edit) int { return a.from - b.from })
	return all, nil
}

// changedKeys are the keys of the account that differ, with what they become.
func changedKeys(old, a *config.Account) map[string]string {
	changed := make(map[string]string)
	for _, k := range [...]struct{ key, was, is string }{
		{"smarthost", smarthost(old.Smarthost), smarthost(a.Smarthost)},
		{"user", old.User, a.User},
		{"auth", old.Auth, a.Auth},
		{"secret", secretText(old.Secret), secretText(a.Secret)},
		{"oauth.issuer", old.OAuth.Issuer, a.OAuth.Issuer},
		{"oauth.client_id", old.OAuth.ClientID, a.OAuth.ClientID},
	} {
		if k.was != k.is {
			changed[k.key] = k.is
		}
	}
	return changed
}

// keyOf is the key of an expression, and where its last part ends.
func keyOf(node *unstable.Node) (key []string, end int) {
	for it := node.Key(); it.Next(); {
		part := it.Node()
		key = append(key, string(part.Data))
		end = int(part.Raw.Offset + part.Raw.Length)
	}
	return key, end
}

// lineEnd is where the line after the one with octet at begins.
func lineEnd(text []byte, at int) int {
	for ; at < len(text); at++ {
		if text[at] == '\n' {
			return at + 1
		}
	}
	return len(text)
}

// Add puts keys of no table before the first table, and tables behind all else.
func (c *File) Add(keys, tables string, getenv func(string) string) error {
	text := string(c.After)
	if tables != "" && text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	at := firstTable(text)
	c.After = []byte(text[:at] + keys + text[at:] + tables)
	var err error
	c.Config, err = config.Parse(c.Path, c.After, getenv)
	return err
}
