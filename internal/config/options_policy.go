package config

// policyOptions are for the rules of [policy.NAME], which are looked at in the
// order in which they stand in the file.
var policyOptions = []Option{
	{
		Key: "policy.NAME.account", Side: Client, words: "all accounts",
		Meaning: "the accounts whose mail the rule is about",
		rule:    func(r *Rule) any { return &r.Accounts },
	},
	{
		Key: "policy.NAME.interface", Side: Client, words: "any",
		Meaning: "a condition: the network interface of the way out, * stands for any letters",
		rule:    func(r *Rule) any { return &r.Interface }, check: parseName,
	},
	{
		Key: "policy.NAME.ssid", Side: Client, words: "any",
		Meaning: "a condition: the wireless network of the way out, * stands for any letters",
		rule:    func(r *Rule) any { return &r.SSID }, check: parseName,
	},
	{
		Key: "policy.NAME.connection", Side: Client, words: "any",
		Meaning: "a condition: what a network manager calls the connection of the way out, * stands for any letters",
		rule:    func(r *Rule) any { return &r.Connection }, check: parseName,
	},
	{
		Key: "policy.NAME.vpn", Side: Client, words: "it does not matter",
		Meaning: "a condition: up, down, the name of one that is up (* stands for any letters), or with ! before it of one that is not",
		rule:    func(r *Rule) any { return &r.VPN }, check: parseVPN,
	},
	{
		Key: "policy.NAME.metered", Side: Client, words: "it does not matter",
		Meaning: "a condition: the way out costs by the octet, or does not",
		rule:    func(r *Rule) any { return &r.Metered },
	},
	{
		Key: "policy.NAME.portal", Side: Client, words: "it does not matter",
		Meaning: "a condition: a captive portal is known to be in the way, or none is",
		rule:    func(r *Rule) any { return &r.Portal },
	},
	{
		Key: "policy.NAME.hours", Side: Client, words: "at all times",
		Meaning: "a condition: times of the week by the local clock, as 22-6, Sat, or Mon-Fri 8:30-17:15",
		rule:    func(r *Rule) any { return &r.Hours },
	},
	{
		Key: "policy.NAME.address", Side: Client, words: "any",
		Meaning: "a condition: ranges, as 192.0.2.0/24, that an address of this machine is in",
		rule:    func(r *Rule) any { return &r.Addresses }, check: parseRange,
	},
	{
		Key: "policy.NAME.do", Side: Client, words: "send, with by, smarthost or below",
		Meaning: "what is done with the mail: send, or hold it for as long as the conditions are met",
		rule:    func(r *Rule) any { return &r.Do },
	},
	{
		Key: "policy.NAME.below", Side: Client, words: "no bound",
		Meaning: "the largest message that is sent; a larger one waits",
		rule:    func(r *Rule) any { return &r.Below },
	},
	{
		Key: "policy.NAME.by", Side: Client, words: "the account itself",
		Meaning: "another account that carries the mail, by its own server and log-in",
		rule:    func(r *Rule) any { return &r.By },
	},
	{
		Key: "policy.NAME.smarthost", Side: Client, words: "the account's",
		Meaning: "another server for the same account, with its log-in and its tls",
		rule:    func(r *Rule) any { return &r.Smarthost },
	},
}
