package config

// mtaAuthOptions are about who may log in to the server.
var mtaAuthOptions = []Option{
	{
		Key: "mta.users.file", Side: Server, words: "none", path: true,
		Meaning: "a file of those who may log in, name:hash a line; see: mailcrane mta user add",
		config:  func(c *Config) any { return &c.MTA.Users.File },
	},
	{
		Key: "mta.users.dovecot", Side: Server, words: "none",
		Meaning: "the socket of Dovecot's auth service, which is asked instead of a file",
		config:  func(c *Config) any { return &c.MTA.Users.Dovecot }, check: parseSocket,
	},
	{
		Name: "AuthMechanisms", Key: "mta.auth.mechanisms", Side: Server, words: "all that the accounts allow",
		Theirs:  "EXTERNAL GSSAPI KERBEROS_V4 DIGEST-MD5 CRAM-MD5",
		Meaning: "the mechanisms that clients may log in with, of EXTERNAL, SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN, LOGIN, and what Dovecot has",
		config:  func(c *Config) any { return &c.MTA.Users.Mechanisms }, check: parseMechanisms,
	},
	{
		Name: "AuthOptions", Key: "mta.auth.options", Side: Server, Theirs: "none",
		Meaning: "letters: A takes AUTH= of MAIL only from who has logged in; p no PLAIN or LOGIN without TLS; y none that is anonymous; " +
			"a, c, d, f, m only mechanisms that stand active attacks, pass on the password, stand dictionaries, have forward secrecy, let both prove themselves",
		config: func(c *Config) any { return &c.MTA.Users.Options }, check: parseAuthOptions,
	},
	{
		Name: "AuthRealm", Key: "mta.auth.realm", Side: Server, words: "none", Theirs: "$j",
		Meaning: "what stands behind @ for a user who types a name without it",
		config:  func(c *Config) any { return &c.MTA.Users.Realm }, check: parseHostname,
	},
}
