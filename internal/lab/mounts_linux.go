package lab

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

// ownMounts names, in the environment of a test that OwnMounts has started
// again, that test.
const ownMounts = "MAILCRANE_LAB_OWN_MOUNTS"

// OwnMounts runs the calling test again, alone, in a mount namespace of its
// own: whatever it mounts is gone with its process, however that ends, and is
// seen by no other. It says true in there, and false, after that process has
// ended, out here, where nothing is left to do.
func OwnMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv(ownMounts) == t.Name() {
		return true
	}
	needRoot(t, "file systems of its own")
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		Missing(t, "unshare", "apt-get install util-linux")
	}
	args := []string{"--mount", "--propagation", "private", os.Args[0], "-test.run", "^" + t.Name() + "$", "-test.v"}
	if deadline, ok := t.Deadline(); ok {
		args = append(args, "-test.timeout", time.Until(deadline).String())
	} else {
		args = append(args, "-test.timeout", "0")
	}
	cmd := exec.Command(unshare, args...)
	cmd.Env = append(os.Environ(), ownMounts+"="+t.Name())
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("in a mount namespace of its own: %v", err)
	}
	return false
}
