package network

import (
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Coverage: windows-network.
func TestWindowsIsReadAndItsEventsEnd(t *testing.T) {
	sources, err := system(func() {})
	if err != nil {
		t.Fatal(err)
	}
	var f facts
	for _, s := range sources {
		if err := s.Read(&f); err != nil {
			t.Errorf("%T: %v", s, err)
		}
	}
	if len(f.links) == 0 || len(f.addrs) == 0 || f.gap != nil {
		t.Errorf("%d links, %d addresses, gap %v", len(f.links), len(f.addrs), f.gap)
	}
	for _, l := range f.links {
		t.Logf("%+v", l)
	}
	for _, r := range f.routes {
		t.Logf("%+v", r)
	}
	t.Logf("%d sources; %+v", len(sources), judge(&f))
	for _, s := range sources {
		closed := make(chan error)
		go func() { closed <- s.Close() }()
		select {
		case err := <-closed:
			if err != nil {
				t.Errorf("%T: %v", s, err)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%T: Close waits for an event that does not come", s)
		}
	}
}

// Coverage: windows-network.
func TestACallOfWindowsPokes(t *testing.T) {
	// The registration of itself is what Windows calls back for, if asked to.
	pokes := make(chan struct{}, 16)
	callback := windows.NewCallback(called(func() { pokes <- struct{}{} }))
	var event windows.Handle
	if err := windows.NotifyUnicastIpAddressChange(windows.AF_INET, callback, nil, true, &event); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = notices{event}.cancel() }()
	select {
	case <-pokes:
	case <-time.After(10 * time.Second):
		t.Error("no call came")
	}
}

func TestTheSizeOfAHint(t *testing.T) {
	if n := unsafe.Sizeof(rawHint{}); n != 12 {
		t.Errorf("NL_NETWORK_CONNECTIVITY_HINT has 12 octets, not %d", n)
	}
}
