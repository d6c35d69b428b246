package dsn

import (
	"fmt"
	"strings"
	"time"
)

// units are those of a time in plain words.
var units = [...]struct {
	long time.Duration
	name string
}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}}

// Spell is a time in plain words, in its largest unit: "2 hours" for two and a
// half.
func Spell(d time.Duration) string {
	for _, unit := range units {
		if d >= unit.long {
			return count(int64(d/unit.long), unit.name)
		}
	}
	return "no time"
}

// spellOut is a time in plain words to the second: "2 hours 30 minutes".
func spellOut(d time.Duration) string {
	var parts []string
	for _, unit := range units {
		if n := int64(d / unit.long); n > 0 {
			parts = append(parts, count(n, unit.name))
			d %= unit.long
		}
	}
	if len(parts) == 0 {
		return Spell(d)
	}
	return strings.Join(parts, " ")
}

func count(n int64, name string) string {
	if n == 1 {
		return "1 " + name
	}
	return fmt.Sprintf("%d %ss", n, name)
}
