package checkup

import (
	"context"
	"runtime"
	"strings"

	"mailcrane/internal/config"
)

// desktop says whether a person can be told of trouble on the screen.
func (c *checker) desktop(ctx context.Context) {
	if runtime.GOOS != "linux" || c.System || c.Config.Notice == config.NoticeNone {
		return
	}
	said, err := c.Exec(ctx, "busctl", "--user", "--no-pager", "--no-legend", "list")
	switch {
	case err != nil:
		c.tell(Finding{ID: "notices", State: Note, What: "no desktop can be reached from here", Why: "trouble is told by status and the log alone"})
	case !strings.Contains(said, "org.freedesktop.Notifications"):
		c.tell(Finding{ID: "notices", State: Note, What: "nothing in this session shows notifications", Why: "trouble is told by status and the log alone"})
	default:
		c.fine("notices", "trouble is told on the desktop")
	}
}
