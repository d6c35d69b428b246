package safefile

import (
	"fmt"
	"io"
)

// mostText bounds a file that Text reads, in octets.
const mostText = 64 << 10

// Text is all of a file, of 64 KiB at the most.
func (r Rules) Text(kind Kind, path string) (string, error) {
	f, err := r.Open(kind, path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostText+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("cannot read %s: %w", path, err)
	case len(text) > mostText:
		return "", fmt.Errorf("%s is too large: it may have %d octets", path, mostText)
	}
	return string(text), nil
}
