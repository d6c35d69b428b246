//go:build linux

package main

import (
	"fmt"
	"net"

	"mailcrane/internal/lab"
)

// racers are ours and all peers that are installed and can hand mail over to the
// sink at address. What they are told is what makes each quickest with one
// smarthost.
func (w *workshop) racers(s *sink, address string) ([]racer, error) {
	us, err := w.ourRacer(s, address)
	if err != nil {
		return nil, err
	}
	all := []racer{us}
	peers, err := w.peers()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	for _, p := range peers {
		make, known := map[string]func(host, port string, plain bool) racer{
			"postfix": postfixRacer, "exim": eximRacer, "opensmtpd": opensmtpdRacer,
			"dma": dmaRacer, "nullmailer": nullmailerRacer, "msmtpq": msmtpqRacer,
		}[p.Name]
		if !known {
			fmt.Printf("  (%s is left out: its configuration for a smarthost is made by m4, which is not in its root)\n", p.Name)
			continue
		}
		r := make(host, port, s.kind.plain)
		r.name, r.root = p.Name, p.Root
		all = append(all, r)
	}
	return all, nil
}

// ourRacer is ours, with a spool of the run.
func (w *workshop) ourRacer(s *sink, address string) (racer, error) {
	shim, err := w.build("./cmd/sendmail")
	if err != nil {
		return racer{}, err
	}
	mailcrane, err := w.build("./cmd/mailcrane")
	if err != nil {
		return racer{}, err
	}
	h, err := w.atSink("race", address, s)
	return racer{name: ours, env: h.env(), take: shim + " -t -oi", run: mailcrane + " flush"}, err
}

// postfixRacer keeps TLS sessions, and hands connections on from one message to
// the next; messages are held until the sign.
func postfixRacer(host, port string, plain bool) racer {
	settings := `compatibility_level = 3.6
myhostname = bench.test
queue_directory = /var/spool/postfix-race
data_directory = /var/lib/postfix-race
maillog_file = /var/log/postfix-race.log
mydestination =
alias_maps =
inet_protocols = ipv4
header_checks = static:HOLD
initial_destination_concurrency = 20
`
	settings += fmt.Sprintf("relayhost = [%s]:%s\nsmtp_connection_cache_destinations = [%s]:%s\n", host, port, host, port)
	if !plain {
		settings += `smtp_tls_wrappermode = yes
smtp_tls_security_level = encrypt
smtp_tls_CAfile = /etc/bench-ca.pem
smtp_tls_session_cache_database = btree:/var/lib/postfix-race/smtp_scache
smtp_tls_connection_reuse = yes
smtp_sasl_auth_enable = yes
smtp_sasl_tls_security_options = noanonymous
` + fmt.Sprintf("smtp_sasl_password_maps = static:%s:%s\n", sinkUser, sinkPassword)
	}
	const conf = "/etc/postfix-race"
	return racer{
		files: map[string]string{conf + "/main.cf": settings},
		ready: `cd ` + conf + ` && cp /etc/postfix/master.cf.proto master.cf &&
postconf -c . -F '*/*/chroot=n' && postconf -c . -MX smtp/inet &&
postconf -c . -M 'tlsproxy/unix=tlsproxy unix - - n - 0 tlsproxy' &&
rm -rf /var/spool/postfix-race && mkdir -p /var/spool/postfix-race /var/lib/postfix-race && chown postfix /var/lib/postfix-race &&
postfix -c ` + conf + ` start`,
		take: "/usr/sbin/sendmail -C " + conf + " -t -oi",
		held: "until [ $(find /var/spool/postfix-race/hold -type f | wc -l) -ge $n ]; do sleep .1; done",
		run:  "postsuper -c " + conf + " -H ALL && postqueue -c " + conf + " -f",
	}
}

// eximRacer resumes TLS sessions, and sorts its queue by host first, so that a
// connection serves one message after another.
func eximRacer(host, port string, plain bool) racer {
	settings := `primary_hostname = bench.test
spool_directory = /var/spool/exim4-race
message_size_limit = 64M
keep_environment =
begin routers
sink:
  driver = manualroute
  route_list = * ` + host + `
  self = send
  transport = sink
begin transports
sink:
  driver = smtp
  port = ` + port + `
  connection_max_messages = 0
`
	if !plain {
		settings += `  protocol = smtps
  hosts_require_auth = *
  tls_verify_certificates = /etc/bench-ca.pem
  tls_resumption_hosts = *
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
` + fmt.Sprintf("  client_send = ^%s^%s\n", sinkUser, sinkPassword)
	}
	const exim = "/usr/sbin/exim4 -C /etc/exim4/race.conf"
	return racer{
		files: map[string]string{"/etc/exim4/race.conf": settings},
		ready: "rm -rf /var/spool/exim4-race",
		take:  exim + " -odq -t -oi",
		run:   exim + " -qqff",
	}
}

