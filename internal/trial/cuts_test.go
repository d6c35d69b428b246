package trial

import (
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/slowlink"
	"mailcrane/queue"
)

// A breakage is how the link goes and comes back.
type breakage struct {
	name string
	// gone breaks the link; back makes it pass again.
	gone func(*slowlink.Link)
	// down: netwatch sees it go. back: it tells of the link's return.
	down, back bool
	// atOnce: new connections pass from the start.
	atOnce bool
}

var breakages = [...]breakage{
	{name: "reset", gone: (*slowlink.Link).Cut, down: true, back: true},
	{name: "black hole", gone: hole, back: true},
	{name: "the old flow is silent for ever", gone: hole, back: true, atOnce: true},
	{name: "black hole that nobody tells of", gone: hole},
}

func hole(l *slowlink.Link) { l.BlackHole(false) }

// outages are how long the link is away, one cut after another.
var outages = [...]time.Duration{3 * time.Second, 200 * time.Millisecond, 25 * time.Second, time.Second, 80 * time.Second, 200 * time.Second, 10 * time.Minute}

// A cutAt is where the link breaks: after so many octets of the client's, or at
// a step of the server's.
type cutAt struct {
	octets int64
	// step counts the server's answers from 1; 0 is none. heard: all answers
	// before this one have come to the client, else the link breaks when the
	// server has read the command.
	step  int64
	heard bool
}

func (c cutAt) String() string {
	switch {
	case c.step == 0:
		return fmt.Sprintf("after %d octets", c.octets)
	case c.heard:
		return fmt.Sprintf("before answer %d", c.step)
	}
	return fmt.Sprintf("at command %d", c.step)
}

// runOf is how many messages a run has.
const runOf = 20

func runIDs() []string {
	var ids []string
	for i := range runOf {
		ids = append(ids, fmt.Sprintf("message-%02d-of-a-run-over-a-link-that-breaks", i))
	}
	return ids
}

// A lineKind is a kind of link and server.
type lineKind struct {
	name   string
	shape  slowlink.Shape
	offers behaviour
	// loaded is by how much longer a round trip takes while the line is busy with
	// a segment: so much longer nobody can know that the old flow is dead.
	loaded time.Duration
}

var lineKinds = [...]lineKind{
	{"64 kbit per s", slowlink.Shape{Delay: 300 * time.Millisecond, Rate: 64_000, SlowStart: true}, behaviour{}, 0},
	{"9600 bit per s", slowlink.Shape{Delay: 300 * time.Millisecond, Rate: 9600, SlowStart: true}, behaviour{}, 1460 * 8 * time.Second / 9600},
	{"64 kbit per s, PIPELINING alone", slowlink.Shape{Delay: 300 * time.Millisecond, Rate: 64_000, SlowStart: true}, behaviour{noChunking: true}, 0},
	{"64 kbit per s, no PIPELINING", slowlink.Shape{Delay: 300 * time.Millisecond, Rate: 64_000, SlowStart: true}, behaviour{noChunking: true, noPipelining: true}, 0},
}

// floor is the time on paper in which so many messages go over a new connection:
// round trips, and octets one after another.
func (k *lineKind) floor(messages int) time.Duration {
	octets := int64(handshakeOctets + messages*(messageOctets+besideMessage))
	if k.offers.noChunking {
		octets += int64(messages * answerOctets) // which are waited for
	}
	// TCP, TLS, greeting, EHLO, and half of one.
	trips := 4.5
	switch more := float64(messages - 1); {
	case k.offers.noPipelining: // AUTH, MAIL, RCPT, DATA and the message
		trips += 4 + 4*more
	case k.offers.noChunking: // DATA is answered first
		trips += 1 + more
	}
	took := time.Duration(trips * 2 * float64(k.shape.Delay))
	return took + time.Duration(octets*8*int64(time.Second)/k.shape.Rate)
}

// A handshake that is resumed, both ways, and a message with what goes with it:
// its envelope and TLS.
const (
	handshakeOctets = 2 << 10
	messageOctets   = 2424
	besideMessage   = 128
	answerOctets    = 4 * 36
)

