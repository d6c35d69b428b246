package config

// These are about certificates and TLS. None has an effect, and each says why.
var tlsOptions = []Option{
	{
		Name: "CACertFile", Side: Both,
		Meaning: "certificates of authorities",
		Why:     "an account says it: smarthost, tls.ca, tls.pin, tls.cert, tls.key",
	},
	{
		Name: "CACertPath", Side: Both,
		Meaning: "a directory of them",
		Why:     "an account says it: smarthost, tls.ca, tls.pin, tls.cert, tls.key",
	},
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
		Name: "ServerCertFile", Side: Both,
		Meaning: "the server's certificate",
		Why:     "no TLS is offered to programs of this machine",
	},
	{
		Name: "ServerKeyFile", Side: Both,
		Meaning: "its key",
		Why:     "no TLS is offered to programs of this machine",
	},
	{
		Name: "CipherList", Side: Both,
		Meaning: "ciphers up to TLS 1.2",
		Why:     "only ciphers that are safe today are used",
	},
	{
		Name: "CipherSuites", Side: Both,
		Meaning: "ciphers of TLS 1.3",
		Why:     "only ciphers that are safe today are used",
	},
	{
		Name: "ClientSSLOptions", Side: Both,
		Meaning: "options of OpenSSL",
		Why:     "TLS 1.2 or later is used, without OpenSSL",
	},
	{
		Name: "ServerSSLOptions", Side: Both,
		Meaning: "options of OpenSSL",
		Why:     "no TLS is offered to programs of this machine",
	},
	{
		Name: "TLSSrvOptions", Side: Both,
		Meaning: "TLS as a server",
		Why:     "no TLS is offered to programs of this machine",
	},
	{
		Name: "TLSFallbacktoClear", Side: Both,
		Meaning: "go on in the clear where TLS fails",
		Why:     "a message never goes in the clear because TLS failed",
	},
	{
		Name: "DHParameters", Side: Both,
		Meaning: "Diffie-Hellman parameters",
		Why:     "no TLS is offered to programs of this machine",
	},
	{
		Name: "CRLFile", Side: Both,
		Meaning: "revoked certificates",
		Why:     "tls.pin names the certificates that are taken",
	},
	{
		Name: "CRLPath", Side: Both,
		Meaning: "a directory of them",
		Why:     "tls.pin names the certificates that are taken",
	},
	{
		Name: "CertFingerprintAlgorithm", Side: Both,
		Meaning: "the digest of fingerprints",
		Why:     "it is SHA-256",
	},
	{
		Name: "DANE", Side: Both,
		Meaning: "check certificates by DNS",
		Why:     "no MX is looked up; the smarthost is named by a person and checked by its name",
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
