package api_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

// The example of Pusher's documentation, word for word.
func TestDocumentedRequestIsAccepted(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	const target = "/apps/3/events?auth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0" +
		"&body_md5=ec365a775a4cd0599faeb73354201b6f" +
		"&auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"
	got := b.do(t, http.MethodPost, target, `{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}`)
	if got.Code != http.StatusOK || got.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d, %s", got.Code, got.Header().Get("Content-Type"))
	}
	var reply map[string]any
	if err := json.Unmarshal(got.Body.Bytes(), &reply); err != nil || len(reply) != 0 {
		t.Errorf("replied %s: %v", got.Body, err)
	}
	want := []protocol.Event{{Name: "foo", Channel: "project-3", Data: `{"some":"data"}`}}
	if diff := cmp.Diff(want, b.published); diff != "" {
		t.Error(diff)
	}
}

const (
	event = `{"name":"e","channel":"a","data":"d"}`
	stamp = "auth_timestamp=1353088179"
	v1    = "auth_version=1.0"
	k     = "auth_key=" + key
)

func TestRequestsThatAreNotAuthenticAreRefused(t *testing.T) {
	t.Parallel()
	md5 := "body_md5=" + hexMD5(event)
	at := func(seconds int) string { return "auth_timestamp=" + strconv.Itoa(now+seconds) }
	cases := map[string]struct {
		// params in the order in which they are signed
		params []string
		body   string
		status int
		text   string
	}{
		"as it should be":         {[]string{k, stamp, v1, md5}, event, 200, "{}"},
		"no auth_key":             {[]string{stamp, v1, md5}, event, 401, "Missing parameter: auth_key"},
		"an unknown key":          {[]string{"auth_key=nobody", stamp, v1, md5}, event, 401, "Unknown auth_key"},
		"another app's key":       {[]string{"auth_key=other", stamp, v1, md5}, event, 401, "Unknown auth_key"},
		"auth_key as an array":    {[]string{"auth_key[]=" + key, stamp, v1, md5}, event, 401, "Missing parameter: auth_key"},
		"no version":              {[]string{k, stamp, md5}, event, 401, "Version required"},
		"version 2.0":             {[]string{k, stamp, "auth_version=2.0", md5}, event, 401, "Version not supported"},
		"no timestamp":            {[]string{k, v1, md5}, event, 401, "Timestamp required"},
		"an empty timestamp":      {[]string{k, "auth_timestamp=", v1, md5}, event, 401, "Timestamp required"},
		"600 s before":            {[]string{k, at(-600), v1, md5}, event, 401, "Timestamp expired"},
		"600 s after":             {[]string{k, at(600), v1, md5}, event, 401, "Timestamp expired"},
		"599 s before":            {[]string{k, at(-599), v1, md5}, event, 200, "{}"},
		"599 s after":             {[]string{k, at(599), v1, md5}, event, 200, "{}"},
		"in exponents":            {[]string{k, "auth_timestamp=1.353088179e9", v1, md5}, event, 401, "Timestamp"},
		"in hex":                  {[]string{k, "auth_timestamp=0x50a68273", v1, md5}, event, 401, "Timestamp"},
		"with a sign":             {[]string{k, "auth_timestamp=%2b1353088179", v1, md5}, event, 401, "Timestamp"},
		"negative":                {[]string{k, "auth_timestamp=-1353088179", v1, md5}, event, 401, "Timestamp"},
		"2^63":                    {[]string{k, "auth_timestamp=9223372036854775808", v1, md5}, event, 401, "Timestamp"},
		"2^64 too far":            {[]string{k, "auth_timestamp=18446744075062639795", v1, md5}, event, 401, "Timestamp"},
		"with a space":            {[]string{k, "auth_timestamp=1353088179%20", v1, md5}, event, 401, "Timestamp"},
		"two timestamps":          {[]string{k, stamp, stamp, v1, md5}, event, 401, "Duplicate"},
		"two keys":                {[]string{k, "auth_key=other", stamp, v1, md5}, event, 401, "Duplicate"},
		"two digests":             {[]string{k, stamp, v1, md5, md5}, event, 401, "Duplicate"},
		"another body":            {[]string{k, stamp, v1, md5}, strings.Replace(event, "a", "b", 1), 401, "body_md5"},
		"the digest of nothing":   {[]string{k, stamp, v1, "body_md5=" + hexMD5("")}, event, 401, "body_md5"},
		"an empty digest":         {[]string{k, stamp, v1, "body_md5="}, event, 401, "body_md5"},
		"no digest":               {[]string{k, stamp, v1}, event, 401, "Missing parameter: body_md5"},
		"the digest in capitals":  {[]string{k, stamp, v1, "body_md5=" + strings.ToUpper(hexMD5(event))}, event, 401, "body_md5"},
		"a line end in a value":   {[]string{k, stamp, v1, md5, "x=%0a"}, event, 401, "Invalid query parameter"},
		"two parameters like one": {[]string{k, stamp, v1, md5, "x=a%26y=b"}, event, 401, "Invalid query parameter"},
		"a name that is empty":    {[]string{"=x", k, stamp, v1, md5}, event, 401, "Invalid query parameter"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t)
			query := strings.Join(c.params, "&")
			decoded := strings.NewReplacer("%2b", "+", "%20", " ", "%0a", "\n", "%26", "&").Replace(query)
			signature := hexHMAC(http.MethodPost, "/apps/3/events", decoded)
			got := b.do(t, http.MethodPost, "/apps/3/events?"+query+"&auth_signature="+signature, c.body)
			if got.Code != c.status || !strings.Contains(got.Body.String(), c.text) {
				t.Errorf("%d %s, want %d %s", got.Code, got.Body, c.status, c.text)
			}
			if got.Code != http.StatusOK && len(b.published) != 0 {
				t.Errorf("published %v", b.published)
			}
			if strings.Contains(got.Body.String(), secret) || strings.Contains(got.Body.String(), signature) && c.status != 200 {
				t.Errorf("the answer tells a secret: %s", got.Body)
			}
		})
	}
}

