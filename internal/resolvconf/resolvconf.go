// Package resolvconf reads resolv.conf(5): who is asked for names, and how
// patiently.
package resolvconf

import (
	"bufio"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// Path is where the file stands.
const Path = "/etc/resolv.conf"

// What glibc takes at the most (resolv.conf(5)).
const (
	mostSearch   = 6
	mostServers  = 16 // glibc stops at three, musl and Go do not
	mostTimeout  = 30
	mostAttempts = 5
)

// A Conf is what a file says; of each part the zero where it says nothing.
type Conf struct {
	// Servers are in the file's order.
	Servers []netip.Addr
	// Timeout is how long an answer is awaited, Attempts how often a server is
	// asked.
	Timeout  time.Duration
	Attempts int
	// Search is the search list; its first is the own domain.
	Search []string
}

// Read reads a file; one that cannot be read says nothing.
func Read(file string) Conf {
	f, err := os.Open(file)
	if err != nil {
		return Conf{}
	}
	defer f.Close()
	const most = 64 << 10
	var c Conf
	for lines := bufio.NewScanner(io.LimitReader(f, most)); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) < 2:
		case words[0] == "search" || words[0] == "domain": // the last one counts
			c.Search = nil
			for _, domain := range words[1:min(len(words), 1+mostSearch)] {
				if domain = strings.Trim(domain, "."); domain != "" {
					c.Search = append(c.Search, domain)
				}
			}
		case words[0] == "options":
			c.options(words[1:])
		case words[0] == "nameserver":
			if addr, err := netip.ParseAddr(words[1]); err == nil && len(c.Servers) < mostServers {
				c.Servers = append(c.Servers, addr)
			}
		}
	}
	return c
}

func (c *Conf) options(words []string) {
	for _, word := range words {
		name, text, _ := strings.Cut(word, ":")
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			continue
		}
		switch name {
		case "timeout":
			c.Timeout = time.Duration(min(n, mostTimeout)) * time.Second
		case "attempts":
			c.Attempts = min(n, mostAttempts)
		}
	}
}
