package auth

// The mechanisms of a file of users.
const (
	plain     = "PLAIN"
	login     = "LOGIN"
	external  = "EXTERNAL"
	scramName = "SCRAM-SHA-256"
	scramPlus = "SCRAM-SHA-256-PLUS"
)

// A mechanism is one of SASL, and what it withstands, as Cyrus SASL's
// properties and Dovecot's protocol have it.
type mechanism struct {
	name string
	// plaintext shows the password to who listens; dictionary lets who listened
	// guess it; active lets somebody between have the log-in.
	plaintext, dictionary, active bool
	// forward: what was said stays secret when the password gets known; mutual:
	// the server proves itself too; anonymous: nobody in particular logs in;
	// passes: the server gets to see the password.
	forward, mutual, anonymous, passes bool
}

// The ones that we carry out ourselves. Inside TLS, EXTERNAL stands all that
// TLS does.
var ours = [...]mechanism{
	{name: external, forward: true, mutual: true},
	{name: scramPlus, dictionary: true, mutual: true},
	{name: scramName, dictionary: true, mutual: true},
	{name: plain, plaintext: true, dictionary: true, active: true, passes: true},
	{name: login, plaintext: true, dictionary: true, active: true, passes: true},
}

// allowed says that the letters of AuthOptions let it be offered.
func (m *mechanism) allowed(letters string, secured bool) bool {
	for _, c := range []byte(letters) {
		switch {
		case c == 'p' && m.plaintext && !secured,
			c == 'y' && m.anonymous,
			c == 'a' && m.active,
			c == 'c' && !m.passes,
			c == 'd' && m.dictionary,
			c == 'f' && !m.forward,
			c == 'm' && !m.mutual:
			return false
		}
	}
	return true
}
