package network

import (
	"errors"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/windows"
)

// listTries is how often a list is asked for that grows meanwhile.
const listTries = 5

// listAdapters asks for the adapters that IP runs on, with their addresses.
func listAdapters() ([]adapterRow, error) {
	const flags = windows.GAA_FLAG_SKIP_ANYCAST | windows.GAA_FLAG_SKIP_MULTICAST | windows.GAA_FLAG_SKIP_DNS_SERVER
	size := uint32(16 << 10) // what the documentation says to begin with
	for try := 1; ; try++ {
		// Eight octets each, since the list is one of structures with pointers.
		list := make([]uint64, (size+7)/8)
		first := (*windows.IpAdapterAddresses)(unsafe.Pointer(&list[0]))
		switch err := windows.GetAdaptersAddresses(windows.AF_UNSPEC, flags, 0, first, &size); {
		case err == nil:
			var rows []adapterRow
			for a := first; a != nil; a = a.Next {
				rows = append(rows, adapterOf(a))
			}
			return rows, nil
		case errors.Is(err, windows.ERROR_NO_DATA):
			return nil, nil
		case !errors.Is(err, windows.ERROR_BUFFER_OVERFLOW) || try == listTries:
			return nil, err
		}
	}
}

func adapterOf(a *windows.IpAdapterAddresses) adapterRow {
	row := adapterRow{
		index:       int(a.IfIndex),
		name:        windows.UTF16PtrToString(a.FriendlyName),
		description: windows.UTF16PtrToString(a.Description),
		guid:        windows.BytePtrToString(a.AdapterName),
		kind:        a.IfType,
		tunnelKind:  a.TunnelType,
		status:      a.OperStatus,
		metric4:     a.Ipv4Metric,
		metric6:     a.Ipv6Metric,
	}
	if row.index == 0 {
		row.index = int(a.Ipv6IfIndex) // IPv4 is switched off there
	}
	for u := a.FirstUnicastAddress; u != nil; u = u.Next {
		ip, ok := netip.AddrFromSlice(u.Address.IP())
		if !ok {
			continue
		}
		row.addrs = append(row.addrs, adapterAddr{
			prefix: netip.PrefixFrom(ip, int(u.OnLinkPrefixLength)),
			dad:    u.DadState,
			suffix: u.SuffixOrigin,
		})
	}
	return row
}

func listRoutes() ([]forwardRow, error) {
	var table *windows.MibIpForwardTable2
	err := windows.GetIpForwardTable2(windows.AF_UNSPEC, &table)
	if errors.Is(err, windows.ERROR_NOT_FOUND) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer windows.FreeMibTable(unsafe.Pointer(table))
	rows := make([]forwardRow, 0, table.NumEntries)
	for _, r := range table.Rows() {
		dst, gateway := ipOf(&r.DestinationPrefix.Prefix), ipOf(&r.NextHop)
		if !dst.IsValid() || !gateway.IsValid() {
			continue
		}
		rows = append(rows, forwardRow{
			index:    int(r.InterfaceIndex),
			dst:      netip.PrefixFrom(dst, int(r.DestinationPrefix.PrefixLength)),
			gateway:  gateway,
			metric:   r.Metric,
			protocol: r.Protocol,
		})
	}
	return rows, nil
}

// ipOf is the address in a SOCKADDR_INET; the zero Addr for a family that is
// none of IP.
func ipOf(sa *windows.RawSockaddrInet) netip.Addr {
	switch sa.Family {
	case windows.AF_INET:
		return netip.AddrFrom4((*windows.RawSockaddrInet4)(unsafe.Pointer(sa)).Addr)
	case windows.AF_INET6:
		return netip.AddrFrom16((*windows.RawSockaddrInet6)(unsafe.Pointer(sa)).Addr)
	}
	return netip.Addr{}
}
