package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mailcrane/internal/sysexits"
)

// Directories are where the queue is, as they are set: a path that ends in "*",
// as sendmail has it, stands for all directories that begin with it.
type Directories []string

// String is for a person.
func (d Directories) String() string { return strings.Join(d, ", ") }

// QueueDirs is the directories that the setting means now. None, where it ends
// in "*" and nothing begins so, is an error of sysexits.
func (c *Config) QueueDirs() (Directories, error) {
	var dirs Directories
	for _, set := range c.Spools {
		begin, several := strings.CutSuffix(set, "*")
		if !several {
			dirs = append(dirs, set)
			continue
		}
		found, err := beginningWith(begin)
		if err != nil {
			return nil, sysexits.Errorf(sysexits.Config, "look at its owner and mode, or name other directories", "looking for the queue directories %s: %w", set, err)
		}
		if len(found) == 0 {
			return nil, sysexits.Errorf(sysexits.Config, "make one, for example: mkdir -m 700 "+begin+"1",
				"the queue directory is set to %s, and there is no directory that begins so", set)
		}
		dirs = append(dirs, found...)
	}
	return slices.Compact(dirs), nil
}

// beginningWith is the directories whose path begins so, by name.
func beginningWith(begin string) ([]string, error) {
	parent, prefix := filepath.Split(begin)
	entries, err := os.ReadDir(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var dirs []string
	for _, e := range entries {
		path := parent + e.Name()
		if !strings.HasPrefix(e.Name(), prefix) || prefix == "" && strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			dirs = append(dirs, path)
		}
	}
	return dirs, nil
}

// readDirectories takes in one path or a list of them.
func (o *Option) readDirectories(to *Directories, v value, home string) error {
	items := v.items
	if v.kind != "array" {
		items = []value{v}
	}
	if len(items) == 0 {
		return errors.New("the list is empty: name one directory at least")
	}
	*to = nil
	for _, item := range items {
		path, err := item.text()
		if err != nil {
			return err
		}
		*to = append(*to, expandHome(path, home))
	}
	return nil
}
