package netwatch

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/godbus/dbus/v5"

	"mailcrane/internal/lab"
)

// A bus is a message bus of the test's own.
type bus struct {
	t       *testing.T
	address string
	daemon  *exec.Cmd
}

func newBus(t *testing.T) *bus {
	t.Helper()
	b := &bus{t: t}
	if _, err := exec.LookPath("dbus-daemon"); err != nil {
		lab.Missing(t, "dbus-daemon", "internal/lab/lab.sh install clients")
	}
	dir, err := os.MkdirTemp("", "bus") // short: the path of a socket has 108 octets at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	b.address = "unix:path=" + filepath.Join(dir, "bus")
	b.start()
	t.Cleanup(b.end)
	return b
}

func (b *bus) start() {
	b.t.Helper()
	b.daemon = exec.Command("dbus-daemon", "--session", "--nofork", "--print-address", "--address="+b.address)
	out, err := b.daemon.StdoutPipe()
	if err == nil {
		err = b.daemon.Start()
	}
	if err == nil {
		_, err = bufio.NewReader(out).ReadString('\n') // it says the address when it listens
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bus) end() {
	_ = b.daemon.Process.Kill()
	_ = b.daemon.Wait()
}

// A fake is a service on a bus that answers for the properties of objects, by path
// and interface.
type fake struct {
	t    *testing.T
	conn *dbus.Conn

	mu      sync.Mutex
	objects map[dbus.ObjectPath]map[string]properties
	asked   map[dbus.ObjectPath]int
	hung    chan struct{} // while it is not nil, answers wait for its end
}

func (b *bus) serve(name string, objects map[dbus.ObjectPath]map[string]properties) *fake {
	b.t.Helper()
	f := &fake{t: b.t, objects: objects, asked: make(map[dbus.ObjectPath]int)}
	conn, err := dbus.Connect(b.address)
	if err != nil {
		b.t.Fatal(err)
	}
	f.conn = conn
	b.t.Cleanup(func() { conn.Close() })
	for path := range objects {
		if err := conn.ExportMethodTable(map[string]any{"GetAll": f.getAll}, path, "org.freedesktop.DBus.Properties"); err != nil {
			b.t.Fatal(err)
		}
	}
	f.come(name)
	return f
}

func (f *fake) come(name string) {
	f.t.Helper()
	if reply, err := f.conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		f.t.Fatal(reply, err)
	}
}

func (f *fake) leave(name string) {
	f.t.Helper()
	if _, err := f.conn.ReleaseName(name); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fake) getAll(m dbus.Message, iface string) (map[string]dbus.Variant, *dbus.Error) {
	path, _ := m.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	f.mu.Lock()
	f.asked[path]++
	hung := f.hung
	f.mu.Unlock()
	if hung != nil {
		<-hung
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	p, ok := f.objects[path][iface]
	if !ok {
		return nil, dbus.NewError("org.freedesktop.DBus.Error.UnknownObject", nil)
	}
	return p, nil
}

// hang makes every answer wait until release is called.
func (f *fake) hang() (release func()) {
	hung := make(chan struct{})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hung = hung
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.hung = nil
		close(hung)
	}
}

// set changes a property, and says so.
func (f *fake) set(path dbus.ObjectPath, iface, name string, value any) {
	f.t.Helper()
	f.mu.Lock()
	f.objects[path][iface][name] = dbus.MakeVariant(value)
	f.mu.Unlock()
	f.emit(path, iface, name, value)
}

func (f *fake) emit(path dbus.ObjectPath, iface, name string, value any) {
	f.t.Helper()
	err := f.conn.Emit(path, "org.freedesktop.DBus.Properties.PropertiesChanged",
		iface, properties{name: dbus.MakeVariant(value)}, []string{})
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fake) looks(path dbus.ObjectPath) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[path]
}

// A listener is a source on a bus, with its pokes.
type listener struct {
	*onBus
	t     *testing.T
	pokes chan struct{}
}

func listen(t *testing.T, s service, dial busDialer) *listener {
	l := &listener{t: t, pokes: make(chan struct{}, 1)}
	l.onBus = openOnBus(s, dial, func() { raise(l.pokes) })
	t.Cleanup(func() { l.Close() })
	return l
}

// sees waits until what is said is as wanted. Its deadline is no measure, only an
// end.
func (l *listener) sees(want string, is func(*facts) bool) {
	l.t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		f := atHome()
		if err := l.Read(f); err != nil {
			l.t.Fatal(err)
		}
		if is(f) {
			return
		}
		select {
		case <-l.pokes:
		case <-deadline:
			l.t.Fatalf("not seen within 10 s: %s; facts are %+v", want, f)
		}
	}
}

