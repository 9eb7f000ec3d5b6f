package mask

import (
	"encoding/base64"
	"strings"
	"testing"
)

const (
	header  = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
	payload = "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIn0"
	code    = "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
)

var body = strings.Repeat("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ+/abcd\n", 3)

// shapeTexts have no value; what is in it is of a kind or of none.
var shapeTexts = []struct{ name, value, in, want string }{
	{"aws_key", "", "key AKIAIOSFODNN7EXAMPLE.", "key AKIA***."},
	{"aws_key", "", "ASIAIOSFODNN7EXAMPLE", "ASIA***"},
	{"aws_key", "", "a\n\x1b[31mAKIAIOSFODNN7EXAMPLE\x1b[0m\nb", "a\n\x1b[31mAKIA***\x1b[0m\nb"},
	{"aws_key", "", "AKIAIOSFODN\r\nN7EXAMPLE\r\n", "AKIA***\r\n"},
	{"longer than a key", "", "AKIAIOSFODNN7EXAMPLEX", "AKIAIOSFODNN7EXAMPLEX"},
	{"in a word", "", "xAKIAIOSFODNN7EXAMPLE", "xAKIAIOSFODNN7EXAMPLE"},
	{"shorter than a key", "", "AKIAIOSFODNN7 EXAMPLE", "AKIAIOSFODNN7 EXAMPLE"},
	{"github_token", "", "ghp_" + strings.Repeat("a1", 18) + "\nnext", "ghp_***\nnext"},
	{"github_token", "", "github_pat_" + strings.Repeat("a1", 11) + "_" + strings.Repeat("b2", 30) + " ", "github_pat_*** "},
	{"too short", "", "ghp_abcdef ghs_", "ghp_abcdef ghs_"},
	{"gitlab_token", "", "glpat-" + strings.Repeat("x-", 10), "glpat-***"},
	{"slack_token", "", "xoxb-123456789012-abcdefghij!", "xoxb-***!"},
	{"npm_token", "", "_authToken=npm_" + strings.Repeat("Az9", 12), "_authToken=npm_***"},
	{"google_key", "", "?key=AIza" + strings.Repeat("Sy-_x", 7) + "&", "?key=AIza***&"},
	{"jwt", "", "Bearer " + header + "." + payload + "." + code + "\nnext", "Bearer " + header + ".***\nnext"},
	{"jwt", "", header + "." + payload[:20] + "\r\n" + payload[20:] + "." + code[:10] + "\n" + code[10:] + "\n", header + ".***\n"},
	{"not a jwt", "", "eyJ2ZXJzaW9uIjozfQ." + payload + "." + code, "eyJ2ZXJzaW9uIjozfQ." + payload + "." + code},
	{"private_key", "", "-----BEGIN RSA PRIVATE KEY-----\n" + body + "-----END RSA PRIVATE KEY-----\nnext", "-----BEGIN RSA PRIVATE KEY-----\n***----END RSA PRIVATE KEY-----\nnext"},
	{"private_key", "", "-----BEGIN PRIVATE KEY-----\\n" + strings.ReplaceAll(body, "\n", "\\n") + "-----END", "-----BEGIN PRIVATE KEY-----***----END"},
	{"private_key", "", "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES,AB\n\n" + body, "-----BEGIN EC PRIVATE KEY-----\n***\n"},
	{"a certificate", "", "-----BEGIN CERTIFICATE-----\n" + body, "-----BEGIN CERTIFICATE-----\n" + body},
	{"url_password", "", "cloning https://bob:s3cr3t@host/repo.git", "cloning https://***@host/repo.git"},
	{"url_password", "", "redis://:pw@host:6379 \x1b]8;;https://a:b@c\aid\x1b]8;;\a", "redis://***@host:6379 \x1b]8;;https://***@c\aid\x1b]8;;\a"},
	{"url_password", "", "https://user:p@ssw0rd@host/ redis://me@example.com:s3cr3t@host:6379 ", "https://***@host/ redis://***@host:6379 "},
	{"no password", "", "https://host:8080/a@b ssh://git@host http://a:@b", "https://host:8080/a@b ssh://git@host http://a:@b"},
	{"a variable", "", "https://bob:${TOKEN}@host", "https://bob:${TOKEN}@host"},
	{"signature", "", "&X-Amz-Signature=" + strings.Repeat("0a", 32) + "&x", "&X-Amz-Signature=***&x"},
}

