package config

// dnsblOptions are whom server mode asks about names and clients.
var dnsblOptions = []Option{
	{
		Key: "mta.name_servers", Side: Server, words: "those of /etc/resolv.conf",
		Meaning: "the name servers that are asked, as 192.0.2.1 or 127.0.0.1:5353, instead of those of /etc/resolv.conf",
		config:  func(c *Config) any { return &c.MTA.NameServers }, check: checkNameServer,
	},
	{
		Key: "mta.dnsbl.NAME.list", Side: Server, words: "none",
		Meaning: "the domain of a DNS block list",
		dnsbl:   func(d *DNSBL) any { return &d.List }, check: checkListDomain,
	},
	{
		Key: "mta.dnsbl.NAME.message", Side: Server, words: `"550 Rejected: {client_addr} listed at LIST"`,
		Meaning: "the reply to a client that is listed, or quarantine, or discard",
		dnsbl:   func(d *DNSBL) any { return &d.Message }, check: checkListMessage,
	},
	{
		Key: "mta.dnsbl.NAME.temporary", Side: Server,
		Meaning: "whether a client is refused for now where the list does not answer, or with what reply",
		dnsbl:   func(d *DNSBL) any { return &d.Temporary },
	},
	{
		Key: "mta.dnsbl.NAME.match", Side: Server, words: "any",
		Meaning: "the answers of the list that count, as 127.0.0.2 or 127.0.0.*",
		dnsbl:   func(d *DNSBL) any { return &d.Match }, check: checkListMatch,
	},
}