func opensmtpdRacer(host, port string, plain bool) racer {
	action := fmt.Sprintf("action race relay host smtp+notls://%s:%s\n", host, port)
	if !plain {
		action = fmt.Sprintf("table secrets { race = %q }\naction race relay host smtps://race@%s:%s auth <secrets> tls no-verify\n",
			sinkUser+":"+sinkPassword, host, port)
	}
	return racer{
		files: map[string]string{"/etc/smtpd-race.conf": action + "match from any for any action race\n"},
		ready: `rm -rf /var/spool/smtpd/queue/* /var/spool/smtpd/offline/*
rm -f /var/run/smtpd.sock
smtpd -f /etc/smtpd-race.conf
for i in 1 2 3 4 5 6 7 8 9; do smtpctl show status && exit; sleep .2; done; exit 1`,
		hold: "smtpctl pause mta",
		take: "/usr/sbin/sendmail -t -oi",
		run:  "smtpctl resume mta",
	}
}

func dmaRacer(host, port string, plain bool) racer {
	settings := fmt.Sprintf("SPOOLDIR /var/spool/dma\nMAILNAME bench.test\nDEFER\nSMARTHOST %s\nPORT %s\n", host, port)
	if !plain {
		settings += "SECURETRANSFER\nAUTHPATH /etc/dma/auth.conf\n"
	}
	return racer{
		files: map[string]string{
			"/etc/dma/dma.conf":  settings,
			"/etc/dma/auth.conf": fmt.Sprintf("%s|%s:%s\n", sinkUser, host, sinkPassword),
		},
		ready: "rm -f /var/spool/dma/[MQ]*",
		take:  "/usr/sbin/sendmail -t -oi",
		run:   "/usr/sbin/sendmail -q",
	}
}

// nullmailerRacer starts its daemon, which looks at its queue first.
func nullmailerRacer(host, port string, plain bool) racer {
	remote := host + " smtp --port=" + port
	if !plain {
		remote += fmt.Sprintf(" --ssl --x509cafile=/etc/bench-ca.pem --user=%s --pass=%s", sinkUser, sinkPassword)
	}
	return racer{
		files: map[string]string{"/etc/nullmailer/remotes": remote + "\n"},
		ready: "cd /var/spool/nullmailer && rm -f queue/* trigger /tmp/race.pid && umask 0 && mkfifo trigger && chown mail trigger",
		hold:  "if [ -e /tmp/race.pid ]; then kill $(cat /tmp/race.pid); rm /tmp/race.pid; fi",
		take:  "/usr/sbin/sendmail -t -oi",
		run:   "setpriv --reuid=mail --regid=mail --clear-groups /usr/sbin/nullmailer-send </dev/null >/tmp/race.log 2>&1 & echo $! >/tmp/race.pid",
	}
}

// msmtpqRacer takes mail with a configuration that leads nowhere, since it would
// send at once.
func msmtpqRacer(host, port string, plain bool) racer {
	settings := fmt.Sprintf("account default\nhost %s\nport %s\nfrom me@bench.test\n", host, port)
	if !plain {
		settings += fmt.Sprintf("tls on\ntls_starttls off\ntls_trust_file /etc/bench-ca.pem\nauth plain\nuser %s\npassword %s\n", sinkUser, sinkPassword)
	}
	return racer{
		env: []string{"EMAIL_CONN_NOTEST=y", "EMAIL_QUEUE_QUIET=t"},
		files: map[string]string{
			"/root/race.msmtprc":    settings,
			"/root/nowhere.msmtprc": "account default\nhost 127.0.0.1\nport 1\nfrom me@bench.test\n",
		},
		ready: "rm -rf /root/.msmtp.queue/* /root/.msmtp.queue/.lock",
		take:  "install -m 600 /root/nowhere.msmtprc /root/.msmtprc && /usr/local/bin/msmtpq -t -oi",
		run:   "install -m 600 /root/race.msmtprc /root/.msmtprc; bash /usr/libexec/msmtp/msmtpq/msmtpq --q-mgmt -r",
	}
}

// at is the sink's address on every track.
func at(port string) string { return net.JoinHostPort(lab.SmarthostIP, port) }
