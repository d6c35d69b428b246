package candidate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

// maxFile is the most of a configuration that is read, in octets; package
// config reads no more either.
const maxFile = 1 << 20

// A File is a configuration file with accounts added to it, which is not on
// the disk yet.
type File struct {
	// Path is where it is to stand, with symbolic links followed: a person may
	// keep the file elsewhere.
	Path string
	// Before is what stands there now; nil where there is no file.
	Before []byte
	// After is the whole new text.
	After []byte
	// Config is the new text as it will be read.
	Config *config.Config
	// Added are the names of the accounts as they were given, in the new text; ""
	// for one that was there already.
	Added []string
	// Skipped are the names of accounts that were there already with the same
	// server, user and senders.
	Skipped []string
	// Renamed are the new names of accounts whose own was taken, by it.
	Renamed map[string]string
}

// New is the file at path with accounts added to what stands there, which
// stays as it is. preferred is the account that becomes the default one where
// none was named before; "" leaves that to whether there is only one. The
// result has been read as a configuration: one with an error is no candidate but
// an error, a *sysexits.Error.
func New(path string, accounts []*config.Account, preferred string, getenv func(string) string) (*File, error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	c := &File{Path: path, Renamed: make(map[string]string)}
	var err error
	if c.Before, err = readFile(path); err != nil {
		return nil, err
	}
	old, err := config.Parse(path, c.Before, getenv)
	if err != nil {
		return nil, err
	}
	taken := make(map[string]bool)
	for _, a := range old.Accounts {
		taken[a.Name] = true
	}
	var text strings.Builder
	standard := ""
	for _, a := range accounts {
		if name := c.add(&text, old, taken, a); a.Name == preferred {
			standard = name
		}
	}
	c.After = c.compose(old, standard, text.String())
	if c.Config, err = config.Parse(path, c.After, getenv); err != nil {
		return nil, err
	}
	return c, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var text []byte
	if err == nil {
		defer f.Close()
		text, err = io.ReadAll(io.LimitReader(f, maxFile+1))
	}
	switch {
	case err != nil:
		return nil, sysexits.Errorf(sysexits.Config, "look at it with: ls -l "+path, "cannot read the configuration: %w", err)
	case len(text) > maxFile:
		return nil, sysexits.Errorf(sysexits.Config, "", "configuration %s is larger than %d octets", path, maxFile)
	}
	return text, nil
}

// add writes the account's table, under a name of its own, and returns the
// name under which the account stands in the end.
func (c *File) add(text *strings.Builder, old *config.Config, taken map[string]bool, a *config.Account) string {
	for _, there := range old.Accounts {
		if same(there, a) {
			c.Skipped, c.Added = append(c.Skipped, there.Name), append(c.Added, "")
			return there.Name
		}
	}
	b := *a
	for n := 2; taken[b.Name]; n++ {
		b.Name = fmt.Sprintf("%s-%d", a.Name, n)
	}
	taken[b.Name] = true
	c.Added = append(c.Added, b.Name)
	if b.Name != a.Name {
		c.Renamed[a.Name] = b.Name
	}
	text.WriteString("\n" + Table(&b))
	return b.Name
}

// same says that both are one account in all that decides on where mail goes
// and as whom.
func same(a, b *config.Account) bool {
	if a.Smarthost != b.Smarthost || a.User != b.User || len(a.From) != len(b.From) {
		return false
	}
	for i := range a.From {
		if !strings.EqualFold(a.From[i], b.From[i]) {
			return false
		}
	}
	return true
}

// compose adds tables at the end. What was the default account stays it: the
// only account of a file is that without being named, and would no more be
// once there are others.
func (c *File) compose(old *config.Config, preferred, tables string) []byte {
	before := string(c.Before)
	if tables == "" {
		return c.Before
	}
	line := ""
	switch {
	case hasDefault(before):
	case old.DefaultAccount != nil:
		line = "default_account = " + Quote(old.DefaultAccount.Name) + "\n"
	case preferred != "":
		line = "default_account = " + Quote(preferred) + "\n"
	}
	if before == "" {
		if line == "" {
			tables = strings.TrimPrefix(tables, "\n")
		}
		return []byte(line + tables)
	}
	if !strings.HasSuffix(before, "\n") {
		before += "\n"
	}
	// A key of no table has to stand before the first of them.
	at := firstTable(before)
	return []byte(before[:at] + line + before[at:] + tables)
}

// firstTable is where the first line in brackets begins. It may be one inside
// of a list, where nothing is lost: the new text is read before it is used.
func firstTable(text string) int {
	at := 0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimLeft(line, " \t"), "[") {
			return at
		}
		at += len(line)
	}
	return at
}

// hasDefault says that text names the default account itself.
func hasDefault(text string) bool {
	for line := range strings.Lines(text[:firstTable(text)]) {
		key, _, _ := strings.Cut(line, "=")
		if strings.Trim(strings.TrimSpace(key), `"'`) == "default_account" {
			return true
		}
	}
	return false
}

// Write puts the candidate where it belongs, synced, whole or not at all. A new
// file can be read by its owner alone; one that was there keeps its mode and
// owner. Where the file is no longer what it was when the candidate was made,
// nothing is written.
func (c *File) Write() error {
	now, err := readFile(c.Path)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, c.Before) {
		return sysexits.Errorf(sysexits.TempFail, "type the same again", "%s was changed by somebody else meanwhile; nothing was written", c.Path)
	}
	if err := replace(c.Path, c.After, true); err != nil {
		return sysexits.Errorf(sysexits.CantCreat, "look at the directory with: ls -ld "+filepath.Dir(c.Path), "cannot write the configuration: %w", err)
	}
	return nil
}

// replace writes a file that its owner alone can read; where kept, one that was
// there leaves it its mode and owner.
func replace(path string, text []byte, kept bool) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if info, err := os.Stat(path); err == nil && kept {
		if err := keepOwner(f, info); err != nil {
			f.Close()
			return err
		}
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return queue.OS{}.SyncDir(dir)
}
