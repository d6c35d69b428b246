//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package network

import (
	"reflect"
	"runtime"
	"testing"
	"time"
)

func TestTheNumbersOfThisSystem(t *testing.T) {
	recorded := map[string]func() routing{
		"darwin": macOS, "dragonfly": dragonFly, "freebsd": freeBSD, "netbsd": netBSD, "openbsd": openBSD,
	}
	if got, want := systemRouting(), recorded[runtime.GOOS](); !reflect.DeepEqual(got, want) {
		t.Errorf("recorded events are read by other numbers than live ones:\n%+v\n%+v", want, got)
	}
}

func TestTheKernelIsReadAndTheSocketCloses(t *testing.T) {
	s, err := openRouteSocket(func() {})
	if err != nil {
		t.Fatal(err)
	}
	var f facts
	if err := s.Read(&f); err != nil || f.gap != nil || len(f.links) == 0 {
		t.Errorf("%v, gap %v, %d links", err, f.gap, len(f.links))
	}
	t.Logf("%+v", judge(&f))
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Close waits for an event that does not come")
	}
}
