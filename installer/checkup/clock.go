package checkup

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// wrongBy is how far a clock may differ from what is known without being called
// wrong: a file may come from a machine whose clock was a little ahead.
const wrongBy = 24 * time.Hour

// clock compares it with what cannot be later than now: when this program was made,
// and when the spool was last written. A server is not asked: SMTP tells no time
// that could be trusted before its certificate is checked, for which the time is
// needed. What its certificate says of the time is told there.
func (c *checker) clock(ctx context.Context) {
	now := c.Now()
	set := c.sudo("timedatectl set-ntp true")
	for _, past := range []struct {
		what string
		at   time.Time
	}{{"this mailcrane was made", c.Built}, {"the queue directory was last written", c.lastWritten()}} {
		if past.at.Sub(now) > wrongBy {
			c.tell(Finding{
				ID: "clock-behind", State: Broken, What: fmt.Sprintf("the clock says %s, and %s on %s", day(now), past.what, day(past.at)),
				Why: "with a wrong clock no certificate is good, and mail gets a wrong date", Command: set,
			})
			return
		}
	}
	said, err := c.Exec(ctx, "timedatectl", "show", "--property=NTPSynchronized,NTP")
	if err == nil && strings.Contains(said, "NTPSynchronized=no") {
		f := Finding{
			ID: "clock-not-set", State: Note, What: fmt.Sprintf("the clock says %s, and no time server has confirmed it", day(now)),
			Why: "a clock that goes wrong makes certificates seem expired",
		}
		if strings.Contains(said, "NTP=no") {
			f.Command = set
		}
		c.tell(f)
		return
	}
	c.fine("clock", "the clock says "+day(now))
}

// lastWritten is when a file was last put into the first queue directory, by the
// clock of then.
func (c *checker) lastWritten() time.Time {
	var last time.Time
	for _, dir := range []string{"queue", "done", "route"} {
		if info, err := os.Stat(filepath.Join(c.Config.Spools[0], dir)); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006 15:04 UTC") }
