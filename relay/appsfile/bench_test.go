package appsfile_test

import (
	"fmt"
	"strings"
	"testing"

	"buildrelay/auth"
	"buildrelay/relay/appsfile"
)

// BenchmarkReload1000Apps reads a file with 1000 apps and puts them in force.
func BenchmarkReload1000Apps(b *testing.B) {
	var text strings.Builder
	text.WriteString("apps:\n")
	for i := range 1000 {
		fmt.Fprintf(&text, `  - id: app-%d
    keys:
      - {key: key-%d, secret: secret-%d}
    origins: ["https://ci-%d.example.com"]
    limits: {connections: 1000, data: 20KiB}
    logs:
      - {channels: private-build-*, replay: all}
    webhooks:
      - {url: "https://ci-%d.example.com/hooks", events: [channel_occupied, channel_vacated], headers: {X-Token: abc}}
`, i, i, i, i, i)
	}
	apps := new(auth.Apps)
	for b.Loop() {
		next, err := appsfile.Parse([]byte(text.String()), appsfile.Secrets{})
		if err != nil {
			b.Fatal(err)
		}
		if err := apps.Replace(next...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(text.Len()), "bytes")
}
