package discover

import "mailcrane/internal/config"

// providers is the built-in table. Of two rows that a host belongs to, the first
// one has it, so the longer end stands first.
func providers() []provider {
	return append(worldwide(), regional()...)
}

func worldwide() []provider {
	return []provider{
		{
			name: "Google", domains: "gmail.com googlemail.com", hosts: "google.com googlemail.com gmail.com",
			server: implicit("smtp.gmail.com"), login: AppPassword, page: "https://myaccount.google.com/apppasswords", issuer: "google",
		},
		{
			name: "Outlook.com", domains: "outlook.com outlook.de outlook.fr outlook.es outlook.it hotmail.com hotmail.co.uk hotmail.de hotmail.fr hotmail.it hotmail.es live.com live.co.uk live.de live.fr live.nl live.se msn.com windowslive.com",
			hosts: "olc.protection.outlook.com smtp-mail.outlook.com", server: startTLS("smtp-mail.outlook.com"),
			login: OAuth, page: "https://support.microsoft.com/office/d088b986-291d-42b8-9564-9c414e2aa040", issuer: "microsoft",
		},
		{
			name: "Microsoft 365", hosts: "protection.outlook.com mx.microsoft office365.com", server: startTLS("smtp.office365.com"),
			login: OAuth, page: "https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/authenticated-client-smtp-submission", issuer: "microsoft",
		},
		{
			name: "Yahoo", domains: "yahoo.com ymail.com rocketmail.com myyahoo.com yahoo.co.uk yahoo.de yahoo.fr yahoo.it yahoo.es yahoo.ca yahoo.co.in yahoo.in yahoo.com.br yahoo.com.au yahoo.ie",
			hosts: "yahoodns.net mail.yahoo.com", server: implicit("smtp.mail.yahoo.com"), login: AppPassword, page: "https://login.yahoo.com/account/security",
		},
		{
			name: "AOL", domains: "aol.com aim.com aol.de aol.co.uk aol.fr", hosts: "smtp.aol.com", server: implicit("smtp.aol.com"),
			login: AppPassword, page: "https://login.aol.com/account/security",
		},
		{
			name: "iCloud", domains: "icloud.com me.com mac.com", hosts: "mail.icloud.com mail.me.com", server: startTLS("smtp.mail.me.com"),
			login: AppPassword, page: "https://account.apple.com",
		},
		{
			name: "Fastmail", domains: "fastmail.com fastmail.fm", hosts: "messagingengine.com fastmail.com", server: implicit("smtp.fastmail.com"),
			login: AppPassword, page: "https://app.fastmail.com/settings/security",
		},
		{
			name: "Proton Mail, by its Bridge on this machine", domains: "proton.me protonmail.com protonmail.ch pm.me", hosts: "protonmail.ch",
			// The Bridge makes a certificate of its own that nothing vouches for;
			// what it hears does not leave this machine.
			server: config.Smarthost{Host: "127.0.0.1", Port: "1025", TLS: config.Insecure}, login: AppPassword, page: "https://proton.me/mail/bridge",
		},
		{name: "Zoho Mail Europe", domains: "zoho.eu zohomail.eu", hosts: "zoho.eu", server: implicit("smtp.zoho.eu"), login: AppPassword, page: "https://accounts.zoho.eu/home#security/app_password"},
		{name: "Zoho Mail India", domains: "zoho.in zohomail.in", hosts: "zoho.in", server: implicit("smtp.zoho.in"), login: AppPassword, page: "https://accounts.zoho.in/home#security/app_password"},
		{name: "Zoho Mail", domains: "zoho.com zohomail.com", hosts: "zoho.com", server: implicit("smtp.zoho.com"), login: AppPassword, page: "https://accounts.zoho.com/home#security/app_password"},
		{name: "Migadu", hosts: "migadu.com", server: implicit("smtp.migadu.com")},
		{name: "Runbox", domains: "runbox.com runbox.no", hosts: "runbox.com", server: implicit("mail.runbox.com"), login: AppPassword, page: "https://runbox.com/mail/account_security"},
		{name: "Riseup", domains: "riseup.net", hosts: "riseup.net", server: implicit("mail.riseup.net"), local: true},
		{
			name: "Tuta", domains: "tutanota.com tutanota.de tuta.com tuta.io tutamail.com keemail.me",
			closed: "Tuta lets nothing but its own programs send",
		},
		{name: "HEY", domains: "hey.com", closed: "HEY lets nothing but its own programs send"},
	}
}

