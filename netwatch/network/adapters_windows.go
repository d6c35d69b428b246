package network

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// adapters is the source that reads the IP Helper.
type adapters struct {
	wlan   wireless
	events notices
}

// openAdapters is told of changes before the first Read, so that none falls
// between the two. Windows keeps a callback for as long as the process runs; of
// the 2000 that it gives, a Watcher takes two.
func openAdapters(poke func()) (*adapters, error) {
	callback := windows.NewCallback(called(poke))
	a := &adapters{wlan: openWireless()}
	for _, notify := range [...]func(uint16, uintptr, unsafe.Pointer, bool, *windows.Handle) error{
		windows.NotifyIpInterfaceChange, windows.NotifyUnicastIpAddressChange, windows.NotifyRouteChange2,
	} {
		var event windows.Handle
		if err := notify(windows.AF_UNSPEC, callback, nil, false, &event); err != nil {
			_ = a.Close()
			return nil, fmt.Errorf("network events cannot be had: %w", err)
		}
		a.events = append(a.events, event)
	}
	return a, nil
}

// called is what Windows calls: what it says of the change is not looked at.
func called(poke func()) func(context, row, kind uintptr) uintptr {
	return func(_, _, _ uintptr) uintptr {
		poke()
		return 0
	}
}

// Close ends the events; none comes after it.
func (a *adapters) Close() error { return a.events.cancel() }

// Read lists adapters with their addresses, and routes.
func (a *adapters) Read(f *facts) error {
	rows, err := listAdapters()
	if err != nil {
		return fmt.Errorf("the network adapters cannot be read: %w", err)
	}
	a.wlan.read(rows)
	routes, err := listRoutes()
	if err != nil {
		return fmt.Errorf("the routes cannot be read: %w", err)
	}
	readAdapters(f, rows, routes)
	return nil
}

// notices are what the IP Helper calls back for.
type notices []windows.Handle

// cancel waits for a call that is under way.
func (n notices) cancel() error {
	var first error
	for _, event := range n {
		if err := windows.CancelMibChangeNotify2(event); err != nil && first == nil {
			first = fmt.Errorf("network events do not end: %w", err)
		}
	}
	return first
}
