package main

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// overTLS are settings that are enough to serve by TLS, and more.
func overTLS(more map[string]string) map[string]string {
	all := map[string]string{"RELAY_TLS": "on", "RELAY_TLS_CERT_FILE": "cert.pem", "RELAY_TLS_KEY_FILE": "key.pem"}
	maps.Copy(all, more)
	return all
}

func TestWhatIsSetInVainForCertificatesIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		change map[string]string
		want   string // in the error; "" for none
	}{
		{overTLS(map[string]string{"RELAY_API_CLIENT_CA_FILE": "ca.pem", "RELAY_API_CLIENT_NAMES": "*.ci.example.com", "RELAY_CLIENT_CRL_FILE": "crl.pem"}), ""},
		{overTLS(map[string]string{"RELAY_METRICS_TLS": "on", "RELAY_ADMIN_CLIENT_CA_FILE": "ca.pem", "RELAY_ADMIN_CLIENT_NAMES": "ada.example.com"}), ""},
		{map[string]string{"RELAY_API_CLIENT_CA_FILE": "ca.pem"}, "RELAY_API_CLIENT_CA_FILE is of no use without RELAY_TLS=on"},
		{overTLS(map[string]string{"RELAY_API_CLIENT_NAMES": "a"}), "RELAY_API_CLIENT_NAMES is of no use without RELAY_API_CLIENT_CA_FILE"},
		{overTLS(map[string]string{"RELAY_API_CLIENT_CA_FILE": "ca.pem", "RELAY_API_CLIENT_NAMES": "CN=ci"}), `RELAY_API_CLIENT_NAMES: "CN=ci" is neither`},
		{overTLS(map[string]string{"RELAY_ADMIN_CLIENT_CA_FILE": "ca.pem"}), "RELAY_ADMIN_CLIENT_CA_FILE is of no use without RELAY_METRICS_TLS=on"},
		{overTLS(map[string]string{"RELAY_ADMIN_CLIENT_NAMES": "a"}), "RELAY_ADMIN_CLIENT_NAMES is of no use without RELAY_ADMIN_CLIENT_CA_FILE"},
		{overTLS(map[string]string{"RELAY_CLIENT_CRL_FILE": "crl.pem"}), "RELAY_CLIENT_CRL_FILE is of no use without"},
		{map[string]string{"RELAY_METRICS_TLS": "on"}, "RELAY_METRICS_TLS=on needs RELAY_TLS=on"},
		{map[string]string{"RELAY_REDIS_CA_FILE": "ca.pem"}, "RELAY_REDIS_CA_FILE is of no use: RELAY_REDIS_URL does not begin with rediss"},
		{map[string]string{"RELAY_REDIS_CERT_FILE": "a", "RELAY_REDIS_KEY_FILE": "b"}, "RELAY_REDIS_CERT_FILE is of no use"},
		{map[string]string{"RELAY_REDIS_URL": "rediss://r", "RELAY_REDIS_CERT_FILE": "a"}, "RELAY_REDIS_CERT_FILE and RELAY_REDIS_KEY_FILE"},
		{map[string]string{"RELAY_REDIS_URL": "rediss://r", "RELAY_REDIS_CERT_FILE": "a", "RELAY_REDIS_KEY_FILE": "b", "RELAY_REDIS_CA_FILE": "c"}, ""},
		{map[string]string{"RELAY_REDIS_URL": "rediss+cluster://r", "RELAY_REDIS_CA_FILE": "c"}, ""},
	} {
		conf, err := loadConfig(environOf(enough(), c.change))
		if err == nil {
			err = conf.check()
		}
		if got := fmt.Sprint(err); c.want == "" && err != nil || !strings.Contains(got, c.want) {
			t.Errorf("with %v: got %v, want %q", c.change, err, c.want)
		}
	}
}

func TestFilesForCertificatesThatAreBadAreNamed(t *testing.T) {
	t.Parallel()
	authority := relaytest.NewAuthority(t)
	issued, other := authority.Issue(nil), authority.Issue(nil)
	nothing := write(t, "nothing")
	for _, c := range []struct{ change, want string }{
		{"REDIS_CA_FILE=" + nothing, "RELAY_REDIS_CA_FILE: "},
		{"REDIS_CERT_FILE=" + issued.CertFile + " REDIS_KEY_FILE=" + other.KeyFile, "RELAY_REDIS_CERT_FILE, RELAY_REDIS_KEY_FILE: "},
		{"API_CLIENT_CA_FILE=" + nothing, "RELAY_API_CLIENT_CA_FILE: "},
		{"ADMIN_CLIENT_CA_FILE=" + nothing, "RELAY_ADMIN_CLIENT_CA_FILE: "},
		{"CLIENT_CRL_FILE=" + authority.File, "RELAY_CLIENT_CRL_FILE: "},
		{"API_CLIENT_CERT_FILE=" + issued.CertFile, "both or none"},
		{"API_CLIENT_CERT_FILE=" + issued.CertFile + " API_CLIENT_KEY_FILE=" + other.KeyFile, "RELAY_API_CLIENT_CERT_FILE, RELAY_API_CLIENT_KEY_FILE: "},
		{"API_CLIENT_CERT_FILE=" + issued.CertFile + " API_CLIENT_KEY_FILE=" + issued.KeyFile, ""},
	} {
		environ := []string{"RELAY_REDIS_URL=rediss://r"}
		for setting := range strings.FieldsSeq(c.change) {
			environ = append(environ, prefix+setting)
		}
		conf, err := loadConfig(environ)
		if err != nil {
			t.Fatal(err)
		}
		_, redis := connectRedis(conf, func(...any) {})
		_, clients := newClients(conf, func(...any) {})
		_, api := conf.apiCertificate()
		if got := fmt.Sprint(redis, clients, api); !strings.Contains(got, c.want) || c.want == "" && strings.Contains(got, prefix) {
			t.Errorf("with %s: %s", c.change, got)
		}
	}
}
