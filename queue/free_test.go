package queue

import (
	"path/filepath"
	"testing"
)

func TestTheRoomOfADirectoryThatIsNotMadeYetIsThatOfItsDisk(t *testing.T) {
	dir := t.TempDir()
	here, err := OS{}.Free(dir)
	if err != nil {
		t.Skipf("this system does not tell: %v", err)
	}
	below, err := OS{}.Free(filepath.Join(dir, "not", "yet"))
	if err != nil || here <= 0 || below <= 0 {
		t.Errorf("%d octets in %s, %d below: %v", here, dir, below, err)
	}
}
