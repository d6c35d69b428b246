package drop

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/queue"
)

func written(t testing.TB, dir, text string) string {
	t.Helper()
	id, err := NewID(rand.Reader)
	if err != nil || !id.Valid() {
		t.Fatal(id, err)
	}
	d, err := Create(dir, id, &queue.Envelope{From: "a@example.org", To: []queue.Recipient{{Address: "b@example.net", Notify: "NEVER"}}, EnvID: "x"})
	if err == nil {
		_, err = io.WriteString(d, text)
	}
	if err == nil {
		err = d.Keep()
	}
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, string(id)+Whole)
}

func TestWhatIsDroppedIsReadAsItWasWritten(t *testing.T) {
	path := written(t, t.TempDir(), "\nbody\x00\r\n")
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o640 {
		t.Fatal(info.Mode(), err)
	}
	octets, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	e, message, err := Read(bytes.NewReader(octets), int64(len(octets)))
	if err != nil || e.From != "a@example.org" || e.EnvID != "x" || e.To[0] != (queue.Recipient{Address: "b@example.net", Notify: "NEVER"}) {
		t.Fatal(e, err)
	}
	if text, err := io.ReadAll(message); err != nil || string(text) != "\nbody\x00\r\n" {
		t.Errorf("%q, %v", text, err)
	}
	for i := range octets { // whichever octet is another, the message is not taken for whole
		changed := bytes.Clone(octets)
		changed[i] ^= 1
		if e, message, err := Read(bytes.NewReader(changed), int64(len(changed))); err == nil {
			if _, err = io.ReadAll(message); err == nil {
				t.Errorf("octet %d was changed, and nobody says so: %+v", i, e)
			}
		}
	}
	for i := range octets {
		if _, message, err := Read(bytes.NewReader(octets[:i]), int64(len(octets))); err == nil {
			if _, err = io.ReadAll(message); err == nil {
				t.Errorf("%d octets of %d are taken for all", i, len(octets))
			}
		}
	}
}

func TestADraftDoesNotGoIntoAFileThatIsThere(t *testing.T) {
	dir := t.TempDir()
	id := ID(strings.Repeat("0", 32))
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), filepath.Join(dir, string(id)+Writing)); err != nil {
		t.Fatal(err)
	}
	if d, err := Create(dir, id, &queue.Envelope{To: []queue.Recipient{{Address: "b@example.net"}}}); err == nil {
		t.Errorf("%+v was made through a link", d)
	}
	if _, err := os.Stat(filepath.Join(dir, "elsewhere")); err == nil {
		t.Error("the file at the end of the link was made")
	}
}

func FuzzRead(f *testing.F) {
	octets, err := os.ReadFile(written(f, f.TempDir(), "\nbody\n"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(octets)
	f.Add([]byte{})
	f.Add(fmt.Appendf(nil, "%s%016x %012d\n", form, 0, 0))
	f.Add([]byte("mailcrane-drop 1 0000000000000000 -00000000001\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, message, err := Read(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		if _, err := io.ReadAll(message); err == nil && len(e.To) == 0 {
			t.Error("a whole message without a recipient")
		}
	})
}
