package queue

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/config"
)

// A life is all that happened to one message, each thing at its time since the
// messages were handed in.
type life struct {
	tries []time.Duration
	// left is when it was no longer in the queue to be tried.
	left []time.Duration
	// warned and returned are when the reports reached their reader.
	warned, returned []time.Duration
}

// The steps of the clock in the tables.
func minutes(n int) time.Duration   { return time.Duration(n) * time.Minute }
func at(min, sec int) time.Duration { return minutes(min) + time.Duration(sec)*time.Second }
func times(list ...any) []time.Duration { // minutes, durations, and lists of those
	var all []time.Duration
	for _, v := range list {
		switch v := v.(type) {
		case int:
			all = append(all, minutes(v))
		case time.Duration:
			all = append(all, v)
		case []time.Duration:
			all = append(all, v...)
		}
	}
	return all
}

// every is a try at first, and then each two hours until last.
func every2h(first, last time.Duration) []time.Duration {
	var all []time.Duration
	for t := first; t <= last; t += 2 * time.Hour {
		all = append(all, t)
	}
	return all
}

// The messages, and what is set for their classes:
//
//	            queuereturn            queuewarn
//	normal      5d = 7200m             4h = 240m
//	urgent      2d = 2880m             1h =  60m
//	non-urgent  3d = 4320m             8h = 480m
//	dsn         2d = 2880m             never
//
// The clock (minutes since the messages came) and the way out:
//
//	0     to 300   up
//	300   to 3180  no route: two days. A change of route wakes the agent at 3180
//	3180  to 4300  up
//	4300  to 5800  a captive portal: sessions cannot be opened. Nothing says that it
//	               is gone; the agent finds it out by trying
//	5800  on       up
//
// The back-off is 2, 4, 8, 16, 32, 64 minutes, then 120 each time. While the
// way out is up, a message is therefore tried at the ages
//
//	0, 2, 6, 14, 30, 62, 126, then 126+120 = 246, 366, 486, … each 120
//
// and once at the end of its life. All of them arrive at once, and share these.
var fiveDaysMessages = []struct{ name, header, from string }{
	{"normal", "Subject: x\n\n", "me@example.org"},
	{"urgent", "Precedence: special-delivery\n\n", "me@example.org"},
	{"bulk", "Precedence: bulk\n\n", "me@example.org"},
	{"slow", "Priority: non-urgent\n\n", "me@example.org"},
	{"list", "Precedence: first-class\n\n", "owner-list@example.org"},
	{"dsn", "Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n", ""},
	{"held", "Subject: x\n\n", "me@example.org"},
	{"tomorrow", "Priority: urgent\n\n", "me@example.org"}, // it is to leave on the seventh day, at 8640
}

// fiveDaysByTrial is law 5: the age is the time that a message was tried for.
//
// The portal: the first try that meets it is that of the age 1446+120 = 1566,
// due at 4260+120 = 4380. The route is tried again after 2, 5, 15, 30, 60, 120,
// 300, 600, 900 s, which is 2032 s together, and then each 900 s. From 4380m =
// 262800s the tries are at 264832s + k·900s; the first of them from 5800m =
// 348000s on is that of k = 93 (83168/900 = 92.4): 264832 + 83700 = 348532s =
// 5808m52s.
//
//	age          clock
//	0 to 246     the same
//	366 to 1446  3180 to 4260, since the try due at 366 waits for the route until
//	             3180: + 2814. The gap of 2934 counts as the 120 of the pause
//	1566 on      5808m52s on: + 4242m52s
var fiveDaysByTrial = map[string]life{
	// 126 + 58·120 = 7086 is the last age before 7200: 5808m52s + 46·120m =
	// 11328m52s; its end is 7200 + 4242m52s. Warned at the first try from 240 on.
	"normal": {
		tries:  times(0, 2, 6, 14, 30, 62, 126, 246, every2h(minutes(3180), minutes(4260)), every2h(at(5808, 52), at(11328, 52)), at(11442, 52)),
		warned: times(246), left: times(at(11442, 52)), returned: times(at(11442, 52)),
	},
	// 126 + 22·120 = 2766 is the last age before 2880: 5808m52s + 10·120m.
	"urgent": {
		tries:  times(0, 2, 6, 14, 30, 62, 126, 246, every2h(minutes(3180), minutes(4260)), every2h(at(5808, 52), at(7008, 52)), at(7122, 52)),
		warned: times(62), left: times(at(7122, 52)), returned: times(at(7122, 52)),
	},
	// 126 + 34·120 = 4206 is the last age before 4320: 5808m52s + 22·120m. Nobody
	// is told that bulk mail is late.
	"bulk": {
		tries: times(0, 2, 6, 14, 30, 62, 126, 246, every2h(minutes(3180), minutes(4260)), every2h(at(5808, 52), at(8448, 52)), at(8562, 52)),
		left:  times(at(8562, 52)), returned: times(at(8562, 52)),
	},
	// As bulk, but told of: at the age 486, the first try from 480 on: 486 + 2814.
	"slow": {
		tries:  times(0, 2, 6, 14, 30, 62, 126, 246, every2h(minutes(3180), minutes(4260)), every2h(at(5808, 52), at(8448, 52)), at(8562, 52)),
		warned: times(3300), left: times(at(8562, 52)), returned: times(at(8562, 52)),
	},
	// As normal; the owner of a list is not warned.
	"list": {
		tries: times(0, 2, 6, 14, 30, 62, 126, 246, every2h(minutes(3180), minutes(4260)), every2h(at(5808, 52), at(11328, 52)), at(11442, 52)),
		left:  times(at(11442, 52)), returned: times(at(11442, 52)),
	},
	// As urgent, but for the warning. The postmaster is told.
	"dsn": {
		tries: times(0, 2, 6, 14, 30, 62, 126, 246, every2h(minutes(3180), minutes(4260)), every2h(at(5808, 52), at(7008, 52)), at(7122, 52)),
		left:  times(at(7122, 52)), returned: times(at(7122, 52)),
	},
	"held": {},
	// Its life of 2880 begins at 8640; no outage lies in it.
	"tomorrow": {
		tries:  times(8640, 8642, 8646, 8654, 8670, 8702, 8766, 8886, every2h(minutes(8640+366), minutes(8640+2766)), 8640+2880),
		warned: times(8702), left: times(11520), returned: times(11520),
	},
}

