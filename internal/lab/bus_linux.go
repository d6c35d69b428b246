package lab

import (
	"bufio"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"
)

// A Bus is a message bus of the test's own.
type Bus struct {
	// Address is where it listens, for DBUS_SYSTEM_BUS_ADDRESS.
	Address string

	t      testing.TB
	daemon *exec.Cmd
}

// NewBus starts a bus, which ends with the test.
func NewBus(t testing.TB) *Bus {
	t.Helper()
	b := &Bus{t: t}
	if _, err := exec.LookPath("dbus-daemon"); err != nil {
		Missing(t, "dbus-daemon", "internal/lab/lab.sh install clients")
	}
	dir, err := os.MkdirTemp("", "bus") // short: the path of a socket has 108 octets at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	b.Address = "unix:path=" + filepath.Join(dir, "bus")
	b.Start()
	t.Cleanup(b.End)
	return b
}

// Start starts the bus again after End.
func (b *Bus) Start() {
	b.t.Helper()
	b.daemon = exec.Command("dbus-daemon", "--session", "--nofork", "--print-address", "--address="+b.Address)
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

// End ends the bus, and every connection to it.
func (b *Bus) End() {
	_ = b.daemon.Process.Kill()
	_ = b.daemon.Wait()
}

// Objects are the properties of objects, by path, interface and name.
type Objects map[dbus.ObjectPath]map[string]map[string]dbus.Variant

// A BusService is a service on a bus that answers for the properties of objects, by path
// and interface.
type BusService struct {
	t    testing.TB
	conn *dbus.Conn

	mu      sync.Mutex
	objects Objects
	asked   map[dbus.ObjectPath]int
	hung    chan struct{} // while it is not nil, answers wait for its end
}

// Serve puts a service on the bus, with the properties of its objects by path and
// interface.
func (b *Bus) Serve(name string, objects Objects) *BusService {
	b.t.Helper()
	s := &BusService{t: b.t, objects: objects, asked: make(map[dbus.ObjectPath]int)}
	conn, err := dbus.Connect(b.Address)
	if err != nil {
		b.t.Fatal(err)
	}
	s.conn = conn
	b.t.Cleanup(func() { _ = conn.Close() })
	for path := range objects {
		if err := conn.ExportMethodTable(map[string]any{"GetAll": s.getAll}, path, "org.freedesktop.DBus.Properties"); err != nil {
			b.t.Fatal(err)
		}
	}
	s.Come(name)
	return s
}

// Come takes a name.
func (s *BusService) Come(name string) {
	s.t.Helper()
	if reply, err := s.conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		s.t.Fatal(reply, err)
	}
}

// Leave gives a name up.
func (s *BusService) Leave(name string) {
	s.t.Helper()
	if _, err := s.conn.ReleaseName(name); err != nil {
		s.t.Fatal(err)
	}
}

func (s *BusService) getAll(m dbus.Message, iface string) (map[string]dbus.Variant, *dbus.Error) {
	path, _ := m.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	s.mu.Lock()
	s.asked[path]++
	hung := s.hung
	s.mu.Unlock()
	if hung != nil {
		<-hung
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.objects[path][iface]
	if !ok {
		return nil, dbus.NewError("org.freedesktop.DBus.Error.UnknownObject", nil)
	}
	return maps.Clone(p), nil
}

// Hang makes every answer wait until release is called.
func (s *BusService) Hang() (release func()) {
	hung := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hung = hung
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.hung = nil
		close(hung)
	}
}

// Set changes a property, and says so.
func (s *BusService) Set(path dbus.ObjectPath, iface, name string, value any) {
	s.t.Helper()
	s.mu.Lock()
	s.objects[path][iface][name] = dbus.MakeVariant(value)
	s.mu.Unlock()
	s.Emit(path, iface, name, value)
}

// Emit says that a property has changed, whether it has or not.
func (s *BusService) Emit(path dbus.ObjectPath, iface, name string, value any) {
	s.t.Helper()
	err := s.conn.Emit(path, "org.freedesktop.DBus.Properties.PropertiesChanged",
		iface, map[string]dbus.Variant{name: dbus.MakeVariant(value)}, []string{})
	if err != nil {
		s.t.Fatal(err)
	}
}

// Looks is how often an object was asked for its properties.
func (s *BusService) Looks(path dbus.ObjectPath) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[path]
}
