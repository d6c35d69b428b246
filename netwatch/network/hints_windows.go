package network

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// hints is the source that knows what a network costs, and whether a captive
// portal is in the way, as far as Windows has found out. It needs neither COM
// nor a session of a user.
type hints struct {
	of, all *windows.LazyProc
	events  notices
}

// rawHint is NL_NETWORK_CONNECTIVITY_HINT.
type rawHint struct {
	level, cost                uint32
	nearLimit, beyond, roaming byte
	_                          byte
}

// openHints opens nothing where Windows is older than 10 version 2004, which
// has no such functions.
func openHints(poke func()) []source {
	helper := windows.NewLazySystemDLL("iphlpapi.dll")
	h := &hints{
		of:  helper.NewProc("GetNetworkConnectivityHintForInterface"),
		all: helper.NewProc("GetNetworkConnectivityHint"),
	}
	notify := helper.NewProc("NotifyNetworkConnectivityHintChange")
	if h.of.Find() != nil || h.all.Find() != nil || notify.Find() != nil {
		return nil
	}
	// The hint comes by value: in three words where arguments are on the stack,
	// which the callee takes off, and in one or two registers elsewhere.
	callback := windows.NewCallback(func(_, _, _, _ uintptr) uintptr {
		poke()
		return 0
	})
	var event windows.Handle
	if r, _, _ := notify.Call(callback, 0, 0, uintptr(unsafe.Pointer(&event))); r != 0 {
		// Without events it would be known late, and a change of cost comes
		// most often with one of the route.
		return []source{h}
	}
	h.events = notices{event}
	return []source{h}
}

// Close ends the events; none comes after it.
func (h *hints) Close() error { return h.events.cancel() }

// Read asks for the cost of each network, and for the portal. What Windows does
// not say is no reason to keep mail here.
func (h *hints) Read(f *facts) error {
	of := func(index int) (hint, bool) {
		var raw rawHint
		r, _, _ := h.of.Call(uintptr(index), uintptr(unsafe.Pointer(&raw)))
		return raw.hint(), r == 0
	}
	var all rawHint
	if r, _, _ := h.all.Call(uintptr(unsafe.Pointer(&all))); r != 0 {
		all = rawHint{}
	}
	readHints(f, of, all.hint())
	return nil
}

func (r rawHint) hint() hint {
	return hint{
		level: r.level, cost: r.cost,
		beyond: r.beyond != 0, roaming: r.roaming != 0,
	}
}
