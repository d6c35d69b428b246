package names

import (
	"bufio"
	"io"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"
)

// hosts is a file as hosts(5) has it, read again when it has changed.
type hosts struct {
	path string
	now  func() time.Time

	mu      sync.Mutex
	looked  time.Time
	changed time.Time
	size    int64
	byName  map[string][]netip.Addr
	byAddr  map[netip.Addr][]string
}

// addresses are those of an absolute name. localhost is this machine, with or
// without a file (RFC 6761 section 6.3).
func (h *hosts) addresses(name string) []netip.Addr {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refresh()
	all := h.byName[name]
	if len(all) == 0 && (name == "localhost." || strings.HasSuffix(name, ".localhost.")) {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	}
	return append([]netip.Addr(nil), all...)
}

func (h *hosts) names(addr netip.Addr) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refresh()
	return append([]string(nil), h.byAddr[addr]...)
}

// refresh looks at the file, once a second at the most.
func (h *hosts) refresh() {
	if h.path == "" {
		return
	}
	now := h.now()
	if !h.looked.IsZero() && now.Sub(h.looked) < time.Second {
		return
	}
	h.looked = now
	info, err := os.Stat(h.path)
	if err != nil {
		h.byName, h.byAddr, h.changed = nil, nil, time.Time{}
		return
	}
	if info.ModTime().Equal(h.changed) && info.Size() == h.size {
		return
	}
	h.changed, h.size = info.ModTime(), info.Size()
	h.byName, h.byAddr = make(map[string][]netip.Addr), make(map[netip.Addr][]string)
	f, err := os.Open(h.path)
	if err != nil {
		return
	}
	defer f.Close()
	h.read(f)
}

// read takes lines of an address and its names, in their bounds. What a file
// that blocks advertisements sends nowhere is no host.
func (h *hosts) read(f io.Reader) {
	const most, mostLines = 1 << 20, 10_000
	lines := bufio.NewScanner(io.LimitReader(f, most))
	for n := 0; n < mostLines && lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(text)
		if len(words) < 2 {
			continue
		}
		addr, err := netip.ParseAddr(words[0])
		if err != nil || addr.IsUnspecified() {
			continue
		}
		addr = addr.Unmap().WithZone("")
		for _, name := range words[1:] {
			absolute, err := absolute(name)
			if err != nil || len(h.byName[absolute]) >= mostAddresses {
				continue
			}
			h.byName[absolute] = append(h.byName[absolute], addr)
			if len(h.byAddr[addr]) < mostPointers {
				h.byAddr[addr] = append(h.byAddr[addr], strings.TrimSuffix(absolute, "."))
			}
		}
	}
}