// fiveDaysByClock is sendmail's plain age: the age is what the clock says, and
// the outages age what waits. What ends in one goes untried; its report waits
// for the way out, at 3180 or at 5808m52s.
//
// The portal is met at 4320 now, by the last tries of what is not urgent. From
// there 259200 + 2032 + k·900s; k = 97 (86768/900 = 96.4): again 348532s.
var fiveDaysByClock = map[string]life{
	// 5808m52s + 11·120m = 7128m52s is the last before 7200.
	"normal": {
		tries:  times(0, 2, 6, 14, 30, 62, 126, 246, every2h(minutes(3180), minutes(4260)), every2h(at(5808, 52), at(7128, 52)), 7200),
		warned: times(246), left: times(7200), returned: times(7200),
	},
	"urgent": {
		tries:  times(0, 2, 6, 14, 30, 62, 126, 246),
		warned: times(62), left: times(2880), returned: times(3180),
	},
	"bulk": {
		tries: times(0, 2, 6, 14, 30, 62, 126, 246, every2h(minutes(3180), minutes(4260))),
		left:  times(4320), returned: times(at(5808, 52)),
	},
	// Warned at 480, without a route. The warning itself lives 2880 by the clock:
	// until 3360.
	"slow": {
		tries:  times(0, 2, 6, 14, 30, 62, 126, 246, every2h(minutes(3180), minutes(4260))),
		warned: times(3180), left: times(4320), returned: times(at(5808, 52)),
	},
	"list": {
		tries: times(0, 2, 6, 14, 30, 62, 126, 246, every2h(minutes(3180), minutes(4260)), every2h(at(5808, 52), at(7128, 52)), 7200),
		left:  times(7200), returned: times(7200),
	},
	"dsn": {
		tries: times(0, 2, 6, 14, 30, 62, 126, 246),
		left:  times(2880), returned: times(3180),
	},
	"held": {},
	"tomorrow": {
		tries:  times(8640, 8642, 8646, 8654, 8670, 8702, 8766, 8886, every2h(minutes(8640+366), minutes(8640+2766)), 8640+2880),
		warned: times(8702), left: times(11520), returned: times(11520),
	},
}

// Coverage: B34, B35, B37.
func TestFiveSimulatedDays(t *testing.T) {
	for _, c := range []struct {
		name  string
		plain bool
		want  map[string]life
	}{
		{"by the time of trying", false, fiveDaysByTrial},
		{"by the clock", true, fiveDaysByClock},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { fiveDays(t, c.plain, c.want) })
		})
	}
}