// A cutRun is one run over a link that is cut once.
type cutRun struct {
	*cutline
	line   *lineKind
	how    *breakage
	at     cutAt
	outage time.Duration
	// restart: the agent is stopped when the link goes, and another started when
	// it is back.
	restart bool

	stop func() // of the agent at work
	// back has a value when the link is back and the agent knows.
	back chan struct{}
	// What was left when it came back, or when the link went and new connections
	// passed at once.
	remained int
	returned time.Time
	// answered is how many had been answered when it went, and arrivedUp how many
	// octets of the run had come to the server.
	answered  int
	arrivedUp int64
}

// arm has the link break where the cut is.
func (r *cutRun) arm() {
	r.begin()
	if r.at.step == 0 {
		r.link.After(slowlink.Up, r.at.octets, r.breakLink)
		return
	}
	at := func(n int64) {
		switch {
		case n != r.at.step:
		case r.at.heard:
			r.link.After(slowlink.Down, r.onWayDown(), r.breakLink)
		default:
			r.breakLink()
		}
	}
	r.atStep.Store(&at)
}

// breakLink breaks the link, and sees to its return.
func (r *cutRun) breakLink() {
	r.answered, r.arrivedUp = runOf-r.left(), r.cameUp()
	r.how.gone(r.link)
	if r.how.down {
		r.reach.tell(false)
	}
	if r.how.atOnce {
		r.restore()
		return
	}
	go func() {
		if r.restart {
			r.stop()
		}
		time.Sleep(r.outage)
		r.restore()
	}()
}

func (r *cutRun) restore() {
	r.remained, r.returned = r.left(), time.Now()
	r.link.Restore()
	if r.restart {
		r.reach.down.Store(false)
		r.stop = r.agent()
	} else if r.how.back {
		r.reach.tell(true)
	}
	r.back <- struct{}{}
}

// run is a warm-up, by which the server is known, and then the messages.
func (r *cutRun) run(t *testing.T) {
	r.cutline, r.back = newCutline(t, r.line.shape, r.line.offers), make(chan struct{}, 1)
	r.stop = r.agent()
	r.put("warm-up")
	if !r.awaitEmpty(time.Hour) {
		t.Fatal("the warm-up did not arrive")
	}
	time.Sleep(time.Minute)
	r.arm()
	r.put(runIDs()...)
	emptied, at := r.awaitEmpty(longest), time.Now()
	select {
	case <-r.back:
	case <-time.After(time.Hour): // longer than any outage
		if r.at.step == 0 { // how many steps there are depends on how many sessions
			t.Errorf("the link was not cut")
		}
	}
	if !emptied {
		t.Errorf("the queue is not empty after %v", longest)
	}
	r.check(t, at)
	r.stop()
	time.Sleep(time.Minute)
}

// longest is how long a session may believe in a link that says nothing.
const longest = 12 * time.Hour

// check holds a run against what must be. The queue was empty at that time.
func (r *cutRun) check(t *testing.T, emptied time.Time) {
	if err := r.spool.Names(func(n queue.Name) bool { t.Errorf("left in the queue: %s", n); return true }); err != nil {
		t.Error(err)
	}
	r.checkDone()
	for _, fault := range append(r.faults, r.wrong...) {
		t.Error(fault)
	}
	if most := firstWindow + r.answered; r.counts.twice > most {
		t.Errorf("%d messages came twice, more than a window, %d", r.counts.twice, most)
	}
	r.checkUncertain(t)
	if !r.how.back || r.restart || r.returned.IsZero() {
		return
	}
	took, floor := r.lastTaken.Sub(r.returned), r.line.floor(r.remained)
	if took > floor+mayTakeMore+r.line.loaded {
		t.Errorf("%d messages were left, and the last arrived %v after the link was back; the floor is %v", r.remained, took, floor)
	}
	if late := emptied.Sub(r.lastTaken); late > r.link.RoundTrip()+r.line.loaded {
		t.Errorf("the queue was empty %v after the last was taken", late)
	}
}

