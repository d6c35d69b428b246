package lab

import "testing"

func TestNetworkManagerManagesTheLaptop(t *testing.T) {
	m := NewNetworkManager(t, Netns(t))
	is := func(want string) {
		t.Helper()
		if got := m.Nmcli("-t", "-f", "STATE,CONNECTIVITY", "general"); got != want {
			t.Errorf("NetworkManager is %s, want %s", got, want)
		}
	}
	m.Release()
	is("connected:full")
	m.Capture()
	is("connected (site only):portal")
	m.Release()
	m.Meter("yes")
	if got := m.Nmcli("-t", "-g", "GENERAL.METERED", "device", "show", "eth0"); got != "yes" {
		t.Errorf("metered: %s", got)
	}
	m.Stop()
	m.Start()
	is("connected:full")
}
