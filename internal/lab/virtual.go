package lab

import (
	"archive/tar"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Virtual boots a machine with a kernel of its own, which can really be
// suspended, and has it run the program run. files are those of this machine
// that it finds in /root, by their names there; run is one of them. It returns
// what the console showed, and ends the test if the program did not end well
// within some minutes.
func Virtual(t testing.TB, files map[string]string) (console string) {
	t.Helper()
	needRoot(t, "a virtual machine")
	if _, err := os.Stat(filepath.Join(Root(), "machine/ready")); err != nil {
		Missing(t, "a virtual machine", "internal/lab/lab.sh install machine")
	}
	parcel := filepath.Join(t.TempDir(), "files.tar")
	if err := pack(parcel, files); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(script("machine.sh"), "run", parcel).CombinedOutput()
	if err != nil {
		t.Fatalf("in the virtual machine: %v; its console showed:\n%s", err, out)
	}
	return string(out)
}

// pack writes a tar(5) with programs.
func pack(parcel string, files map[string]string) error {
	f, err := os.Create(parcel)
	if err != nil {
		return err
	}
	defer f.Close()
	w := tar.NewWriter(f)
	for name, path := range files {
		if err := add(w, name, path); err != nil {
			return err
		}
	}
	return w.Close()
}

func add(w *tar.Writer, name, path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: info.Size()}); err != nil {
		return err
	}
	_, err = io.Copy(w, in)
	return err
}