// checkUncertain: where both ends see the break, only what had left may be
// uncertain: what has come to the server, or was on the line.
func (r *cutRun) checkUncertain(t *testing.T) {
	if !r.how.down || r.restart {
		return
	}
	onLine := r.line.shape.Rate/8*int64(r.line.shape.Delay)/int64(time.Second) + 2*1460
	if most := int(r.arrivedUp+onLine)/messageOctets + 1 - r.answered; len(r.uncertain) > most {
		t.Errorf("%d messages are uncertain, and no more than %d have left", len(r.uncertain), most)
	}
}

const (
	// firstWindow is how many messages a session has under way at first; one more
	// with each that is answered.
	firstWindow = 16
	mayTakeMore = 2 * time.Second
)

// allCuts is all of a run that is so long; or some of them, others for each
// shift.
//
// How many octets a run takes depends a little on which messages share a segment.
func allCuts(octets, steps int64, shift int) []cutAt {
	const mayBeFewer = 250
	var cuts []cutAt
	for n := int64(0); n < octets-mayBeFewer; n += 500 {
		cuts = append(cuts, cutAt{octets: n})
	}
	for n := int64(1); n <= steps; n++ {
		cuts = append(cuts, cutAt{step: n}, cutAt{step: n, heard: true})
	}
	if os.Getenv("MAILCRANE_TRIAL_CUTS") == "all" {
		return cuts
	}
	const oneOf = 23
	var some []cutAt
	for i := shift % oneOf; i < len(cuts); i += oneOf {
		some = append(some, cuts[i])
	}
	return some
}

// TestALinkThatIsCutLosesNothing cuts a run of messages everywhere, in every
// way. MAILCRANE_TRIAL_CUTS=all has all cuts in place of some.
//
// Coverage: lost-link.
func TestALinkThatIsCutLosesNothing(t *testing.T) {
	for i := range lineKinds {
		line := &lineKinds[i]
		octets, steps := line.measure(t)
		for k := range breakages {
			how := &breakages[k]
			t.Run(line.name+", "+how.name, func(t *testing.T) {
				t.Parallel()
				for n, at := range allCuts(octets, steps, i*len(breakages)+k) {
					t.Run(at.String(), func(t *testing.T) {
						synctest.Test(t, (&cutRun{line: line, how: how, at: at, outage: outages[n%len(outages)]}).run)
					})
				}
			})
		}
	}
}

// The agent may end in between: what it was told of the link, and of the
// messages on the wire, the next one finds on the disk.
func TestALinkThatIsCutLosesNothingThoughTheAgentIsRestarted(t *testing.T) {
	line := &lineKinds[0]
	octets, steps := line.measure(t)
	for k := range 2 {
		how := &breakages[k]
		t.Run(how.name, func(t *testing.T) {
			t.Parallel()
			for n, at := range allCuts(octets, steps, 11+k) {
				t.Run(at.String(), func(t *testing.T) {
					synctest.Test(t, (&cutRun{line: line, how: how, at: at, outage: outages[n%len(outages)], restart: true}).run)
				})
			}
		})
	}
}

// measure is a run that is not cut: its octets up and its steps.
func (k *lineKind) measure(t *testing.T) (octets, steps int64) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := newCutline(t, k.shape, k.offers)
		stop := c.agent()
		c.put("warm-up")
		if !c.awaitEmpty(time.Hour) {
			t.Fatal("the warm-up did not arrive")
		}
		time.Sleep(time.Minute)
		c.begin()
		before, _ := c.link.Passed()
		began := time.Now()
		c.put(runIDs()...)
		if !c.awaitEmpty(time.Hour) {
			t.Fatal("the run did not arrive")
		}
		after, _ := c.link.Passed()
		octets, steps = after-before, c.steps.Load()
		if took, floor := c.lastTaken.Sub(began), k.floor(runOf); took > floor*11/10 {
			t.Errorf("%s: a run that is not cut took %v, the floor is %v", k.name, took, floor)
		}
		stop()
		time.Sleep(time.Minute)
	})
	return octets, steps
}
