package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// terminate sends the path as escaped, signed as signs.
func (b *backend) terminate(t *testing.T, escaped, signs, body string) (status int, text string) {
	t.Helper()
	query := k + "&" + stamp + "&" + v1
	if body != "" {
		query += "&body_md5=" + hexMD5(body)
	}
	const path = "/apps/3/users/%s/terminate_connections"
	signature := hexHMAC(http.MethodPost, fmt.Sprintf(path, signs), query)
	got := b.do(t, http.MethodPost, fmt.Sprintf(path, escaped)+"?"+query+"&auth_signature="+signature, body)
	return got.Code, got.Body.String()
}

// Some senders escape everything, some next to nothing; some sign before, some after.
func TestAUsersConnectionsAreEnded(t *testing.T) {
	t.Parallel()
	for escaped, id := range map[string]string{
		"u1":                          "u1",
		"u%201@x":                     "u 1@x",
		"u%201%40x":                   "u 1@x",
		"a%2Fb":                       "a/b",
		"a%2fb%2f":                    "a/b/",
		"%2F":                         "/",
		"%2e%2e%2fevents":             "../events",
		"..":                          "..",
		"a%252Fb":                     "a%2Fb", // decoded once
		"%25":                         "%",
		"a+b":                         "a+b",
		"*":                           "*",
		"%3Fa%3D1%26b%23":             "?a=1&b#",
		"%C3%A9%F0%9F%98%80":          "é😀",
		"%00":                         "\x00",
		"terminate_connections":       "terminate_connections",
		strings.Repeat("u", 128):      strings.Repeat("u", 128),
		strings.Repeat("%C3%A9", 128): strings.Repeat("é", 128),
	} {
		for _, signs := range []string{escaped, id} {
			b := newBackend(t)
			if status, text := b.terminate(t, escaped, signs, "{}"); status != http.StatusOK || text != "{}\n" {
				t.Errorf("%s signed as %s: %d %s", escaped, signs, status, text)
			}
			if !slices.Equal(b.ended, []string{id}) {
				t.Errorf("%s: %q were ended", escaped, b.ended)
			}
		}
	}
	b := newBackend(t)
	if status, text := b.terminate(t, "u1", "u1", ""); status != http.StatusOK || text != "{}\n" || len(b.ended) != 1 {
		t.Errorf("without a body: %d %s", status, text)
	}
}

// The example is that of a Node SDK, whose path is signed before it is escaped.
func TestNodesRequestToEndConnectionsIsAccepted(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	const target = "/apps/3/users/u%201@x/terminate_connections?auth_key=278d425bdf160c739803&auth_timestamp=1353088179" +
		"&auth_version=1.0&body_md5=99914b932bd37a50b983c5e7c90ae93b" +
		"&auth_signature=e4bf33d9c47f705c7cffa6597909be2ce77f9714ecec13d12aabae80c97b7750"
	got := b.do(t, http.MethodPost, target, "{}")
	if got.Code != http.StatusOK || !slices.Equal(b.ended, []string{"u 1@x"}) {
		t.Errorf("%d %s, ended %q", got.Code, got.Body, b.ended)
	}
}

func TestIDsThatNoUserHasAreRefused(t *testing.T) {
	t.Parallel()
	for name, id := range map[string]string{
		"none": "", "129 characters": strings.Repeat("é", 129), "no UTF-8": "\xff", "half a character": "a\xc3",
	} {
		b := newBackend(t)
		if status, text := b.terminate(t, url.PathEscape(id), id, "{}"); status != http.StatusBadRequest || !strings.Contains(text, "1 to 128 characters") {
			t.Errorf("%s: %d %s", name, status, text)
		}
		if len(b.ended) != 0 {
			t.Errorf("%s: %q were ended", name, b.ended)
		}
	}
}

func TestNobodyIsEndedWithoutASignature(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	for _, signs := range []string{"u2", "u2/terminate_connections", ""} {
		if status, text := b.terminate(t, "u1", signs, "{}"); status != http.StatusUnauthorized {
			t.Errorf("signed as %q: %d %s", signs, status, text)
		}
	}
	if status, _ := b.terminate(t, "u1%0A", "u1\n", "{}"); status != http.StatusUnauthorized {
		t.Errorf("a line end in the path: %d", status)
	}
	if len(b.ended) != 0 {
		t.Errorf("%q were ended", b.ended)
	}
}

func TestFailureToEndConnectionsAnswers503(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	b.away = errAway
	if status, text := b.terminate(t, "u1", "u1", ""); status != http.StatusServiceUnavailable || text != "the connections could not be ended, try again\n" {
		t.Errorf("%d %s", status, text)
	}
}
