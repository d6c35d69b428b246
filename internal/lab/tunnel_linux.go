package lab

import (
	"net"
	"net/netip"
	"os"
	"sync"
)

// The ends of the tunnel.
const (
	TunnelLaptopIP  = "10.9.0.2"
	tunnelGatewayIP = "10.9.0.1"
	tunnelPort      = "51820"
)

// A Tunnel is a VPN from the laptop to the gateway: packets that the laptop
// sends to its device vpn0 go over the cable in datagrams.
type Tunnel struct{ network *Network }

// Tunnel makes one, which is down. It is gone when the test ends.
func (n *Network) Tunnel() *Tunnel {
	n.t.Helper()
	var carried sync.WaitGroup
	laptop, gateway := n.Laptop.tunnelEnd(LaptopIP), n.Gateway.tunnelEnd(GatewayIP)
	carried.Go(func() { laptop.wrap(gateway.address) })
	carried.Go(func() { gateway.wrap(laptop.address) })
	carried.Go(laptop.unwrap)
	carried.Go(gateway.unwrap)
	n.t.Cleanup(func() {
		laptop.close()
		gateway.close()
		carried.Wait()
	})
	n.Gateway.ip("addr add " + tunnelGatewayIP + "/24 dev vpn0")
	n.Gateway.ip("link set vpn0 up")
	return &Tunnel{n}
}

// Up has the laptop reach SmarthostIP through the tunnel.
func (t *Tunnel) Up() {
	l := t.network.Laptop
	l.ip("addr add " + TunnelLaptopIP + "/24 dev vpn0")
	l.ip("link set vpn0 up")
	l.ip("route add " + SmarthostIP + " dev vpn0")
}

// Down ends that: the laptop reaches it by the cable, in the open.
func (t *Tunnel) Down() {
	l := t.network.Laptop
	l.ip("link set vpn0 down")
	l.ip("addr flush dev vpn0")
}

type tunnelEnd struct {
	device  *os.File
	socket  *net.UDPConn
	address netip.AddrPort
}

func (s *Namespace) tunnelEnd(ip string) tunnelEnd {
	s.t.Helper()
	device, err := s.tun("vpn0")
	if err != nil {
		s.t.Fatal(err)
	}
	e := tunnelEnd{device: device, address: netip.MustParseAddrPort(ip + ":" + tunnelPort)}
	err = s.Do(func() (err error) {
		e.socket, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(e.address))
		return err
	})
	if err != nil {
		_ = device.Close()
		s.t.Fatal(err)
	}
	return e
}

func (e tunnelEnd) close() {
	_ = e.device.Close()
	_ = e.socket.Close()
}

// wrap sends what comes from the device to the other end, unwrap the other way.
// What cannot be sent is lost, as on any link.
func (e tunnelEnd) wrap(to netip.AddrPort) {
	packet := make([]byte, 64<<10)
	for {
		n, err := e.device.Read(packet)
		if err != nil {
			return
		}
		_, _ = e.socket.WriteToUDPAddrPort(packet[:n], to)
	}
}

func (e tunnelEnd) unwrap() {
	packet := make([]byte, 64<<10)
	for {
		n, err := e.socket.Read(packet)
		if err != nil {
			return
		}
		_, _ = e.device.Write(packet[:n])
	}
}
