package network

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/windows"
)

// wireless knows the names of wireless networks. It has no events of its own: a
// network comes with an address.
type wireless struct {
	open, close, query, free *windows.LazyProc
}

func openWireless() wireless {
	wlan := windows.NewLazySystemDLL("wlanapi.dll")
	return wireless{
		open: wlan.NewProc("WlanOpenHandle"), close: wlan.NewProc("WlanCloseHandle"),
		query: wlan.NewProc("WlanQueryInterface"), free: wlan.NewProc("WlanFreeMemory"),
	}
}

// read names the networks that adapters are in. A server edition without wireless
// networks, a service that is off, and a person who keeps the place to herself
// (Windows 11 24H2) are no errors: then the name is not known.
func (w wireless) read(rows []adapterRow) {
	var handle windows.Handle
	for i := range rows {
		row := &rows[i]
		if row.kind != typeWiFi || row.status != statusUp {
			continue
		}
		guid, err := windows.GUIDFromString(row.guid)
		if err != nil {
			continue
		}
		if handle == 0 {
			if handle, err = w.handle(); err != nil {
				return
			}
			defer func() { _, _, _ = w.close.Call(uintptr(handle), 0) }()
		}
		row.ssid, row.profile = w.name(handle, &guid)
	}
}

// errNoWireless is of a Windows without wireless networks.
var errNoWireless = errors.New("there is no wireless service")

func (w wireless) handle() (windows.Handle, error) {
	const version = 2
	if w.open.Find() != nil || w.close.Find() != nil || w.query.Find() != nil || w.free.Find() != nil {
		return 0, errNoWireless
	}
	var spoken uint32
	var handle windows.Handle
	r, _, _ := w.open.Call(version, 0, uintptr(unsafe.Pointer(&spoken)), uintptr(unsafe.Pointer(&handle)))
	if r != 0 || handle == 0 {
		return 0, errNoWireless
	}
	return handle, nil
}

func (w wireless) name(handle windows.Handle, guid *windows.GUID) (ssid, profile string) {
	const current = 7 // wlan_intf_opcode_current_connection
	var size uint32
	var data *byte
	r, _, _ := w.query.Call(uintptr(handle), uintptr(unsafe.Pointer(guid)), current, 0,
		uintptr(unsafe.Pointer(&size)), uintptr(unsafe.Pointer(&data)), 0)
	if r != 0 || data == nil {
		return "", ""
	}
	defer func() { _, _, _ = w.free.Call(uintptr(unsafe.Pointer(data))) }()
	return wirelessName(unsafe.Slice(data, size))
}
