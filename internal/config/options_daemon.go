package config

// These are about inbound SMTP. None has an effect, and each says why.
var daemonOptions = []Option{
	{
		Name: "DaemonPortOptions", Letter: 'O', Side: Server,
		Meaning: "where to listen",
		Why:     "listen.msp names the listeners",
	},
	{
		Name: "AllowBogusHELO", Side: Server,
		Meaning: "take a HELO that is no name",
		Why:     "a program of this machine may call itself anything",
	},
	{
		Name: "BadRcptThrottle", Side: Server,
		Meaning: "slow down a client after bad recipients",
		Why:     "no connections are taken but from programs of this machine",
	},
	{
		Name: "BadRcptShutdown", Side: Server,
		Meaning: "end a session after bad recipients",
		Why:     "no connections are taken but from programs of this machine",
	},
	{
		Name: "MaxDaemonChildren", Side: Server,
		Meaning: "connections at once",
		Why:     "50 at once; one more is told 421",
	},
	{
		Name: "MaxNOOPCommands", Side: Server,
		Meaning: "useless commands before a client is slowed down",
		Why:     "a session ends after 20 errors",
	},
	{
		Name: "SmtpGreetingMessage", Side: Server,
		Meaning: "the greeting",
		Why:     "it tells a local program nothing but the name",
	},
	{
		Name: "HelpFile", Letter: 'H', Side: Server,
		Meaning: "the text of HELP",
		Why:     "HELP is not offered; the reply to EHLO says what is",
	},
	{
		Name: "AuthMaxBits", Side: Server,
		Meaning: "strength of a security layer",
		Why:     "no mechanism here has a security layer of its own; TLS is the layer",
	},
}