func fiveDays(t *testing.T, plain bool, want map[string]life) {
	const day = 24 * time.Hour
	s := NewSpool(t.TempDir(), unsyncedDisk{}, time.Now)
	w := newWorld(t, s)
	w.runner.Tuning.PlainAge = plain
	w.runner.Tuning.Return = config.ByTiming{Normal: 5 * day, Urgent: 2 * day, NonUrgent: 3 * day, DSN: 2 * day}
	w.runner.Tuning.Warn = config.ByTiming{Normal: 4 * time.Hour, Urgent: time.Hour, NonUrgent: 8 * time.Hour}
	w.runner.Tuning.DoubleBounce = "postmaster@example.org"

	begin := time.Now()
	lives, others := make(map[string]*life), 0 // guarded by w.mu
	ids := make(map[ID]string)
	for _, m := range fiveDaysMessages {
		e := envelope("other@"+m.name, "late@"+m.name) // the first takes it at once
		e.From = m.from
		if m.name == "tomorrow" {
			e.NotBefore = begin.Add(minutes(8640))
		}
		id := put(t, s, e, m.header)
		ids[id], lives[m.name] = m.name, &life{}
		if m.name == "held" {
			if err := s.Hold(t.Context(), id, "for good"); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.answer = func(d *Delivery, to Recipient) (Outcome, *RouteFault) {
		w.mu.Lock()
		defer w.mu.Unlock()
		now := time.Since(begin)
		kind, name, _ := strings.Cut(to.Address, "@")
		switch {
		case kind == "other":
			others++
			return refuse(250, "ok"), nil
		case kind == "late":
			lives[name].tries = append(lives[name].tries, now)
			return refuse(450, "not yet"), nil
		}
		about, action := reportAbout(t, d)
		l := lives[about]
		switch action {
		case "delayed":
			l.warned = append(l.warned, now)
		case "failed":
			l.returned = append(l.returned, now)
		}
		return refuse(250, "ok"), nil
	}
	w.runner.Watch = func(e Event) {
		if name := ids[e.ID]; e.Kind == Ended && e.Left == 0 && name != "" {
			w.mu.Lock()
			defer w.mu.Unlock()
			lives[name].left = append(lives[name].left, time.Since(begin))
		}
	}

	stop := w.serve(nil)
	until := func(minute int) {
		time.Sleep(minutes(minute) - time.Since(begin))
		synctest.Wait()
	}
	until(300)
	w.set(func() { w.try = false })
	until(3180)
	w.set(func() { w.try = true })
	w.changes <- struct{}{}
	until(4300)
	w.set(func() { w.down = &RouteFault{Step: StepTLS, Err: errors.New("not our server")} })
	until(5800)
	w.set(func() { w.down = nil })
	until(14 * 1440)
	if err := stop(); err != nil {
		t.Error(err)
	}

	for name, l := range lives {
		if got, want := fmt.Sprint(*l), fmt.Sprint(want[name]); got != want {
			t.Errorf("%s: tries, left, warned, returned\n got %v\nwant %v", name, got, want)
		}
	}
	if others != len(fiveDaysMessages)-1 {
		t.Errorf("the recipients who take it at once got it %d times", others)
	}
	if n := only(t, s); ids[n.ID] != "held" || n.Attempts != 0 {
		t.Errorf("%s is left", n)
	}
}

// reportAbout reads which of the messages a report is about, what it says, and
// that it says it of those recipients alone who have not got the message.
func reportAbout(t *testing.T, d *Delivery) (name, action string) {
	body, err := d.Open()
	if err != nil {
		t.Error(err)
		return "", ""
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Error(err)
	}
	var recipients []string
	for line := range strings.Lines(string(text)) {
		field, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch field {
		case "Final-Recipient":
			recipients = append(recipients, value)
		case "Action":
			action = value
		case "Status":
			if action == "failed" && value != "4.4.7" {
				t.Errorf("status %s of what is too old", value)
			}
		}
	}
	if len(recipients) != 1 || !strings.HasPrefix(recipients[0], "rfc822; late@") {
		t.Errorf("a report on %v", recipients)
		return "", ""
	}
	return strings.TrimPrefix(recipients[0], "rfc822; late@"), action
}

// An unsyncedDisk syncs nothing: no test of the schedule needs what that costs.
type unsyncedDisk struct{ OS }

func (unsyncedDisk) SyncDir(string) error { return nil }

func (d unsyncedDisk) Create(path string) (File, error) { return unsynced(d.OS.Create(path)) }

func (d unsyncedDisk) Append(path string) (File, error) { return unsynced(d.OS.Append(path)) }

func unsynced(f File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return unsyncedFile{f}, nil
}

type unsyncedFile struct{ File }

func (unsyncedFile) Sync() error { return nil }
