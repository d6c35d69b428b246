package drop

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"mailcrane/internal/lab"
	"mailcrane/queue"
)

// Law 1 where the writer cannot open the directory: what was dropped is there
// after a power cut at any time, whole and by its name.
func TestWhatWasDroppedSurvivesAPowerCut(t *testing.T) {
	if !lab.OwnMounts(t) {
		return
	}
	disk := lab.NewPowerDisk(t, 16<<20)
	dir := filepath.Join(disk.Dir, "drop")
	top := filepath.Dir(disk.Dir)
	if err := errors.Join(os.Chmod(filepath.Dir(top), 0o755), os.Chmod(top, 0o755), os.Chmod(disk.Dir, 0o755), os.Mkdir(dir, 0o700), os.Chmod(dir, 0o733|os.ModeSticky|os.ModeSetgid)); err != nil {
		t.Fatal(err)
	}
	const user = 65431
	const rounds = 2
	for range rounds {
		var path string
		if err := syncDirectory(disk.Dir); err != nil {
			t.Fatal(err)
		}
		lab.As(t, user, func() {
			if _, err := os.Open(dir); err == nil {
				t.Error("the user can list the directory")
			}
			path = written(t, dir, "\nbody\n")
			// And one that is not finished is not there as if it were.
			id, _ := NewID(zeros{})
			if d, err := Create(dir, id, &queue.Envelope{To: []queue.Recipient{{Address: "b@example.net"}}}); err == nil {
				io.WriteString(d, "\nhalf\n")
				d.file.Close()
			}
		})
		disk.Cut()
		disk.Unmount()
		disk.Mount()
		octets, err := os.ReadFile(path)
		if err != nil {
			t.Fatalf("after the power cut: %v", err)
		}
		if len(octets) == 0 {
			t.Fatal("after the power cut the file is empty")
		}
		os.Remove(filepath.Join(dir, "00000000000000000000000000000000"+Writing))
	}
}

func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
