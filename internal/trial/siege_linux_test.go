package trial

import (
	"bufio"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// slowly holds connections that send an octet, until the other client was
// served some times more.
func (b *besieged) slowly(t *testing.T, each int) {
	t.Helper()
	var all []net.Conn
	defer func() {
		for _, c := range all {
			c.Close()
		}
	}()
	for _, way := range b.dribbles() {
		for range each {
			c, err := net.Dial("tcp", way[0])
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
			_, _ = io.WriteString(c, way[1]) // refused where there is no room
		}
	}
	for range 5 {
		before := b.taken.Load()
		await(t, "the other client is served", func() bool { return b.taken.Load() > before || b.wrong.Load() != nil })
		for _, c := range all {
			_, _ = c.Write([]byte("x"))
		}
	}
}

// burst connects as often as it can, and leaves at once or says nothing.
func (b *besieged) burst(t *testing.T, number int) {
	t.Helper()
	const dialers = 32
	var all sync.WaitGroup
	var greeted, refused atomic.Int64
	for range dialers {
		all.Go(func() {
			for range number / dialers {
				c, err := call(b.clear)
				if err != nil {
					b.failed(err)
					return
				}
				reply, _ := c.r.ReadString('\n')
				switch {
				case strings.HasPrefix(reply, "220"):
					greeted.Add(1)
				case strings.HasPrefix(reply, "421"):
					refused.Add(1)
				}
				c.Close()
			}
		})
	}
	all.Wait()
	t.Logf("of %d connections %d were greeted and %d told to come back", number, greeted.Load(), refused.Load())
}

// pours says the beginning and then octets of the same again and again, ends it
// all with a dot, and is told no: with a reply that begins with want.
func (b *besieged) pours(t *testing.T, begin, again string, octets int, want string) {
	t.Helper()
	c, err := net.Dial("tcp", b.clear)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	go func() {
		// The server may cut it off anywhere.
		block := strings.Repeat(again, 1+(64<<10)/len(again))
		_, err := io.WriteString(c, begin)
		for sent := 0; sent < octets && err == nil; sent += len(block) {
			_, err = io.WriteString(c, block)
		}
		_, _ = io.WriteString(c, "\r\n.\r\nQUIT\r\n")
	}()
	r, told := bufio.NewReader(c), ""
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			break
		}
		if strings.HasPrefix(line, want) {
			told = line
		}
	}
	if told == "" {
		t.Errorf("it was never told %s", want)
	}
}

// deaf says much and reads nothing of what is said to it.
func (b *besieged) deaf(t *testing.T, much string) {
	t.Helper()
	c, err := net.Dial("tcp", b.clear)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() { _, _ = io.WriteString(c, "EHLO deaf.example\r\n"+much) }() // ends with c
	before := b.taken.Load()
	await(t, "the other client is served", func() bool { return b.taken.Load() > before+3 || b.wrong.Load() != nil })
}

// refuses is a command that a client is told no to at once.
func (b *besieged) refuses(t *testing.T, command string) {
	t.Helper()
	c, err := call(b.clear)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, each := range [...][2]string{{"", "220"}, {"EHLO x", "250"}, {command, "552"}, {"QUIT", "221"}} {
		if err := c.says(each[0], each[1]); err != nil {
			t.Error(err)
		}
	}
}
