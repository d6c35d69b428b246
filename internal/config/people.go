package config

import "time"

// OAuth is how an account gets its tokens (RFC 6749, RFC 8252). The refresh
// token itself is in the keyring.
type OAuth struct {
	// Issuer is "google", "microsoft", or the https:// URL of one that publishes
	// its endpoints (RFC 8414, OpenID Connect Discovery).
	Issuer string
	// ClientID is the application's, as it was registered there; ClientSecret
	// says where its secret is, for issuers that gave it one.
	ClientID     string
	ClientSecret Secret
	// Scopes replace those that the issuer is known to want for mail.
	Scopes []string
	// Port is that of the loopback redirect, for issuers that compare it; 0 is
	// any that is free.
	Port int
	// Lifetime is how long a refresh token lives where the issuer does not say
	// it; 0 is for ever.
	Lifetime time.Duration
}

// Used says that the account logs in with tokens of an issuer.
func (o OAuth) Used() bool { return o.Issuer != "" }

// System is the mode in which one agent keeps the mail of all users of this
// machine. Socket is where it takes mail in by SMTP, "" for no such mode; Drop
// is the directory for what is handed in while no agent answers.
type System struct {
	Socket, Drop string
}

// Used says that the users of this machine hand their mail to one agent.
func (s System) Used() bool { return s.Socket != "" }

// A Notice says what the desktop is told of.
type Notice uint8

// The notices.
const (
	NoticeTrouble Notice = iota // mail that cannot go
	NoticeAll                   // and held mail that has gone
	NoticeNone
)

var noticeWords = [...]string{"trouble", "all", "none"}

func parseNotice(text string) (Notice, error) {
	i, err := word(text, "notice", noticeWords[:], "")
	return Notice(i), err //nolint:gosec // one of three
}

func (n Notice) String() string { return noticeWords[min(int(n), len(noticeWords)-1)] }