func TestEveryFlippedDigitOfASignatureIsRefused(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	target := signed(http.MethodPost, "/apps/3/events", event, "")
	start := len(target) - 64
	for i := start; i < len(target); i++ {
		flipped := []byte(target)
		flipped[i] = map[bool]byte{true: '0', false: 'f'}[target[i] != '0']
		if got := b.do(t, http.MethodPost, string(flipped), event); got.Code != http.StatusUnauthorized {
			t.Errorf("digit %d: %d %s", i-start, got.Code, got.Body)
		}
	}
	for name, signature := range map[string]string{
		"none": "", "half": target[start : start+32], "too long": target[start:] + "00", "no hex": strings.Repeat("z", 64),
	} {
		if got := b.do(t, http.MethodPost, target[:start]+signature, event); got.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
		}
	}
	if got := b.do(t, http.MethodPost, target, event); got.Code != http.StatusOK {
		t.Errorf("the signature itself: %d %s", got.Code, got.Body)
	}
}

// Who asks cannot tell an app that does not exist from a key that is not its own.
func TestUnknownAppIsRefusedLikeAnUnknownKey(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	unknown := b.do(t, http.MethodPost, signed(http.MethodPost, "/apps/nope/events", event, ""), event)
	foreign := b.do(t, http.MethodPost, signed(http.MethodPost, "/apps/4/events", event, ""), event)
	if unknown.Code != http.StatusUnauthorized || unknown.Code != foreign.Code || unknown.Body.String() != foreign.Body.String() {
		t.Errorf("%d %s and %d %s", unknown.Code, unknown.Body, foreign.Code, foreign.Body)
	}
}

