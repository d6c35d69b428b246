package watch

import (
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the numbers of a server. No label is a client's word.
type Metrics struct {
	registry    *prometheus.Registry
	connections *prometheus.CounterVec // port, result
	clients     *prometheus.GaugeVec   // port
	commands    *prometheus.CounterVec // command
	rejections  *prometheus.CounterVec // rule, code
	messages    *prometheus.CounterVec // result
	octets      prometheus.Counter
	recipients  prometheus.Counter
	logins      *prometheus.CounterVec // mechanism, result
	tls         *prometheus.CounterVec // version, result
	lost        prometheus.Counter
	put         prometheus.Histogram
	deliveries  *prometheus.CounterVec // outcome
	stay        prometheus.Histogram
	lookups     *prometheus.CounterVec // list, result
	greylist    *prometheus.CounterVec // result
}

// NewMetrics makes them, each at zero.
func NewMetrics() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	counter := func(name, help string) prometheus.Counter {
		return counters(name, help).WithLabelValues()
	}
	m.connections = counters("mailcrane_connections_total", "Connections of clients, by listener and by whether they were let in.", "port", "result")
	m.clients = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "mailcrane_clients", Help: "Clients that are connected now."}, []string{"port"})
	m.commands = counters("mailcrane_commands_total", "Commands of clients.", "command")
	m.rejections = counters("mailcrane_rejections_total", "Refusals by rules, by the rule and the code of the reply.", "rule", "code")
	m.messages = counters("mailcrane_messages_total", "Messages that clients handed in, by what became of that.", "result")
	m.octets = counter("mailcrane_received_bytes_total", "Size of the messages that were taken in.")
	m.recipients = counter("mailcrane_recipients_total", "Recipients of the messages that were taken in.")
	m.logins = counters("mailcrane_logins_total", "Log-ins of clients, by mechanism and result.", "mechanism", "result")
	m.tls = counters("mailcrane_tls_handshakes_total", "TLS handshakes with clients, by version and result.", "version", "result")
	m.lost = counter("mailcrane_lost_connections_total", "Connections that broke or timed out in the middle of something.")
	m.put = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "mailcrane_put_seconds", Help: "Time that it took to make a message durable in the queue.",
		Buckets: []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 5},
	})
	m.deliveries = counters("mailcrane_deliveries_total", "What became of recipients in attempts at delivery, by outcome.", "outcome")
	m.stay = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "mailcrane_queued_seconds", Help: "Time from the receipt of a message until nothing of it was left in the queue.",
		Buckets: []float64{.1, 1, 5, 30, 60, 300, 1800, 3600, 14400, 86400, 432000},
	})
	m.lookups = counters("mailcrane_dnsbl_answers_total", "Answers of block lists, by list and by whether the client was listed.", "list", "result")
	m.greylist = counters("mailcrane_greylist_total", "What the grey list decided.", "result")
	m.registry.MustRegister(m.clients, m.put, m.stay)
	return m
}

func (m *Metrics) received(r Message) {
	m.messages.WithLabelValues("accepted").Inc()
	m.octets.Add(float64(r.Size))
	m.recipients.Add(float64(r.Recipients))
	m.put.Observe(r.Put.Seconds())
}

// BlockList counts an answer of a list that the configuration names.
func (m *Metrics) BlockList(list string, listed bool, err error) {
	result := "clean"
	switch {
	case err != nil:
		result = "failed"
	case listed:
		result = "listed"
	}
	m.lookups.WithLabelValues(list, result).Inc()
}

// Greylist counts a decision of the grey list.
func (m *Metrics) Greylist(deferred bool) {
	result := "passed"
	if deferred {
		result = "deferred"
	}
	m.greylist.WithLabelValues(result).Inc()
}

// Certificates has the metrics tell when each certificate ends, by its file.
func (m *Metrics) Certificates(ends func() map[string]time.Time) {
	m.registry.MustRegister(expiry{prometheus.NewDesc("mailcrane_certificate_expiry_timestamp_seconds", "When a certificate of the server ends.", []string{"file"}, nil), ends})
}

type expiry struct {
	desc *prometheus.Desc
	ends func() map[string]time.Time
}

func (e expiry) Describe(to chan<- *prometheus.Desc) { to <- e.desc }

func (e expiry) Collect(to chan<- prometheus.Metric) {
	for file, end := range e.ends() {
		to <- prometheus.MustNewConstMetric(e.desc, prometheus.GaugeValue, float64(end.Unix()), file)
	}
}

// oneOf is the word where it is one of those that are known: a client must not
// make labels.
func oneOf(word string, known ...string) string {
	for _, k := range known {
		if strings.EqualFold(word, k) {
			return k
		}
	}
	return "other"
}

func (m *Metrics) rejected(rule string, code int) {
	if code < 400 || code > 599 {
		code = 0
	}
	m.rejections.WithLabelValues(oneOf(rule, "check_relay", "check_mail", "check_rcpt", "check_data", "check_etrn", "check_vrfy", "check_expn",
		"check_compat", "check_eoh", "check_eom", "check_helo", "trust_auth", "tls_client", "tls_rcpt", "tls_server", "queue", "greylist", "dnsbl"), strconv.Itoa(code)).Inc()
}

func (m *Metrics) auth(mechanism string, ok bool) {
	result := "failed"
	if ok {
		result = "accepted"
	}
	m.logins.WithLabelValues(oneOf(mechanism, "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "EXTERNAL", "OAUTHBEARER", "XOAUTH2"), result).Inc()
}

func (m *Metrics) command(line string) {
	verb, _, _ := strings.Cut(line, " ")
	m.commands.WithLabelValues(oneOf(verb, "HELO", "EHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "QUIT", "HELP", "VRFY", "EXPN",
		"ETRN", "AUTH", "STARTTLS", "VERB", "XCLIENT")).Inc()
}
