package intake

import (
	"log/slog"
	"time"
)

// A user may drop any number of files that are no messages: so many lines are
// written to the log for each user in each stretch of time, then how many more
// there would have been.
const (
	mostTold   = 20
	toldWithin = time.Hour
)

// tellings counts what was told of each user's files.
type tellings struct {
	began  time.Time
	lines  map[uint32]int
	unsaid map[uint32]int
}

// tell writes a line about a user's file, or counts it.
func (in *Intake) tell(f file, what string, words ...any) {
	t := &in.tellings
	if t.lines == nil || in.Now().Sub(t.began) > toldWithin {
		*t = tellings{began: in.Now(), lines: make(map[uint32]int), unsaid: t.unsaid}
	}
	if t.lines[f.uid]++; t.lines[f.uid] > mostTold {
		if t.unsaid == nil {
			t.unsaid = make(map[uint32]int)
		}
		t.unsaid[f.uid]++
		return
	}
	in.Log.Warn(what, append([]any{"name", f.name, "uid", f.uid}, words...)...)
}

// close tells how many lines were left out, once a stretch of time for each
// user: when that is over, or at the first.
func (t *tellings) close(log *slog.Logger, now time.Time) {
	const saidSo = 1 << 30
	for uid, n := range t.unsaid {
		if t.lines[uid] >= saidSo && now.Sub(t.began) <= toldWithin {
			continue
		}
		log.Warn("a user's files in the drop directory are no messages; not all are named here", "uid", uid, "more", n)
		delete(t.unsaid, uid)
		t.lines[uid] += saidSo
	}
}