// The parameters come in any order and any spelling; what counts is what they say.
func TestQueriesAreReadAsSendersWriteThem(t *testing.T) {
	t.Parallel()
	const path = "/apps/3/channels"
	md5 := "body_md5=" + hexMD5("")
	cases := map[string]struct{ signs, wire string }{
		"sorted":                  {k + "&" + stamp + "&" + v1, k + "&SIG&" + stamp + "&" + v1},
		"signature first":         {k + "&" + stamp + "&" + v1, "SIG&" + v1 + "&" + stamp + "&" + k},
		"a raw comma":             {k + "&" + stamp + "&" + v1 + "&x=a,b", k + "&x=a,b&" + stamp + "&" + v1 + "&SIG"},
		"an escaped comma":        {k + "&" + stamp + "&" + v1 + "&x=a,b", k + "&x=a%2Cb&" + stamp + "&" + v1 + "&SIG"},
		"a semicolon":             {k + "&" + stamp + "&" + v1 + "&x=a;b", k + "&x=a;b&" + stamp + "&" + v1 + "&SIG"},
		"an equals sign":          {k + "&" + stamp + "&" + v1 + "&x=a=b", k + "&x=a=b&" + stamp + "&" + v1 + "&SIG"},
		"a parameter of no use":   {k + "&" + stamp + "&" + v1 + "&foo=1", "foo=1&" + k + "&" + stamp + "&" + v1 + "&SIG"},
		"capital letters":         {k + "&" + stamp + "&" + v1, "Auth_Key=" + key + "&AUTH_TIMESTAMP=1353088179&" + v1 + "&SIG"},
		"an array":                {k + "&" + stamp + "&" + v1 + "&x[]=b&x[]=a", k + "&x[]=b&" + stamp + "&x[]=a&" + v1 + "&SIG"},
		"an escaped array":        {k + "&" + stamp + "&" + v1 + "&x[]=b", k + "&x%5B%5D=b&" + stamp + "&" + v1 + "&SIG"},
		"the digest of no body":   {k + "&" + stamp + "&" + v1 + "&" + md5, md5 + "&" + k + "&" + stamp + "&" + v1 + "&SIG"},
		"a plus that is a plus":   {k + "&" + stamp + "&" + v1 + "&x=a+b", k + "&x=a+b&" + stamp + "&" + v1 + "&SIG"},
		"a plus that is a space":  {k + "&" + stamp + "&" + v1 + "&x=a b", k + "&x=a+b&" + stamp + "&" + v1 + "&SIG"},
		"an empty pair":           {k + "&" + stamp + "&" + v1, k + "&&" + stamp + "&" + v1 + "&SIG&"},
		"an escape that is none":  {k + "&" + stamp + "&" + v1 + "&x=100%", k + "&x=100%&" + stamp + "&" + v1 + "&SIG"},
		"text that is not ASCII":  {k + "&" + stamp + "&" + v1 + "&x=é", k + "&x=%C3%A9&" + stamp + "&" + v1 + "&SIG"},
		"another app's parameter": {k + "&" + stamp + "&" + v1 + "&auth_keys=x", k + "&auth_keys=x&" + stamp + "&" + v1 + "&SIG"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			signs := c.signs
			if name == "another app's parameter" { // sorts between the others
				signs = k + "&auth_keys=x&" + stamp + "&" + v1
			}
			wire := strings.Replace(c.wire, "SIG", "auth_signature="+hexHMAC(http.MethodGet, path, signs), 1)
			if got := newBackend(t).do(t, http.MethodGet, path+"?"+wire, ""); got.Code != http.StatusOK {
				t.Errorf("%s: %d %s", wire, got.Code, got.Body)
			}
		})
	}
}

// Some senders sign the path as they send it, some before they escape it.
func TestPathMayBeSignedDecodedOrAsSent(t *testing.T) {
	t.Parallel()
	const decoded = "/apps/3/channels/a=@,.;-_b"
	b := newBackend(t)
	b.occupied = map[string]int{"a=@,.;-_b": 2}
	query := k + "&" + stamp + "&" + v1
	for _, sent := range []string{
		decoded, "/apps/3/channels/a=%40%2C.%3B-_b", "/apps/3/channels/%61%3D%40%2c%2e%3b%2d%5fb", "/apps/3/channels/a=%40,.;-_b",
	} {
		for _, signs := range []string{decoded, sent} {
			got := b.do(t, http.MethodGet, sent+"?"+query+"&auth_signature="+hexHMAC(http.MethodGet, signs, query), "")
			if got.Code != http.StatusOK || !strings.Contains(got.Body.String(), `"occupied":true`) {
				t.Errorf("%s signed as %s: %d %s", sent, signs, got.Code, got.Body)
			}
		}
	}
	odd := "/apps/3/channels/u%201@x"
	for _, signs := range []string{odd, "/apps/3/channels/u 1@x"} {
		got := b.do(t, http.MethodGet, odd+"?"+query+"&auth_signature="+hexHMAC(http.MethodGet, signs, query), "")
		if got.Code != http.StatusBadRequest || !strings.Contains(got.Body.String(), "Invalid channel name") {
			t.Errorf("%s signed as %s: %d %s", odd, signs, got.Code, got.Body)
		}
	}
}