func regional() []provider {
	return []provider{
		{name: "GMX", domains: "gmx.de gmx.net gmx.at gmx.ch", hosts: "gmx.net", server: implicit("mail.gmx.net"), page: "https://hilfe.gmx.net/pop-imap/einschalten.html"},
		{name: "GMX", domains: "gmx.com gmx.us gmx.co.uk gmx.fr gmx.es", hosts: "gmx.com", server: implicit("mail.gmx.com"), page: "https://support.gmx.com/pop-imap/toggle.html"},
		{name: "WEB.DE", domains: "web.de email.de", hosts: "web.de", server: startTLS("smtp.web.de"), page: "https://hilfe.web.de/pop-imap/einschalten.html"},
		{name: "mailbox.org", domains: "mailbox.org", hosts: "mailbox.org", server: implicit("smtp.mailbox.org")},
		{name: "Posteo", domains: "posteo.de posteo.net posteo.org posteo.at posteo.ch posteo.eu", hosts: "posteo.de", server: implicit("posteo.de")},
		{
			name: "T-Online", domains: "t-online.de magenta.de", hosts: "t-online.de", server: implicit("securesmtp.t-online.de"),
			login: AppPassword, page: "https://account.telekom.de",
		},
		{name: "freenet", domains: "freenet.de", hosts: "freenet.de", server: startTLS("mx.freenet.de")},
		{name: "IONOS", domains: "online.de", hosts: "kundenserver.de ionos.de", server: implicit("smtp.ionos.de")},
		{name: "IONOS", hosts: "ionos.co.uk", server: implicit("smtp.ionos.co.uk")},
		{name: "IONOS", hosts: "ionos.fr", server: implicit("smtp.ionos.fr")},
		{name: "IONOS", hosts: "ionos.es", server: implicit("smtp.ionos.es")},
		{name: "IONOS", hosts: "ionos.com perfora.net", server: implicit("smtp.ionos.com")},
		{name: "STRATO", hosts: "rzone.de strato.de", server: implicit("smtp.strato.de")},
		{name: "Hetzner", hosts: "your-server.de", server: implicit("mail.your-server.de")},
		{name: "OVHcloud", hosts: "mail.ovh.net", server: implicit("ssl0.ovh.net")},
		{name: "Gandi", hosts: "gandi.net", server: implicit("mail.gandi.net")},
		{
			name: "Infomaniak", domains: "ik.me ikmail.com etik.com", hosts: "infomaniak.ch infomaniak.com", server: implicit("mail.infomaniak.com"),
			login: AppPassword, page: "https://manager.infomaniak.com",
		},
		{name: "Bluewin", domains: "bluewin.ch bluemail.ch", hosts: "bluewin.ch", server: implicit("smtpauths.bluewin.ch")},
		{name: "Orange", domains: "orange.fr wanadoo.fr", hosts: "orange.fr", server: implicit("smtp.orange.fr")},
		{name: "Free", domains: "free.fr", hosts: "free.fr", server: implicit("smtp.free.fr"), local: true},
		{name: "La Poste", domains: "laposte.net", hosts: "laposte.net", server: implicit("smtp.laposte.net")},
		{name: "Libero", domains: "libero.it", hosts: "libero.it", server: implicit("smtp.libero.it")},
		{name: "BT", domains: "btinternet.com", server: implicit("mail.btinternet.com")},
		{name: "AT&T", domains: "att.net sbcglobal.net bellsouth.net", server: implicit("smtp.mail.att.net"), login: AppPassword, page: "https://www.att.com/securemailkey"},
		{name: "Comcast", domains: "comcast.net", hosts: "comcast.net", server: startTLS("smtp.comcast.net")},
		{name: "Seznam", domains: "seznam.cz email.cz", hosts: "seznam.cz", server: implicit("smtp.seznam.cz")},
		{name: "WP", domains: "wp.pl", hosts: "wp.pl", server: implicit("smtp.wp.pl")},
		{name: "Yandex", domains: "yandex.ru ya.ru yandex.by yandex.kz", server: implicit("smtp.yandex.ru"), login: AppPassword, page: "https://id.yandex.ru/security/app-passwords"},
		{name: "Yandex", domains: "yandex.com", hosts: "yandex.net yandex.com yandex.ru", server: implicit("smtp.yandex.com"), login: AppPassword, page: "https://id.yandex.com/security/app-passwords"},
		{
			name: "Mail.ru", domains: "mail.ru inbox.ru list.ru bk.ru internet.ru", hosts: "mail.ru", server: implicit("smtp.mail.ru"),
			login: AppPassword, page: "https://account.mail.ru/user/2-step-auth/passwords/",
		},
		{name: "Tencent Exmail", hosts: "mxbiz1.qq.com mxbiz2.qq.com exmail.qq.com", server: implicit("smtp.exmail.qq.com")},
		{name: "QQ", domains: "qq.com foxmail.com", hosts: "qq.com", server: implicit("smtp.qq.com"), login: AppPassword, page: "https://wx.mail.qq.com"},
		{name: "163", domains: "163.com", server: implicit("smtp.163.com"), login: AppPassword, page: "https://mail.163.com"},
		{name: "126", domains: "126.com", server: implicit("smtp.126.com"), login: AppPassword, page: "https://mail.126.com"},
		{name: "yeah.net", domains: "yeah.net", server: implicit("smtp.yeah.net"), login: AppPassword, page: "https://www.yeah.net"},
	}
}
