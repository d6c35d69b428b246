package checkup

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"mailcrane/internal/config"
)

const (
	// connectTime and answerTime are how long a port is waited for: mail itself
	// waits longer.
	connectTime = 6 * time.Second
	answerTime  = 4 * time.Second
)

// An answer is what is found at a port.
type answer string

// The answers.
const (
	speaksSMTP  answer = "SMTP"         // a greeting in the clear, for STARTTLS
	speaksTLS   answer = "TLS"          // TLS at once
	refused     answer = "closed"       // nobody listens, and says so
	filtered    answer = "no answer"    // whoever is asked, or is on the way, says nothing
	unreachable answer = "no way there" // this network does not lead there
	web         answer = "a web server"
	mute        answer = "open, and says nothing"
	strange     answer = "something that is no mail server"
)

// probe connects to a port and hears what is there. No name, no address and no
// secret of ours is sent; at a port of TLS the server's name is.
func (w *way) probe(ctx context.Context, port string) answer {
	host := w.account.Smarthost.Host
	limited, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	conn, err := w.Dial(limited, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return unconnected(err)
	}
	defer conn.Close()
	if port == "465" || w.account.Smarthost.TLS == config.Implicit && port == w.account.Smarthost.Port {
		return w.tlsAt(ctx, conn)
	}
	_ = conn.SetDeadline(time.Now().Add(answerTime)) // where that cannot be, the other side ends it
	greeting, err := bufio.NewReader(io.LimitReader(conn, 2048)).ReadString('\n')
	switch {
	case strings.HasPrefix(greeting, "220"), strings.HasPrefix(greeting, "421"), strings.HasPrefix(greeting, "554"):
		_, _ = io.WriteString(conn, "QUIT\r\n") // a server that is left without a word logs it
		return speaksSMTP
	case looksLikeWeb(greeting):
		return web
	case greeting != "":
		return strange
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return strange
	}
	return w.tlsAt(ctx, conn)
}

func looksLikeWeb(text string) bool {
	text = strings.ToLower(strings.TrimSpace(text))
	return strings.HasPrefix(text, "http/") || strings.HasPrefix(text, "<html") || strings.HasPrefix(text, "<!doctype")
}

// tlsAt begins TLS. Whether the certificate is good is not asked here.
func (w *way) tlsAt(ctx context.Context, conn net.Conn) answer {
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	_ = conn.SetDeadline(time.Now().Add(answerTime))
	err := tls.Client(conn, &tls.Config{ServerName: w.account.Smarthost.Host, MinVersion: tls.VersionTLS12}).HandshakeContext(limited)
	clear, isClear := errors.AsType[tls.RecordHeaderError](err)
	_, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	op, isOp := errors.AsType[*net.OpError](err)
	timeout, isTimeout := errors.AsType[net.Error](err)
	switch {
	case err == nil, isCertificate, isOp && op.Op == "remote error":
		return speaksTLS
	case isClear && strings.HasPrefix(string(clear.RecordHeader[:]), "220"):
		return speaksSMTP
	case isClear && looksLikeWeb(string(clear.RecordHeader[:])):
		return web
	case errors.Is(err, context.DeadlineExceeded), isTimeout && timeout.Timeout():
		return mute
	}
	return strange
}

// unconnected is why there was no connection.
func unconnected(err error) answer {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return refused
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETDOWN):
		return unreachable
	}
	return filtered
}
