package outside

import (
	"bufio"
	"io"
	"strings"
)

// RelayKeys are the keys of an access map whose value is RELAY, without their
// tags: a stranger may have guessed any. What cannot be read is left out; the map
// itself says what is wrong with it.
func RelayKeys(from io.Reader) (keys []string) {
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		parts := strings.Fields(lines.Text())
		if len(parts) < 2 || strings.HasPrefix(parts[0], "#") || !strings.EqualFold(parts[1], "RELAY") {
			continue
		}
		key, tagged := parts[0], false
		for _, tag := range [...]string{"Connect:", "From:", "To:"} {
			if len(key) > len(tag) && strings.EqualFold(key[:len(tag)], tag) {
				key, tagged = key[len(tag):], true
			}
		}
		if tag, _, ok := strings.Cut(key, ":"); tagged || !ok || strings.EqualFold(tag, "IPv6") {
			keys = append(keys, key)
		}
	}
	return keys
}