func TestAServiceMayComeAndGoAndItsBusToo(t *testing.T) {
	b := newBus(t)
	l := listen(t, networkManager(), busAt(b.address))
	nothing := func(f *facts) bool { return f.link("eth0").connection == "" }
	something := func(f *facts) bool { return f.link("eth0").connection == "Home" }
	l.sees("nobody is there", nothing)
	f := b.serve(nmName, nmAtHome())
	l.sees("it comes", something)
	f.leave(nmName)
	l.sees("it goes", nothing)
	f.come(nmName)
	l.sees("it comes back", something)
	b.end()
	l.sees("the bus ends", nothing)
	b.start()
	b.serve(nmName, nmAtHome())
	l.mu.Lock()
	l.absent = l.absent.Add(-redial) // a while later
	l.mu.Unlock()
	l.sees("the bus is back", something)
}

func TestAServiceThatHangsSaysNothingUntilItAnswers(t *testing.T) {
	b := newBus(t)
	f := b.serve(nmName, nmAtHome())
	s := networkManager()
	s.patience = 50 * time.Millisecond
	l := listen(t, s, busAt(b.address))
	l.sees("it is well", func(f *facts) bool { return f.link("eth0").connection == "Home" })
	release := f.hang()
	f.set(nmPath, nmName, "Connectivity", uint32(nmPortal))
	l.sees("it hangs", func(f *facts) bool { return f.link("eth0").connection == "" })
	release()
	l.sees("it answers", func(f *facts) bool { return f.link("eth0").connection == "Home" && f.captive != "" })
}

func TestOnlyWhatMattersWakesUs(t *testing.T) {
	b := newBus(t)
	f := b.serve(nmName, nmAtHome())
	l := listen(t, networkManager(), busAt(b.address))
	l.sees("it is well", func(f *facts) bool { return f.link("eth0").connection == "Home" })
	before := f.looks(nmPath)
	for range 100 {
		f.emit("/org/freedesktop/NetworkManager/AccessPoint/7", nmAP, "Strength", byte(70))
		f.emit("/org/freedesktop/NetworkManager/Devices/2", nmWiFi, "LastScan", int64(17))
		f.emit("/org/freedesktop/NetworkManager/Devices/2", nmWiFi, "Bitrate", uint32(54000))
		f.emit("/org/freedesktop/NetworkManager/Devices/2", nmDevice+".Statistics", "RxBytes", uint64(17))
		f.emit("/org/freedesktop/NetworkManager/IP4Config/1", nmName+".IP4Config", "Addresses", "x")
		f.emit("/org/example", "org.example", "Connectivity", "x")
	}
	f.set(nmPath, nmName, "Connectivity", uint32(nmPortal))
	l.sees("a portal", func(f *facts) bool { return f.captive != "" })
	if n := f.looks(nmPath) - before; n != 1 {
		t.Errorf("%d looks after one signal that matters", n)
	}
}

func TestABusThatHangsHoldsUpTheFirstReadForAMomentAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := func(ctx context.Context, _ func()) (*dbus.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		b := openOnBus(networkManager(), hung, func() { t.Error("a poke") })
		for i, most := range []time.Duration{firstWait, 0, 0} {
			began := time.Now()
			if err := b.Read(atHome()); err != nil || time.Since(began) > most {
				t.Errorf("read %d took %v, %v", i, time.Since(began), err)
			}
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestABusThatIsNotThereIsLookedForNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dials := 0
		none := func(context.Context, func()) (*dbus.Conn, error) {
			dials++
			return nil, errors.New("no such file")
		}
		b := openOnBus(networkManager(), none, func() { t.Error("a poke") })
		defer b.Close()
		read := func() {
			if err := b.Read(atHome()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		read()
		pass(time.Hour)
		if dials != 1 {
			t.Errorf("%d dials though nothing happened", dials)
		}
		for range 300 {
			read()
			pass(time.Second)
		}
		if want := 1 + 10; dials != want {
			t.Errorf("%d dials in five minutes of changes, want %d", dials, want)
		}
	})
}

func TestASourceOnABusLeavesNothingBehind(t *testing.T) {
	b := newBus(t)
	f := b.serve(nmName, nmAtHome())
	once := func() {
		o := openOnBus(networkManager(), busAt(b.address), func() {})
		_ = o.Read(atHome())
		_ = o.Close()
	}
	once()
	goroutines, descriptors := runtime.NumGoroutine(), openDescriptors(t)
	for range 20 {
		once()
	}
	nothingGrew(t, goroutines, descriptors)
	_ = f
}

func TestTheNameOfAConnectionIsSafeToShow(t *testing.T) {
	for in, want := range map[string]string{
		"Café am Markt":                  "Café am Markt",
		`Bob's "net"`:                    `Bob's "net"`,
		"\x1b[2J":                        `"\x1b[2J"`,
		"\xff\xfe":                       `"\xff\xfe"`,
		strings.Repeat("x", mostName+50): strings.Repeat("x", mostName),
	} {
		if got := printable(bounded(in)); got != want {
			t.Errorf("%q shown as %s, want %s", in, got, want)
		}
	}
}
