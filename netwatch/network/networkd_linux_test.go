package network

import (
	"reflect"
	"strings"
	"testing"

	"mailcrane/internal/lab"
	"mailcrane/netwatch/portal"
)

// described is what systemd-networkd 255 says, as its link_build_json writes it, with
// what does not matter left out.
const described = `{"Interfaces":[
{"Index":1,"Name":"lo","Type":"loopback","AdministrativeState":"unmanaged","OnlineState":null},
{"Index":2,"Name":"eth0","Kind":"veth","Type":"ether","Driver":"veth","HardwareAddress":[186,51,20,22,117,165],
 "AdministrativeState":"configured","OperationalState":"routable","OnlineState":"online","RequiredForOnline":true,
 "CaptivePortal":"https://portal.example/api/","Addresses":[{"Family":2,"Address":[198,51,100,2],"PrefixLength":24}]},
{"Index":3,"Name":"wlan0","Type":"wlan","WirelessLanInterfaceType":2,"SSID":"Café \u001b","BSSID":[1,2,3,4,5,6],
 "AdministrativeState":"configuring","OnlineState":"offline"}],
"RoutingPolicyRules":[{"Family":2,"Priority":32766,"Table":254}]}`

// Coverage: networkd.
func TestWhatNetworkdSaysIsRead(t *testing.T) {
	wireless := link{index: 3, name: "wlan0", up: true, carrier: true, shared: true, risen: 1, ssid: `"Café \x1b"`, setup: "systemd-networkd is still configuring it"}
	for _, c := range []struct {
		reason string
		text   string
		links  []link
		checks []portal.Question
	}{
		{"a portal's API and a wireless network", described, []link{lo(), eth0(), wireless}, []portal.Question{{Kind: portal.AsksAPI, URL: "https://portal.example/api/"}}},
		{"a portal's API where the cable was pulled", described, []link{unplugged(eth0())}, nil},
		{"it has failed", `{"Interfaces":[{"Name":"eth0","AdministrativeState":"failed"}]}`, []link{waits(eth0(), "systemd-networkd has failed to configure it")}, nil},
		{"no portal, says the network", `{"Interfaces":[{"Name":"eth0","CaptivePortal":"urn:ietf:params:capport:unrestricted"}]}`, []link{eth0()}, nil},
		{"an address of this machine's files", `{"Interfaces":[{"Name":"eth0","CaptivePortal":"file:///etc/passwd"}]}`, []link{eth0()}, nil},
		{"an address of another kind", `{"Interfaces":[{"Name":"eth0","CaptivePortal":"ftp://portal.example/"}]}`, []link{eth0()}, nil},
		{"an address without end", `{"Interfaces":[{"Name":"eth0","CaptivePortal":"https://portal.example/` + strings.Repeat("x", mostURL) + `"}]}`, []link{eth0()}, nil},
		{"nothing", `{}`, []link{eth0()}, nil},
	} {
		t.Run(c.reason, func(t *testing.T) {
			p, err := readNetworkd(c.text)
			if err != nil {
				t.Fatal(err)
			}
			f := new(facts)
			for _, l := range c.links {
				l.ssid, l.setup = "", ""
				f.links = append(f.links, l)
			}
			p.fill(f)
			if !reflect.DeepEqual(f.links, c.links) || !reflect.DeepEqual(f.checks, c.checks) {
				t.Errorf("%+v, %+v, want %+v, %+v", f.links, f.checks, c.links, c.checks)
			}
		})
	}
	if _, err := readNetworkd("not found"); err == nil {
		t.Error("what is no JSON is understood")
	}
}

func waits(l link, setup string) link { l.setup = setup; return l }

// FuzzNetworkd: whatever it says is refused or read, and safe to show.
func FuzzNetworkd(f *testing.F) {
	f.Add(described)
	f.Add(`{"Interfaces":[{"Name":"eth0","CaptivePortal":"https://[::1"}]}`)
	f.Add(`{"Interfaces":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := readNetworkd(text)
		if err != nil {
			return
		}
		found := atHome()
		p.fill(found)
		for _, l := range found.links {
			if strings.ContainsFunc(l.ssid+l.setup, func(r rune) bool { return r < ' ' }) || len(l.ssid) > 4*mostName+2 {
				t.Errorf("%+v", l)
			}
		}
		for _, c := range found.checks {
			if !strings.HasPrefix(strings.ToLower(c.URL), "http") {
				t.Errorf("%+v is asked", c)
			}
		}
	})
}

// Coverage: networkd.
func TestWhatNetworkdKnowsIsNoticed(t *testing.T) {
	l := newLaptop(t)
	m := lab.NewNetworkd(t, l.Network, "DHCP=ipv4") // which nobody answers
	heard := listen(t, networkd(), m.Bus())
	setup := func(want string) {
		t.Helper()
		heard.sees(want, func(f *facts) bool { return f.link("eth0").setup == want })
	}
	setup("systemd-networkd is still configuring it")
	w := l.watchAlso(networkd(), m.Bus())
	if got, want := w.State().Reason, "eth0 is up, but has no address: systemd-networkd is still configuring it"; got != want {
		t.Errorf("the reason is %q, want %q", got, want)
	}
	m.Configure("Address=" + lab.LaptopIP + "/24\nGateway=" + lab.GatewayIP)
	w.notices("an address", func(s State) bool { return s.Reason == "eth0 is up, default route via "+lab.GatewayIP })
	setup("")
	m.Configure("DHCP=ipv4")
	setup("systemd-networkd is still configuring it")
	m.Stop()
	setup("")
	m.Start()
	setup("systemd-networkd is still configuring it")
}
