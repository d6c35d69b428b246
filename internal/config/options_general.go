package config

import "time"

var generalOptions = []Option{
	{
		Name: "DeliveryMode", Letter: 'd', Key: "delivery_mode", Side: Local, Theirs: "background",
		Meaning: "when a submitted message is delivered: by its submitter, in the background, or by the agent or a queue run",
		config:  func(c *Config) any { return &c.DeliveryMode },
	},
	{
		Key: "notify.desktop", Side: Local,
		Meaning: "what the desktop is told of: trouble (mail that cannot go and needs a person), all (and mail that has gone after a wait), none",
		config:  func(c *Config) any { return &c.Notice },
	},
	{
		Key: "privacy", Side: Local,
		Meaning: "keep local user, host name, address and time zone out of what leaves this machine",
		config:  func(c *Config) any { return &c.Privacy },
	},
	{
		Name: "HeloName", Key: "hostname", Side: Both, words: "the system's name",
		Meaning: "this machine's name, used where privacy is off",
		config:  func(c *Config) any { return &c.Hostname }, check: parseHostname,
	},
	{
		Name: "LogLevel", Letter: 'L', Key: "log_level", Side: Local,
		Meaning: "how much the agent logs: from 0 errors, 3 warnings and routes that are down, 7 recipients who failed, 8 deliveries, 9 deferrals and the network, 15 each line of the sessions",
		config:  func(c *Config) any { return &c.LogLevel },
	},
	{
		Key: "default_account", Side: Client, words: "the only account",
		Meaning: "the account that carries mail whose sender no account claims",
		config:  func(c *Config) any { return &c.defaultName },
	},
	{
		Key: "listen.msp", Side: Server,
		Meaning: "where programs hand mail in by SMTP: host:port on loopback, or unix:PATH",
		config:  func(c *Config) any { return &c.ListenMSP }, check: parseListen,
	},
	{
		Key: "system.socket", Side: Server, words: "none",
		Meaning: "where the one agent of this machine takes in the mail of all its users, for example /run/mailcrane/submit.sock",
		config:  func(c *Config) any { return &c.System.Socket }, check: parseSocket,
	},
	{
		Key: "system.drop", Side: Local, words: "none",
		Meaning: "the directory in which mail is left for that agent while it does not answer, for example /var/spool/mailcrane/drop",
		config:  func(c *Config) any { return &c.System.Drop }, check: parseAbsolute,
	},
	{
		Key: "admin", Side: Local, words: "the default account's own address",
		Meaning: "the address that mail to the users of this machine goes to, root's first of all",
		config:  func(c *Config) any { return &c.Admin }, check: parseAdmin,
	},
	{
		Key: "network.probe", Side: Client, words: "none",
		Meaning: "an http:// page to ask for where a captive portal may be in the way: one that answers 204, or what network.expect says; without it the smarthost's own name is asked",
		config:  func(c *Config) any { return &c.Network.Probe }, check: parseProbe,
	},
	{
		Key: "network.expect", Side: Client, words: "status 204, or NetworkManager's header",
		Meaning: "what the page of network.probe begins with where no portal is in the way",
		config:  func(c *Config) any { return &c.Network.Expect }, check: parseExpect,
	},
}

var accountOptions = []Option{
	{
		Key: "account.NAME.from", Side: Client,
		Meaning: "the senders that the account carries, its own address first; * stands for any letters",
		account: func(a *Account) any { return &a.From }, check: parsePattern,
	},
	{
		Key: "account.NAME.smarthost", Side: Client,
		Meaning: "the server: smtps://HOST (TLS at once), smtp://HOST (STARTTLS required) or smtp+insecure://HOST",
		account: func(a *Account) any { return &a.Smarthost },
	},
	{
		Key: "account.NAME.user", Side: Client,
		Meaning: "the user name to log in with",
		account: func(a *Account) any { return &a.User },
	},
	{
		Key: "account.NAME.auth", Side: Client, words: `"auto" with a user, else "none"`,
		Meaning: "how to log in: auto, none, or a SASL mechanism",
		account: func(a *Account) any { return &a.Auth }, check: parseAuth,
	},
	{
		Key: "account.NAME.secret", Side: Client, words: `"keyring"`,
		Meaning: "where the password or token is: keyring, command:…, file:…, credential:NAME",
		account: func(a *Account) any { return &a.Secret },
	},
	{
		Key: "account.NAME.tls.ca", Side: Client, path: true, words: "the system's",
		Meaning: "a PEM file of the authorities that the server's certificate is checked against",
		account: func(a *Account) any { return &a.TLS.CA },
	},
	{
		Key: "account.NAME.tls.pin", Side: Client,
		Meaning: "SHA-256 fingerprints of the server's certificate, in place of the authorities",
		account: func(a *Account) any { return &a.TLS.Pin }, check: parsePin,
	},
	{
		Key: "account.NAME.tls.cert", Side: Client, path: true,
		Meaning: "a PEM file with our own certificate",
		account: func(a *Account) any { return &a.TLS.Cert },
	},
	{
		Key: "account.NAME.tls.key", Side: Client, path: true,
		Meaning: "a PEM file with its key",
		account: func(a *Account) any { return &a.TLS.Key },
	},
	{
		Key: "account.NAME.tls.key_exchange", Side: Client, words: `"auto"`,
		Meaning: "auto is post-quantum where the server knows it, unless the link is slow; post-quantum takes nothing else; classical saves 1.2 KiB each way",
		account: func(a *Account) any { return &a.TLS.KeyExchange }, check: parseKeyExchange,
	},
	{
		Key: "account.NAME.max_size", Side: Client, words: "no bound",
		Meaning: "the largest message that leaves by itself while the way out is metered; a larger one waits for another way, or for mailcrane flush ID",
		account: func(a *Account) any { return &a.MaxSize },
	},
	{
		Key: "account.NAME.metered", Side: Client, words: `"auto"`,
		Meaning: "whether the way out costs by the octet: auto goes by what is known of the network",
		account: func(a *Account) any { return &a.Metered },
	},
	{
		Key: "account.NAME.sessions", Side: Client, words: `"auto"`,
		Meaning: "the most sessions at once with the server; auto opens a second and a third only past a message that holds the others up, or where the server takes one command at a time and is far away",
		account: func(a *Account) any { return &a.Sessions },
	},
	{
		Key: "account.NAME.expensive", Side: Client, words: "false",
		Meaning: "sendmail's mailer flag e: with HoldExpensive its mail waits for a queue run",
		account: func(a *Account) any { return &a.Expensive },
	},
	{
		Key: "account.NAME.on_demand", Side: Client, words: "false",
		Meaning: "sendmail's mailer flag %: its mail leaves only when somebody says so: mailcrane flush with an ID, --account or --to, or sendmail -qI, -qR or -qS",
		account: func(a *Account) any { return &a.OnDemand },
	},
}

