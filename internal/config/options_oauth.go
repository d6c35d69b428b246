package config

import "time"

// These are about the log-in with tokens in place of a password.
var oauthOptions = []Option{
	{
		Key: "account.NAME.oauth.issuer", Side: Client, words: "none: the secret is a password",
		Meaning: "who gives tokens for the account: google, microsoft, or the https:// URL of an issuer that publishes its endpoints",
		account: func(a *Account) any { return &a.OAuth.Issuer }, check: parseIssuer,
	},
	{
		Key: "account.NAME.oauth.client_id", Side: Client,
		Meaning: "the name under which the issuer knows this program, as you have registered it there",
		account: func(a *Account) any { return &a.OAuth.ClientID }, check: parseVisible,
	},
	{
		Key: "account.NAME.oauth.client_secret", Side: Client, words: "none",
		Meaning: "where the secret that belongs to client_id is, if the issuer gave one: keyring, command:…, file:…, credential:NAME",
		account: func(a *Account) any { return &a.OAuth.ClientSecret },
	},
	{
		Key: "account.NAME.oauth.scopes", Side: Client, words: "those for mail",
		Meaning: "what is asked for, where the issuer wants other words than google and microsoft do",
		account: func(a *Account) any { return &a.OAuth.Scopes }, check: parseVisible,
	},
	{
		Key: "account.NAME.oauth.port", Side: Client, words: "any that is free",
		Meaning: "the port of 127.0.0.1 that the browser comes back to, for an issuer that wants it registered",
		account: func(a *Account) any { return &a.OAuth.Port },
	},
	{
		Key: "account.NAME.oauth.lifetime", Side: Client, Unit: 24 * time.Hour, words: "as the issuer says",
		Meaning: "how long a log-in lasts where the issuer does not say it, as 7d for a Google client that is in testing",
		account: func(a *Account) any { return &a.OAuth.Lifetime },
	},
}
