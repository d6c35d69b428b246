package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/lab"
)

// onFullDisk fills the disk of the spool after mail was taken in, runs the
// queue, makes room, and runs it again.
const onFullDisk = `
mount -t tmpfs -o size=64k none "$1" || exit 1
sendmail -i -f "$2" "$4" <"$5"
sendmail -i -f "$2" "$3" "$4" <"$5"
cat /dev/zero >"$1/filler" 2>/dev/null
mailcrane flush
echo "first flush: $?"
mailcrane queue --json
rm "$1/filler"
mailcrane flush
echo "second flush: $?"
mailcrane queue --json
find "$1" -type f ! -name '*.lock'
`

// A disk that is full when the answers come loses no message and no bounce.
// An answer that could not be written down makes the message uncertain, which
// is said, and it is sent again (law 4).
func TestADiskThatFillsUpWhileMailWaits(t *testing.T) {
	t.Parallel()
	unshare := lab.Client(t, "unshare")
	h := newHome(t, smarthostCases()[0], "")
	good, bad := h.box.Address("good"), h.box.Address("reject")
	if err := os.Mkdir(filepath.Join(h.dir, "spool"), 0o700); err != nil {
		t.Fatal(err)
	}
	said := h.run(nil, unshare, "--mount", "--propagation", "private", "sh", "-c", onFullDisk, "sh",
		filepath.Join(h.dir, "spool"), h.me, good, bad, h.write("letter", head+"\n"+letter))
	if !strings.Contains(said, "second flush: 0\n") {
		t.Errorf("the second flush failed")
	}
	if got := h.box.WaitN(h.me, 2); len(got) != 2 {
		t.Errorf("%d of 2 bounces arrived", len(got))
	}
	copies := h.box.WaitN(good, 1)
	if len(copies) > 1 && !strings.Contains(said, "uncertain for "+good) {
		t.Errorf("%d copies arrived, and nothing was said", len(copies))
	}
	for _, again := range copies[1:] {
		if !bytes.Equal(again.Sent, copies[0].Sent) {
			t.Errorf("the second copy is another message: %q, %q", copies[0].Sent, again.Sent)
		}
	}
	if t.Failed() {
		t.Log(said)
	}
}