var submissionOptions = []Option{
	{
		Name: "IgnoreDots", Letter: 'i', Key: "submit.ignore_dots", Side: Local,
		Meaning: "a line with a lone dot does not end a message on standard input",
		config:  func(c *Config) any { return &c.Submit.IgnoreDots },
	},
	{
		Name: "SaveFromLine", Letter: 'f', Key: "submit.save_from_line", Side: Local,
		Meaning: "keep a first line \"From …\", as the field X-From-Line",
		config:  func(c *Config) any { return &c.Submit.KeepFromLine },
	},
	{
		Name: "ErrorMode", Letter: 'e', Key: "submit.error_mode", Side: Local,
		Meaning: "who hears of a failure that is found while sendmail still runs",
		config:  func(c *Config) any { return &c.Submit.ErrorMode },
	},
	{
		Name: "Verbose", Letter: 'v', Side: Local,
		Meaning: "deliver now and show the session; for one run",
		config:  func(c *Config) any { return &c.Submit.Verbose },
	},
	{
		Name: "NoRecipientAction", Key: "submit.no_recipient_action", Side: Local,
		Meaning: "what is done to a header that names no recipient",
		config:  func(c *Config) any { return &c.Submit.NoRecipient },
	},
	{
		Name: "PrivacyOptions", Letter: 'p', Key: "submit.privacy_options", Side: Local,
		Meaning: "authwarnings notes -f in the header (not where privacy is on), nobodyreturn has reports carry headers only, noreceipts has none made of success; needmailhelo, needexpnhelo, needvrfyhelo, noexpn, novrfy, noetrn, noverb and goaway are about server mode; restrictmailq, restrictqrun and restrictexpand hold in any case",
		config:  func(c *Config) any { return &c.Submit.Privacy },
	},
	{
		Name: "MaxHeadersLength", Key: "submit.max_headers", Side: Local, Theirs: "32768",
		Meaning: "octets of a header section; 0, or more than the default, is the default",
		config:  func(c *Config) any { return &c.Submit.MaxHeaders },
	},
	{
		Name: "MaxMessageSize", Key: "submit.max_message", Side: Local,
		Meaning: "octets of a message; 0 is no limit on the command line, 100 MiB on a listener",
		config:  func(c *Config) any { return &c.Submit.MaxMessage },
	},
	{
		Name: "MaxHopCount", Letter: 'h', Key: "submit.max_hops", Side: Local,
		Meaning: "Received fields from which on a message is taken to run in circles",
		config:  func(c *Config) any { return &c.Submit.MaxHops },
	},
	{
		Name: "MaxRecipientsPerMessage", Key: "submit.max_recipients", Side: Local,
		Meaning: "recipients of a message; 0 is 20000 on the command line, 1000 on a listener",
		config:  func(c *Config) any { return &c.Submit.MaxRecipients },
	},
	{
		Name: "MinFreeBlocks", Letter: 'b', Key: "submit.min_free_blocks", Side: Local, Theirs: "100",
		Meaning: "KiB that must stay free on the spool's disk, of which a message takes nothing; in server mode, beside the size that a client has said",
		config:  func(c *Config) any { return &c.Submit.MinFreeBlocks },
	},
}

// slowOptions are for the queues of [queue.slow.NAME].
var slowOptions = []Option{
	{
		Key: "queue.slow.NAME.after", Side: Local, Unit: time.Minute, Least: int64(time.Second),
		Meaning: "the time since its receipt from which on a message goes to this queue",
		slow:    func(s *SlowQueue) any { return &s.After },
	},
	{
		Key: "queue.slow.NAME.attempts", Side: Local, Least: 1,
		Meaning: "the number of tries from which on a message goes to this queue",
		slow:    func(s *SlowQueue) any { return &s.Attempts },
	},
	{
		Key: "queue.slow.NAME.interval", Side: Local, Unit: time.Minute, Least: int64(time.Second), words: `"4h"`,
		Meaning: "the time between two runs of this queue",
		slow:    func(s *SlowQueue) any { return &s.Interval },
	},
}
