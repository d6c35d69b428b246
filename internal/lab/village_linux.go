package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A Village is several machines on one network, and a real name service for them.
// Each machine has users of its own, and a root of its own only as far as the files
// in /etc go that it is given.
type Village struct {
	// Dir is a folder that root alone can write, and all can read; it is gone with
	// the test.
	Dir string

	t    testing.TB
	tag  string
	wire *Namespace // where the bridge is
	next int
}

// villageNet is the network, and the name service's place in it.
const (
	villageNet  = "198.51.100."
	VillageName = villageNet + "53"
)

// NewVillage makes one whose name service has the zones, each by its name, in the
// form of a master file (RFC 1035 section 5) without its SOA and NS records.
func NewVillage(t testing.TB, zones map[string]string) *Village {
	t.Helper()
	needRoot(t, "network namespaces")
	if _, err := exec.LookPath("ip"); err != nil {
		Missing(t, "ip", "internal/lab/lab.sh install clients")
	}
	dir, err := os.MkdirTemp("/var/lib", "mailcrane-village-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	v := &Village{Dir: dir, t: t, tag: "mailcrane-" + strings.TrimPrefix(filepath.Base(dir), "mailcrane-village-")}
	v.wire = newNamespace(t, v.tag+"-wire")
	v.wire.ip("link add br0 type bridge")
	v.wire.ip("link set br0 up")
	v.names(zones)
	return v
}

// Machine joins one to the network, by its last number in it. files are those that
// it has in /etc in place of the ones here.
func (v *Village) Machine(name string, number int, files map[string]string) *Namespace {
	v.t.Helper()
	m := newNamespace(v.t, v.tag+"-"+name)
	etc := filepath.Join("/etc/netns", m.Name)
	if err := os.MkdirAll(etc, 0o755); err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() {
		os.RemoveAll(etc)
		os.Remove(filepath.Dir(etc)) // only when it was the last
	})
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(etc, name), []byte(text), 0o644); err != nil {
			v.t.Fatal(err)
		}
	}
	v.next++
	port := fmt.Sprintf("p%d", v.next)
	run(v.t, fmt.Sprintf("link add eth0 netns %s type veth peer name %s netns %s", m.Name, port, v.wire.Name))
	v.wire.ip("link set " + port + " master br0 up")
	m.ip("link set lo up")
	m.ip("link set eth0 up")
	m.ip(fmt.Sprintf("addr add %s%d/24 dev eth0", villageNet, number))
	m.ip("route add default via " + VillageName)
	return m
}

// names starts nsd at VillageName.
func (v *Village) names(zones map[string]string) {
	v.t.Helper()
	root := filepath.Join(Root(), "dns/root")
	if _, err := os.Stat(filepath.Join(root, "usr/sbin/nsd")); err != nil {
		Missing(v.t, "nsd", "internal/lab/lab.sh install dns")
	}
	inside := "/etc/" + v.tag
	dir := root + inside
	if err := os.MkdirAll(dir, 0o755); err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { os.RemoveAll(dir) })
	config := fmt.Sprintf(`server:
  ip-address: %s
  username: ""
  chroot: ""
  zonesdir: %q
  database: ""
  pidfile: ""
  xfrdfile: %q
  zonelistfile: %q
  server-count: 1
remote-control:
  control-enable: no
`, VillageName, inside, inside+"/xfrd", inside+"/zones")
	for zone, text := range zones {
		config += fmt.Sprintf("zone:\n  name: %s\n  zonefile: %s.zone\n", zone, zone)
		text = fmt.Sprintf("$ORIGIN %s.\n$TTL 60\n@ SOA ns hostmaster 1 3600 900 604800 60\n@ NS ns\nns A %s\n%s", zone, VillageName, text)
		if err := os.WriteFile(filepath.Join(dir, zone+".zone"), []byte(text), 0o644); err != nil {
			v.t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "nsd.conf"), []byte(config), 0o644); err != nil {
		v.t.Fatal(err)
	}
	m := v.Machine("names", 53, nil)
	c := m.Command("chroot", root, "/usr/sbin/nsd", "-d", "-c", inside+"/nsd.conf")
	var said strings.Builder
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait() // it was killed
		if v.t.Failed() {
			v.t.Logf("nsd: %s", said.String())
		}
	})
}
