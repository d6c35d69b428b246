package dsn

import "fmt"

// A Reply is an SMTP reply, whole.
type Reply struct {
	Code     int    // three digits, or 0: no server said this
	Enhanced string // RFC 3463, "5.1.1", or ""
	Text     string // one line, no code
}

func (r Reply) String() string {
	switch {
	case r.Code == 0:
		return r.Text
	case r.Enhanced == "":
		return fmt.Sprintf("%d %s", r.Code, r.Text)
	}
	return fmt.Sprintf("%d %s %s", r.Code, r.Enhanced, r.Text)
}
