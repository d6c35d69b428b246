package config

// These are about certificates and TLS. None has an effect, and each says why.
var tlsOptions = []Option{
	{
		Name: "ClientCertFile", Side: Both,
		Meaning: "our certificate",
		Why:     "an account says it: smarthost, tls.ca, tls.pin, tls.cert, tls.key",
	},
	{
		Name: "ClientKeyFile", Side: Both,
		Meaning: "its key",
		Why:     "an account says it: smarthost, tls.ca, tls.pin, tls.cert, tls.key",
	},
	{
		Name: "CipherSuites", Side: Both,
		Meaning: "ciphers of TLS 1.3",
		Why:     "Go's TLS, which is used here, lets nobody choose among the three of TLS 1.3; all are safe",
	},
	{
		Name: "ClientSSLOptions", Side: Both,
		Meaning: "options of OpenSSL",
		Why:     "TLS 1.2 or later is used, without OpenSSL",
	},
	{
		Name: "DHParameters", Side: Both,
		Meaning: "Diffie-Hellman parameters",
		Why:     "keys are agreed on over elliptic curves only",
	},
	{
		Name: "CRLPath", Side: Both,
		Meaning: "a directory of lists of revoked certificates",
		Why:     "CRLFile may hold several lists",
	},
	{
		Name: "CertFingerprintAlgorithm", Side: Both,
		Meaning: "the digest of fingerprints",
		Why:     "it is SHA-256",
	},
	{
		Name: "DANE", Side: Both,
		Meaning: "check certificates by DNS",
		Why:     "a smarthost is named by a person and checked by its name; of exchangers no certificate is asked, unless TLS_Srv in the access map says so",
	},
	{
		Name: "RandFile", Side: Both,
		Meaning: "a file of random numbers",
		Why:     "the kernel's are used",
	},
	{
		Name: "SSLEngine", Side: Both,
		Meaning: "an engine of OpenSSL",
		Why:     "OpenSSL is not used",
	},
	{
		Name: "SSLEnginePath", Side: Both,
		Meaning: "its library",
		Why:     "OpenSSL is not used",
	},
}
