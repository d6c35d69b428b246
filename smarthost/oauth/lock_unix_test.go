//go:build unix

package oauth

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"mailcrane/internal/config"
)

// Root logs in for a service, which must be able to renew what it finds.
func TestALockThatRootMadeIsTheServices(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	dir := t.TempDir()
	const nobody = 65534
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	a := &config.Account{Name: "work", Secret: config.Secret{Kind: "file", Value: filepath.Join(dir, "login")}}
	getenv := func(string) string { return "" }
	unlock, err := lock(t.Context(), a, getenv)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	var st syscall.Stat_t
	if err := syscall.Stat(lockPath(a, getenv), &st); err != nil || st.Uid != nobody {
		t.Errorf("it belongs to uid %d: %v", st.Uid, err)
	}
}
