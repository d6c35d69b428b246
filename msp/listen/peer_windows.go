package listen

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/windows"
)

// peerCredentials: no Unix socket is listened on.
func peerCredentials(net.Conn) (uid uint32, pid int32, err error) {
	return 0, 0, errors.ErrUnsupported
}

// tcpUser is whose program has connected, by the process that owns the other
// end of the connection (GetExtendedTcpTable).
func tcpUser(peer, us netip.AddrPort) (user, error) {
	process, err := tcpProcess(netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port()), netip.AddrPortFrom(us.Addr().Unmap(), us.Port()))
	if err != nil {
		return user{}, err
	}
	sid, err := sidOf(process)
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) {
		// One's own processes can always be asked.
		return user{words: fmt.Sprintf("process %d of another user", process)}, nil
	}
	if err != nil {
		return user{}, err
	}
	own, err := sidOf(windows.GetCurrentProcessId())
	if err != nil {
		return user{}, err
	}
	return user{
		words: fmt.Sprintf("%s, process %d", nameOf(sid), process),
		ours:  sid.Equals(own) || sid.IsWellKnown(windows.WinLocalSystemSid),
	}, nil
}

// sidOf is the user that a process runs as.
func sidOf(process uint32) (*windows.SID, error) {
	handle, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, process)
	if err != nil {
		return nil, fmt.Errorf("process %d: %w", process, err)
	}
	defer windows.CloseHandle(handle) //nolint:errcheck // it was only asked
	var token windows.Token
	if err := windows.OpenProcessToken(handle, windows.TOKEN_QUERY, &token); err != nil {
		return nil, fmt.Errorf("process %d: %w", process, err)
	}
	defer token.Close()
	u, err := token.GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("process %d: %w", process, err)
	}
	return u.User.Sid, nil
}

// nameOf is the user's name, or its number where it has none.
func nameOf(sid *windows.SID) string {
	if name, domain, _, err := sid.LookupAccount(""); err == nil {
		return "user " + domain + `\` + name
	}
	return "user " + sid.String()
}

// Columns of the rows of MIB_TCPTABLE_OWNER_PID and MIB_TCP6TABLE_OWNER_PID, in
// octets. A port stands in the first two octets of its column, in network order.
type tcpColumns struct {
	family                                   uint32
	size, local, localPort, far, farPort, id int
	octets                                   int // of an address
}

func columnsFor(a netip.AddrPort) tcpColumns {
	if a.Addr().Is6() {
		return tcpColumns{family: windows.AF_INET6, size: 56, local: 0, localPort: 20, far: 24, farPort: 44, id: 52, octets: 16}
	}
	return tcpColumns{family: windows.AF_INET, size: 24, local: 4, localPort: 8, far: 12, farPort: 16, id: 20, octets: 4}
}

// tcpProcess is the process whose end of a connection is peer.
func tcpProcess(peer, us netip.AddrPort) (uint32, error) {
	columns := columnsFor(peer)
	table, err := tcpTable(columns.family)
	if err != nil {
		return 0, fmt.Errorf("the table of connections: %w", err)
	}
	if process, ok := columns.find(table, peer, us); ok {
		return process, nil
	}
	return 0, fmt.Errorf("the connection from %v is not in the system's table", peer)
}

// find looks the connection up; the table begins with the number of its rows.
func (c tcpColumns) find(table []byte, peer, us netip.AddrPort) (process uint32, found bool) {
	if len(table) < 4 {
		return 0, false
	}
	at := func(row []byte, address, port int) netip.AddrPort {
		a, _ := netip.AddrFromSlice(row[address : address+c.octets])
		return netip.AddrPortFrom(a, binary.BigEndian.Uint16(row[port:]))
	}
	count, rows := binary.NativeEndian.Uint32(table), table[4:]
	for ; count > 0 && len(rows) >= c.size; count, rows = count-1, rows[c.size:] {
		if at(rows, c.local, c.localPort) == peer && at(rows, c.far, c.farPort) == us {
			process = binary.NativeEndian.Uint32(rows[c.id:])
			return process, process != 0 // 0: its program has closed it
		}
	}
	return 0, false
}

// tcpTable is the system's table of connections with the processes they belong to.
func tcpTable(family uint32) ([]byte, error) {
	ask := windows.NewLazySystemDLL("iphlpapi.dll").NewProc("GetExtendedTcpTable")
	if err := ask.Find(); err != nil {
		return nil, err
	}
	const (
		connections = 4 // TCP_TABLE_OWNER_PID_CONNECTIONS
		tries       = 5 // it may grow meanwhile
	)
	size := uint32(16 << 10)
	for try := 1; ; try++ {
		table := make([]byte, size)
		code, _, _ := ask.Call(uintptr(unsafe.Pointer(&table[0])), uintptr(unsafe.Pointer(&size)), 0, uintptr(family), connections, 0)
		switch err := windows.Errno(code); {
		case code == 0:
			return table, nil
		case !errors.Is(err, windows.ERROR_INSUFFICIENT_BUFFER) || try == tries:
			return nil, err
		}
	}
}
