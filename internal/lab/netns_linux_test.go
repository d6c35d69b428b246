package lab

import (
	"net"
	"strings"
	"testing"
)

func TestSmarthostIsReachableOnlyWhileTheRouteIsUp(t *testing.T) {
	n := Netns(t)
	s := n.Serve(Postfix(t))
	greet := func() error {
		return n.Laptop.Do(func() error {
			c, err := net.Dial("tcp", SmarthostIP+":25")
			if err == nil {
				c.Close()
			}
			return err
		})
	}
	if err := greet(); err != nil {
		t.Errorf("route up: %v", err)
	}
	n.RouteDown()
	if err := greet(); err == nil {
		t.Error("route down: connected all the same")
	}
	n.RouteUp()
	if err := greet(); err != nil {
		t.Errorf("route up again: %v", err)
	}
	n.Roam()
	if err := greet(); err != nil {
		t.Errorf("with another address: %v", err)
	}
	if s.Implicit != "smarthost.test:465" {
		t.Errorf("TLS is at %s", s.Implicit)
	}
}

func TestLaptopReachesTheRealSmarthostByName(t *testing.T) {
	n := Netns(t)
	s := n.Serve(Postfix(t))
	box := s.Mailbox(t)
	to := box.Address("roaming")
	swaks := func() ([]byte, error) {
		return n.Laptop.Command(Client(t, "swaks"), "--server", s.Name, "--port", "465", "--tls-on-connect",
			"--tls-verify", "--tls-ca-path", s.CAFile, "--auth", "PLAIN", "--auth-user", s.User, "--auth-password", s.Password,
			"--from", "me@example.test", "--to", to, "--timeout", "5").CombinedOutput()
	}
	n.RouteDown()
	if out, err := swaks(); err == nil {
		t.Fatalf("mail went without a route:\n%s", out)
	}
	n.RouteUp()
	if out, err := swaks(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := box.Wait(to); got.Header("From") != "me@example.test" {
		t.Errorf("arrived: %s", got.Raw)
	}
}

func TestPulledCableIsSeenAsNoCarrier(t *testing.T) {
	n := Netns(t)
	state := func() string {
		out, err := n.Laptop.Command("ip", "-o", "link", "show", "eth0").Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if !strings.Contains(state(), "LOWER_UP") {
		t.Errorf("cable in: %s", state())
	}
	n.PlugOut()
	if !strings.Contains(state(), "NO-CARRIER") {
		t.Errorf("cable out: %s", state())
	}
	n.PlugIn()
	if !strings.Contains(state(), "LOWER_UP") {
		t.Errorf("cable in again: %s", state())
	}
}

func TestSilentGatewayAnswersNothing(t *testing.T) {
	n := Netns(t)
	n.Gateway.Listen(SmarthostIP + ":25")
	connect := func() error {
		return n.Laptop.Command("bash", "-c", "exec timeout 0.5 bash -c 'exec 3<>/dev/tcp/"+SmarthostIP+"/25'").Run()
	}
	n.Silence()
	if connect() == nil {
		t.Error("a silent gateway let a connection through")
	}
	n.Answer()
	if err := connect(); err != nil {
		t.Errorf("after the silence: %v", err)
	}
}
