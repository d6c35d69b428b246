package logbook

import (
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// facilityMail is LOG_MAIL of syslog(3).
const facilityMail = 2 << 3

// patience is how long a syslogd may take for a line.
const patience = time.Second

// A syslogd is the one that takes lines, by RFC 3164. It may come and go.
type syslogd struct {
	tag, host string
	// ways are networks and addresses, of which the first that answers is taken.
	ways [][2]string
	conn net.Conn
	// stream: each line ends in a NUL, since there are no datagrams.
	stream, remote bool
}

// newSyslog is the syslogd at unix:PATH or udp:HOST:PORT, or where syslog(3)
// has it.
func newSyslog(tag, where string) *syslogd {
	s := &syslogd{tag: tag}
	s.host, _ = os.Hostname() // "" is what syslog(3) sends then
	path, isPath := strings.CutPrefix(where, "unix:")
	address, isUDP := strings.CutPrefix(where, "udp:")
	switch {
	case isUDP:
		s.ways, s.remote = [][2]string{{"udp", address}}, true
		return s
	case isPath:
		s.ways = [][2]string{{"unixgram", path}, {"unix", path}}
		return s
	}
	for _, path := range []string{"/dev/log", "/var/run/syslog", "/var/run/log"} {
		s.ways = append(s.ways, [2]string{"unixgram", path}, [2]string{"unix", path})
	}
	return s
}

func (s *syslogd) dial() (err error) {
	if s.conn != nil {
		return nil
	}
	for _, way := range s.ways {
		if s.conn, err = net.DialTimeout(way[0], way[1], patience); err == nil {
			s.stream = way[0] == "unix"
			return nil
		}
		s.conn = nil
	}
	return fmt.Errorf("no syslogd: %w", err)
}

// send hands a line over; one that has been started anew gets it at the second
// try.
func (s *syslogd) send(e entry) error {
	err := s.try(e)
	if err != nil {
		err = s.try(e)
	}
	return err
}

func (s *syslogd) try(e entry) error {
	if err := s.dial(); err != nil {
		return err
	}
	host := ""
	if s.remote && s.host != "" {
		host = s.host + " "
	}
	packet := fmt.Sprintf("<%d>%s %s%s[%s]: %s", facilityMail|severity(e.level), e.at.Format(time.Stamp), host, s.tag, pid(), e.line)
	if s.stream {
		packet += "\x00"
	}
	err := s.conn.SetWriteDeadline(time.Now().Add(patience))
	if err == nil {
		_, err = s.conn.Write([]byte(packet))
	}
	if err != nil {
		s.close()
	}
	return err
}

func (s *syslogd) close() {
	if s.conn != nil {
		_ = s.conn.Close() // it is lost already, or has all
		s.conn = nil
	}
}

// severity is syslog's for a level, as sendmail logs it.
func severity(l Level) int {
	const critical, notice, info, debug = 2, 5, 6, 7
	switch {
	case l <= Serious:
		return critical
	case l <= Refusals:
		return notice
	case l >= Debugging:
		return debug
	}
	return info
}
