package metrics

import "github.com/prometheus/client_golang/prometheus"

// Certificates is what is told of certificates, by what they are used for: "listener",
// "acme", "redis", "redis_authorities" and so on.
type Certificates struct {
	// CertificateExpiry is when the one in force expires, in seconds since 1970; for
	// authorities it is the last of them, for revocation lists when a newer one is due.
	CertificateExpiry *prometheus.GaugeVec
	// CertificateGood is 0 while what is on disk is bad, and so not in force, or what is in
	// force has expired or clients may not take it; else 1.
	CertificateGood *prometheus.GaugeVec
}

func (f factory) certificates() Certificates {
	return Certificates{
		CertificateExpiry: f.gauges("certificate_expiry_timestamp_seconds", "When the certificate in force expires.", "use"),
		CertificateGood:   f.gauges("certificate_good", "1 while the certificate on disk is in force, has not expired, and clients take it.", "use"),
	}
}
