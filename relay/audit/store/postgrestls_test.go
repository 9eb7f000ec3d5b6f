package store

import "testing"

// What travels to another machine is sealed, and the machine is the one that is meant, unless
// the address says that this does not matter.
func TestADatabaseElsewhereHasToProveWhoItIs(t *testing.T) {
	for address, want := range map[string]bool{
		"postgres://u:p@db.example.com/audit":                   true,
		"postgres://u:p@10.0.0.5:5433/audit?connect_timeout=3":  true,
		"postgres://u:p@127.0.0.1:1,db.example.com:1/audit":     true,
		"postgres://u:p@db.example.com/audit?sslmode=disable":   false,
		"postgres://u:p@db.example.com/audit?sslmode=prefer":    false,
		"postgres://u:p@db.example.com/audit?sslmode=verify-ca": false,
		"postgres://u:p@127.0.0.1/audit":                        false,
		"postgres://u:p@[::1]:1/audit":                          false,
		"postgres://u:p@localhost,127.0.0.1:1/audit":            false,
	} {
		config, err := readPostgres(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		proven := config.TLSConfig != nil && !config.TLSConfig.InsecureSkipVerify && config.TLSConfig.ServerName != ""
		for _, other := range config.Fallbacks {
			proven = proven && (other.TLSConfig != nil && !other.TLSConfig.InsecureSkipVerify || other.Host == "127.0.0.1")
		}
		if proven != want {
			t.Errorf("%s: proven %v, want %v", address, proven, want)
		}
	}
}
