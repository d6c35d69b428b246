package installer

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A unitState says whose unit is in the place of ours.
type unitState int

const (
	nothing unitState = iota // no file
	empty                    // a file without content
	same                     // the unit that would be written
	other                    // ours, of another version, path or configuration
	foreign                  // somebody else's
	masked                   // a link to /dev/null
)

// marked says that the mark is where a script or a property list has it: behind
// the line that names its interpreter, or form.
func marked(text string) bool {
	first, rest, _ := strings.Cut(text, "\n")
	second, _, _ := strings.Cut(rest, "\n")
	return strings.HasPrefix(first, "#!") && second == mark ||
		strings.HasPrefix(first, "<?xml") && second == "<!-- "+strings.TrimPrefix(mark, "# ")+" -->"
}

// readUnit compares the file with the text that it should have.
func readUnit(path, text string) (unitState, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nothing, nil
	}
	if err != nil {
		return foreign, err
	}
	if !info.Mode().IsRegular() {
		if target, err := os.Readlink(path); err == nil && target == os.DevNull {
			return masked, nil
		}
		return foreign, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return foreign, err
	}
	defer f.Close()
	const most = 64 << 10
	data, err := io.ReadAll(io.LimitReader(f, most))
	switch found := string(data); {
	case err != nil:
		return foreign, err
	case found == "":
		return empty, nil
	case found == text:
		return same, nil
	case strings.HasPrefix(found, mark+"\n"), marked(found):
		return other, nil
	}
	return foreign, nil
}

// writeUnit replaces the unit whole or not at all, also when the power goes.
func writeUnit(path, text string) error {
	dir := filepath.Dir(path)
	// systemd takes no notice of a name that ends like this.
	f, err := os.CreateTemp(dir, "."+unitName+".*.new")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	return syncFolder(dir)
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