func TestTokensAreKnownByTheirForm(t *testing.T) {
	s := mustSet(t, Shapes())
	for _, tt := range shapeTexts {
		got, hits := whole(s, tt.in)
		if got != tt.want {
			t.Errorf("%s: %q became %q, want %q", tt.name, tt.in, got, tt.want)
		}
		for k, n := range hits {
			if (n > 0) != (Kind(k).String() == tt.name) {
				t.Errorf("%q: %d of %s", tt.in, n, Kind(k))
			}
		}
	}
}

// In plain text the key goes on until the blank, in what has sequences it ends before:
// the link is found first.
func TestATokenAndALinkBehindItAreTwoHits(t *testing.T) {
	const in = "AKIAIOSFODNN7EXAMPL5\x1b]8;;https://user:secret@host/\a text"
	got, hits := whole(mustSet(t, Shapes()), in)
	if want := "AKIA***\x1b]8;;https://***@host/\a text"; got != want || hits[AWSKey] != 1 || hits[URLPassword] != 1 {
		t.Errorf("got %q with %v, want %q", got, hits, want)
	}
	everyCut(t, mustSet(t, Shapes()), "a key and a link", in)
}

func TestBeginningsOfOneKindDoNotHideAnother(t *testing.T) {
	decoys := strings.Repeat("eyJa-", 2*maxLive)
	if got := mustSet(t, Shapes()).Mask(decoys + "ghp_" + strings.Repeat("a1", 18)); got != decoys+"ghp_***" {
		t.Errorf("got %q", got)
	}
}

func TestViewsThatPartRememberForThemselves(t *testing.T) {
	v, w := view{live: []shape{{rule: rule{prefix: "eyJh"}}}}, view{}
	v.live[0].note('a')
	v.copyTo(&w)
	v.live[0].note('b')
	w.live[0].note('c')
	if got := string(v.live[0].text) + " " + string(w.live[0].text); got != "eyJhab eyJhac" {
		t.Errorf("remembered is %s", got)
	}
}

func TestShapesAreLookedForOneByOne(t *testing.T) {
	s := mustSet(t, []Kind{AWSKey})
	const in = "AKIAIOSFODNN7EXAMPLE https://a:b@c"
	if got, _ := whole(s, in); got != "AKIA*** https://a:b@c" {
		t.Errorf("got %q", got)
	}
}

// What looks like the beginning of a token must not hide, hold or slow what follows for long.
func TestTokensAreBounded(t *testing.T) {
	s := mustSet(t, Shapes())
	key := strings.Repeat("abcd", maxKey/4)
	jose := func(more int) string {
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","x":"`+strings.Repeat("a", more)+`"}`)) + "."
	}
	for in, want := range map[string]string{
		"-----BEGIN PRIVATE KEY-----" + key + "abcdefgh":                          "-----BEGIN PRIVATE KEY-----***bcdefgh",
		"-----BEGIN " + strings.Repeat("A", maxLabel) + " PRIVATE KEY-----" + key: "-----BEGIN " + strings.Repeat("A", maxLabel) + " PRIVATE KEY-----" + key,
		"https://a:" + key[:maxUserinfo-3] + "@host":                              "https://***@host",
		"https://a:" + key[:maxUserinfo] + "@host":                                "https://a:" + key[:maxUserinfo] + "@host",
		jose(maxHeader/2) + payload:                                               jose(maxHeader/2) + Stars,
		jose(maxHeader) + payload:                                                 jose(maxHeader) + payload,
	} {
		if got := s.Mask(in); got != want {
			t.Errorf("%.60q of %d bytes became %.60q of %d, want %d", in, len(in), got, len(got), len(want))
		}
	}
	m := s.New()
	m.Write([]byte(strings.Repeat("eyJh-", 5*maxLive)))
	if n := len(m.seen.live); n != maxLive {
		t.Errorf("%d tokens are in progress, want %d", n, maxLive)
	}
}
