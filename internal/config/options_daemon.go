package config

// These are about inbound SMTP. None has an effect, and each says why.
var daemonOptions = []Option{
	{
		Name: "DaemonPortOptions", Letter: 'O', Side: Server,
		Meaning: "where to listen",
		Why:     "[[mta.listen]] names the listeners of a server, and listen.msp those for programs of this machine",
	},
	{
		Name: "AuthMaxBits", Side: Server,
		Meaning: "strength of a security layer",
		Why:     "no mechanism here has a security layer of its own; TLS is the layer",
	},
}
