package smtpd

import (
	"errors"
	"io"
	"net"
	"testing"
)

// A reader of the message that asks errors.Is(err, io.EOF) must not take half a
// message for a whole one.
func TestAMessageThatIsBrokenOffHasNoEnd(t *testing.T) {
	for _, begin := range []string{"DATA\r\nSubject: x\r\n\r\nhalf", "BDAT 100\r\nSubject: x\r\n\r\nhalf", "BDAT 4\r\nhalf"} {
		ended := make(chan error, 1)
		h := &house{data: func(_ *guest, r io.Reader) error {
			_, err := io.ReadAll(r)
			ended <- err
			return err
		}}
		p := dial(t, onSocket(t, h, Options{}))
		p.envelope()
		p.say(begin)
		if err := p.Conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%q ended with %v", begin, err)
		}
	}
}
