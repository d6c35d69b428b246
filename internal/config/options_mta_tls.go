package config

// mtaTLSOptions are about the server's certificate and its TLS.
var mtaTLSOptions = []Option{
	{
		Name: "ServerCertFile", Key: "mta.tls.cert", Side: Server, words: "none", path: true,
		Meaning: "the server's certificate and those above it, in PEM; several with commas between, chosen by the name that the client asks for",
		config:  func(c *Config) any { return &c.MTA.TLS.Cert },
	},
	{
		Name: "ServerKeyFile", Key: "mta.tls.key", Side: Server, words: "in the certificate's file", path: true,
		Meaning: "its key, for each certificate in their order",
		config:  func(c *Config) any { return &c.MTA.TLS.Key },
	},
	{
		Name: "CACertFile", Key: "mta.tls.ca", Side: Server, words: "none", path: true,
		Meaning: "the authorities that certificates of clients are checked against; an account's is tls.ca",
		config:  func(c *Config) any { return &c.MTA.TLS.CA },
	},
	{
		Name: "CACertPath", Key: "mta.tls.ca_path", Side: Server, words: "none", path: true,
		Meaning: "a directory of more of them, which clients are not told of",
		config:  func(c *Config) any { return &c.MTA.TLS.CAPath },
	},
	{
		Name: "CRLFile", Key: "mta.tls.crl", Side: Server, words: "none", path: true,
		Meaning: "lists of revoked certificates of clients, in PEM",
		config:  func(c *Config) any { return &c.MTA.TLS.CRL },
	},
	{
		Name: "CipherList", Key: "mta.tls.ciphers", Side: Server, words: "those that are safe today",
		Meaning: "ciphers up to TLS 1.2, in OpenSSL's words; a list that leaves none is logged and not used",
		config:  func(c *Config) any { return &c.MTA.TLS.Ciphers },
	},
	{
		Name: "ServerSSLOptions", Key: "mta.tls.options", Side: Server, words: "none",
		Meaning: "SSL_OP_NO_TLSv1_2 and the like switch a version of TLS off, -SSL_OP_NO_TLSv1_1 on again; 1.2 and 1.3 are on",
		config:  func(c *Config) any { return &c.MTA.TLS.Options }, check: parseSSLOptions,
	},
	{
		Name: "TLSSrvOptions", Key: "mta.tls.letters", Side: Server, words: "none",
		Meaning: "V asks no client for a certificate; C, for a server without one, is taken and changes nothing",
		config:  func(c *Config) any { return &c.MTA.TLS.Letters }, check: parseTLSLetters,
	},
	{
		Key: "mta.tls.acme.directory", Side: Server, words: "none",
		Meaning: "the address of an authority that gives certificates by ACME",
		config:  func(c *Config) any { return &c.MTA.TLS.ACME.Directory }, check: parseDirectoryURL,
	},
	{
		Key: "mta.tls.acme.ca", Side: Server, words: "the system's", path: true,
		Meaning: "the authorities that its own server is checked against",
		config:  func(c *Config) any { return &c.MTA.TLS.ACME.CA },
	},
	{
		Key: "mta.tls.acme.email", Side: Server, words: "none",
		Meaning: "the address that the authority writes to",
		config:  func(c *Config) any { return &c.MTA.TLS.ACME.Email }, check: parseAdmin,
	},
	{
		Key: "mta.tls.acme.agree", Side: Server,
		Meaning: "whether the terms of the authority are agreed to, without which it gives nothing",
		config:  func(c *Config) any { return &c.MTA.TLS.ACME.Agree },
	},
	{
		Key: "mta.tls.acme.names", Side: Server, words: "the server's own",
		Meaning: "the names in the certificate",
		config:  func(c *Config) any { return &c.MTA.TLS.ACME.Names }, check: parseHostname,
	},
	{
		Key: "mta.tls.acme.challenge", Side: Server,
		Meaning: "how the authority sees that the names are ours: http-01 on port 80, or tls-alpn-01 on port 443",
		config:  func(c *Config) any { return &c.MTA.TLS.ACME.Challenge }, check: parseChallenge,
	},
	{
		Key: "mta.tls.acme.listen", Side: Server, words: ":80, or :443 with tls-alpn-01",
		Meaning: "where it is answered",
		config:  func(c *Config) any { return &c.MTA.TLS.ACME.Listen }, check: parseServerListen,
	},
	{
		Key: "mta.tls.acme.storage", Side: Server, words: "certificates, beside the queue", path: true,
		Meaning: "the directory of what was got, and of the account's key",
		config:  func(c *Config) any { return &c.MTA.TLS.ACME.Storage },
	},
}
