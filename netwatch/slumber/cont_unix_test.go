//go:build unix

package slumber

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAProcessThatGoesOnAfterAStopIsToldSo(t *testing.T) {
	went := make(chan struct{}, 1)
	w := watchCont(func() { went <- struct{}{} })
	if err := unix.Kill(os.Getpid(), unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	<-went
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}
