package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"mailcrane/internal/acl"
	"mailcrane/internal/sysexits"
)

// On Windows the agent answers on a port of this machine. Its Unix sockets would
// need a release of 2018, and are files whose rights nothing here could test. In
// the socket's place stands a file that only this user, the system and its
// administrators can read: the port, the word that an asker begins with, and the
// word that the agent answers with. So neither takes a stranger for the other, not
// even one who has the port after an agent that was killed.

// A controlFile is what stands there.
type controlFile struct{ address, asker, agent string }

// maxControlFile bounds it, and what a stranger may say.
const maxControlFile = 256

// listenControl opens the port, and tells those who may know of it. The error is
// Unavailable where another agent has done so.
func listenControl(ctx context.Context, socket string) (net.Listener, error) {
	if who, err := acl.Changers(filepath.Dir(socket)); err != nil {
		return nil, sysexits.Errorf(sysexits.CantCreat, "", "%w", err)
	} else if len(who) > 0 {
		return nil, sysexits.Errorf(sysexits.NoPerm, "use a queue directory below your own folder, or take the right to write from them, with: icacls",
			"others can change the queue directory %s: %s", filepath.Dir(socket), printable(strings.Join(who, ", ")))
	}
	lock := flock.New(socket + ".lock")
	if free, err := lock.TryLock(); err != nil {
		return nil, sysexits.Errorf(sysexits.CantCreat, "", "locking %s.lock: %w", socket, err)
	} else if !free {
		return nil, sysexits.Errorf(sysexits.Unavailable, "", "another agent answers at %s already", socket)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, sysexits.Errorf(sysexits.Unavailable, "", "listening on this machine: %w", errors.Join(err, lock.Unlock()))
	}
	file := controlFile{l.Addr().String(), rand.Text(), rand.Text()}
	if err := file.write(socket); err != nil {
		return nil, sysexits.Errorf(sysexits.CantCreat, "", "telling where the agent answers: %w", errors.Join(err, l.Close(), lock.Unlock()))
	}
	admitted := &admission{Listener: l, file: file, socket: socket, lock: lock, come: make(chan net.Conn), ended: make(chan struct{})}
	go admitted.run()
	return admitted, nil
}

func (f controlFile) write(path string) error {
	if err := os.Remove(path + ".new"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	file, err := acl.CreatePrivate(path + ".new")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "%s\n%s\n%s\n", f.address, f.asker, f.agent)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func readControlFile(path string) (controlFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return controlFile{}, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxControlFile))
	if err != nil {
		return controlFile{}, err
	}
	words := strings.Fields(string(text))
	if len(words) != 3 {
		return controlFile{}, fmt.Errorf("%s does not say where the agent answers", path)
	}
	return controlFile{words[0], words[1], words[2]}, nil
}

// An admission is a listener that lets in who knows the word.
type admission struct {
	net.Listener
	file   controlFile
	socket string
	lock   *flock.Flock
	come   chan net.Conn
	ended  chan struct{}
	end    sync.Once
}

// Accept implements net.Listener.
func (a *admission) Accept() (net.Conn, error) {
	select {
	case conn := <-a.come:
		return conn, nil
	case <-a.ended:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (a *admission) Close() error {
	err := net.ErrClosed
	a.end.Do(func() {
		close(a.ended)
		err = errors.Join(a.Listener.Close(), os.Remove(a.socket), a.lock.Unlock())
	})
	return err
}

// askersAtOnce bounds those who have not said the word yet: they keep nobody
// else waiting until there are so many.
const askersAtOnce = 16

func (a *admission) run() {
	places := make(chan struct{}, askersAtOnce)
	for {
		conn, err := a.Listener.Accept()
		if err != nil {
			_ = a.Close() // it ends as Accept did
			return
		}
		places <- struct{}{}
		go func() {
			a.admit(conn)
			<-places
		}()
	}
}

func (a *admission) admit(conn net.Conn) {
	if conn.SetDeadline(time.Now().Add(controlTime)) != nil || !hears(conn, a.file.asker) {
		conn.Close()
		return
	}
	if _, err := fmt.Fprintln(conn, a.file.agent); err != nil || conn.SetDeadline(time.Time{}) != nil {
		conn.Close()
		return
	}
	select {
	case a.come <- conn:
	case <-a.ended:
		conn.Close()
	}
}

// hears says that the next line is the word. No octet behind it is taken.
func hears(conn net.Conn, word string) bool {
	line := make([]byte, len(word)+1)
	_, err := io.ReadFull(conn, line)
	return err == nil && subtle.ConstantTimeCompare(line, []byte(word+"\n")) == 1
}

// dialControl connects to the agent that has left its file there.
func dialControl(ctx context.Context, socket string) (net.Conn, error) {
	file, err := readControlFile(socket)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: controlTime}
	conn, err := dialer.DialContext(ctx, "tcp", file.address)
	if err != nil {
		return nil, err
	}
	if err := file.greet(conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func (f controlFile) greet(conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(controlTime)); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(conn, f.asker); err != nil {
		return err
	}
	if !hears(conn, f.agent) {
		return fmt.Errorf("what answers on %s is not the agent", f.address)
	}
	return conn.SetDeadline(time.Time{})
}
