package auth_test

import (
	"net/url"
	"strings"
	"testing"

	"buildrelay/auth"
)

// What SignRequest signs is accepted, and refused as soon as a parameter is
// added or the body changes.
func FuzzCheckRequest(f *testing.F) {
	f.Add("/apps/3/channels", "info", "user_count,subscription_count", "", "x=1")
	f.Add("/apps/3/users/u 1@x/terminate_connections", "Filter_By_Prefix", "a+b c%2B;d=e", "{}", "auth_key=other")
	f.Add("/apps/3/events", "channels[]", "\xff\n", docBody, "%26=&")
	f.Add("/a\nb", "auth_key", "ü", "\x00", "&&")
	f.Fuzz(func(t *testing.T, path, name, value, body, more string) {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "auth_") || lower == "body_md5" {
			return // the signature's own: may come once only
		}
		query := url.Values{name: {value, "second"}}
		r := auth.Request{Method: "POST", Path: path, Body: []byte(body)}
		r.RawQuery = auth.SignRequest(auth.Key{Key: docKey, Secret: docSecret}, "POST", path, query, r.Body, docTime())
		status, message := check(t, r, docTime())
		clean := name != "" && !strings.ContainsAny(name, "=&\r\n") && !strings.ContainsAny(value, "&\r\n") && !strings.ContainsAny(path, "\r\n")
		if accepted := status == 0; accepted != clean {
			t.Fatalf("%q is answered with %d %s", r.RawQuery, status, message)
		}

		changed := r
		changed.Body = append([]byte(body), 'x')
		if status, _ := check(t, changed, docTime()); status != 401 {
			t.Errorf("%q: another body is answered with %d", r.RawQuery, status)
		}
		changed = r
		changed.RawQuery += "&" + more
		if status, _ := check(t, changed, docTime()); status != 401 && strings.Trim(more, "&") != "" {
			t.Errorf("%q: one more parameter is answered with %d", changed.RawQuery, status)
		}
	})
}
