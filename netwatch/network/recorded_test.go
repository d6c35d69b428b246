package network

import (
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// recorded reads a file of testdata/recorded into what a dump says.
func recorded(t *testing.T, name string, letters map[rune]int) *dump {
	t.Helper()
	text, err := os.ReadFile("testdata/recorded/" + name)
	if err != nil {
		t.Fatal(err)
	}
	d := &dump{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "Routing" || words[0] == "Destination":
		case strings.Contains(line, ": flags="):
			d.links = append(d.links, recordedLink(t, words, len(d.links)+1))
		case words[0] == "inet" || words[0] == "inet6":
			d.addrs = append(d.addrs, recordedAddr(t, words, len(d.links)))
		case words[0] == "status:":
			d.links[len(d.links)-1].inactive = words[1] != "active"
		case strings.HasPrefix(line, "\t"), strings.HasPrefix(words[0], "Internet"):
		default:
			d.routes = append(d.routes, recordedRoute(t, words, d.links, letters))
		}
	}
	return d
}

func recordedLink(t *testing.T, words []string, index int) ifRow {
	hex, _, _ := strings.Cut(strings.TrimPrefix(words[1], "flags="), "<")
	flags, err := strconv.ParseInt(hex, 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return ifRow{index: index, flags: int(flags), name: strings.TrimSuffix(words[0], ":")}
}

// recordedAddr reads "inet 192.0.2.9 netmask 0xffffff00" and "inet6 … prefixlen 64 …".
func recordedAddr(t *testing.T, words []string, index int) addrRow {
	row := addrRow{index: index, ip: netip.MustParseAddr(words[1])}
	for i, w := range words {
		switch w {
		case "netmask":
			bits, err := strconv.ParseUint(words[i+1], 0, 32)
			if err != nil {
				t.Fatal(err)
			}
			row.mask = netip.AddrFrom4([4]byte{byte(bits >> 24), byte(bits >> 16), byte(bits >> 8), byte(bits)})
		case "prefixlen":
			n, err := strconv.Atoi(words[i+1])
			if err != nil {
				t.Fatal(err)
			}
			row.mask = maskOf(row.ip, n)
		case "temporary", "deprecated":
			row.fading = true
		case "tentative", "duplicated":
			row.pending = true
		}
	}
	return row
}

// maskOf is the mask of n ones of ip's family.
func maskOf(ip netip.Addr, n int) netip.Addr {
	ones := netip.MustParseAddr("255.255.255.255")
	if ip.Is6() {
		ones = netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
	}
	return netip.PrefixFrom(ones, n).Masked().Addr()
}

var zone = regexp.MustCompile(`%[a-z0-9]+`)

// recordedRoute reads a line of netstat -rn, whose destinations leave out what
// is zero: "192.0.2" is 192.0.2.0/24.
func recordedRoute(t *testing.T, words []string, links []ifRow, letters map[rune]int) routeRow {
	var row routeRow
	for _, w := range words[3:] {
		for _, l := range links {
			if l.name == w {
				row.index = l.index
			}
		}
	}
	if len(words) == 8 { // OpenBSD: Refs Use Mtu Prio Iface
		row.priority, _ = strconv.Atoi(words[6])
	}
	for _, letter := range words[2] {
		row.flags |= letters[letter]
	}
	dst, length, hasLength := strings.Cut(zone.ReplaceAllString(words[0], ""), "/")
	v6 := strings.Contains(words[0], ":") || strings.Contains(words[1], "%")
	if dst == "default" {
		dst, length, hasLength = "0.0.0.0", "0", true
		if v6 {
			dst = "::"
		}
	} else if !v6 {
		given := strings.Count(dst, ".") + 1
		dst += strings.Repeat(".0", 4-given)
		if !hasLength && given < 4 {
			length, hasLength = strconv.Itoa(8*given), true
		}
	}
	row.dst = netip.MustParseAddr(dst)
	if hasLength {
		n, err := strconv.Atoi(length)
		if err != nil {
			t.Fatal(err)
		}
		row.mask = maskOf(row.dst, n)
	}
	row.gateway, _ = netip.ParseAddr(words[1])
	return row
}

// The letters of netstat(1) for the flags of each system.
func macLetters() map[rune]int {
	return map[rune]int{
		'U': 0x1, 'G': 0x2, 'H': 0x4, 'R': 0x8, 'D': 0x10, 'C': 0x100, 'L': 0x400, 'S': 0x800, 'B': 0x1000,
		'c': 0x10000, 'W': 0x20000, 'b': 0x400000, 'm': 0x800000, 'I': 0x1000000, 'i': 0x4000000,
		'r': 0x10000000, 'g': 0x40000000,
	}
}

func freeLetters() map[rune]int {
	return map[rune]int{'U': 0x1, 'G': 0x2, 'H': 0x4, 'R': 0x8, 'D': 0x10, 'L': 0x400, 'S': 0x800, 'B': 0x1000}
}

func openLetters() map[rune]int {
	return map[rune]int{
		'U': 0x1, 'G': 0x2, 'H': 0x4, 'R': 0x8, 'D': 0x10, 'C': 0x100, 'm': 0x200, 'L': 0x400, 'S': 0x800,
		'B': 0x1000, 'c': 0x10000, 'h': 0x20000, 'l': 0x200000, 'b': 0x400000, 'n': 0x800000,
	}
}
