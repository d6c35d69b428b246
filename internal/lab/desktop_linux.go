package lab

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// A Desktop is an X server that nobody sees, with dunst, which shows
// notifications on a bus of the test's own.
type Desktop struct {
	*Bus
	// Display is for DISPLAY.
	Display string

	conn *dbus.Conn
}

// Names of dunst's own interface.
const (
	dunstName  = "org.freedesktop.Notifications"
	dunstPath  = dbus.ObjectPath("/org/freedesktop/Notifications")
	dunstFaces = "org.dunstproject.cmd0"
)

// NewDesktop starts one, which ends with the test.
func NewDesktop(t testing.TB) *Desktop {
	t.Helper()
	for _, program := range []string{"Xvfb", "dunst"} {
		if _, err := exec.LookPath(program); err != nil {
			Missing(t, program, "internal/lab/lab.sh install desktop")
		}
	}
	d := &Desktop{Bus: NewBus(t)}
	// It says on descriptor 3 which display it has found free.
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	x := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "800x600x24", "-nolisten", "tcp")
	x.ExtraFiles = []*os.File{write}
	d.run(x)
	write.Close()
	number, err := bufio.NewReader(io.LimitReader(read, 16)).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb has no display: %v", err)
	}
	read.Close()
	d.Display = ":" + strings.TrimSpace(number)
	dunst := exec.Command("dunst", "-config", os.DevNull)
	dunst.Env = append(os.Environ(), "DISPLAY="+d.Display, "DBUS_SESSION_BUS_ADDRESS="+d.Address, "HOME="+t.TempDir())
	d.run(dunst)
	if d.conn, err = dbus.Connect(d.Address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.conn.Close() })
	d.await("dunst is there", func() bool {
		var has bool
		err := d.conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, dunstName).Store(&has)
		return err == nil && has
	})
	return d
}

func (d *Desktop) run(cmd *exec.Cmd) {
	d.t.Helper()
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

func (d *Desktop) await(what string, done func() bool) {
	d.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(20 * time.Second); !done(); {
		select {
		case <-tick.C:
		case <-late:
			d.t.Fatalf("%s: not within 20 seconds", what)
		}
	}
}

// Displayed is how many notifications are on the screen.
func (d *Desktop) Displayed() int {
	d.t.Helper()
	n, err := d.conn.Object(dunstName, dunstPath).GetProperty(dunstFaces + ".displayedLength")
	if err != nil {
		d.t.Fatal(err)
	}
	count, _ := n.Value().(uint32)
	return int(count)
}

// AwaitDisplayed waits until so many are on the screen.
func (d *Desktop) AwaitDisplayed(n int) {
	d.t.Helper()
	d.await(fmt.Sprintf("%d notifications are shown", n), func() bool { return d.Displayed() == n })
}

// Shot writes what is on the screen to a file.
func (d *Desktop) Shot(file string) {
	d.t.Helper()
	cmd := exec.Command(Client(d.t, "scrot"), "-o", file)
	cmd.Env = append(os.Environ(), "DISPLAY="+d.Display)
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Fatalf("scrot: %v: %s", err, out)
	}
}
