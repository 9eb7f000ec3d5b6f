package auth_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
)

// docTime is the clock of the documentation's vectors.
func docTime() time.Time { return time.Unix(1353088179, 0) }

const (
	docParams = "auth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0"
	docBody   = `{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}`
)

// signText signs a string to sign that a test spells out.
func signText(text string) string {
	mac := hmac.New(sha256.New, []byte(docSecret))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// signed returns a GET of /apps/3/channels with query as it is, after adding the
// signature of text.
func signed(query, text string) auth.Request {
	return auth.Request{Method: "GET", Path: "/apps/3/channels", RawQuery: query + "&auth_signature=" + signText(text)}
}

// check returns the status and the message that r is refused with, 0 if it is
// accepted.
func check(t *testing.T, r auth.Request, now time.Time) (int, string) {
	t.Helper()
	err := docApp().CheckRequest(r, now)
	if err == nil {
		return 0, ""
	}
	var refused *auth.RequestError
	if !errors.As(err, &refused) {
		t.Fatalf("error is a %T", err)
	}
	if strings.Contains(refused.Message, string(docSecret)) {
		t.Errorf("message tells the secret: %s", refused.Message)
	}
	return refused.Status, refused.Message
}

func TestCheckRequestVectors(t *testing.T) {
	tests := []auth.Request{
		{ // published in Pusher's documentation
			Method: "POST", Path: "/apps/3/events", Body: []byte(docBody),
			RawQuery: docParams + "&body_md5=ec365a775a4cd0599faeb73354201b6f&auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c",
		},
		{
			Method: "GET", Path: "/apps/3/channels",
			RawQuery: docParams + "&filter_by_prefix=presence-&info=user_count&auth_signature=16819168891cb5dfd72b5c7a5d3d602605b26c6ba1930033b5e2eeeb65010291",
		},
		{
			Method: "GET", Path: "/apps/3/channels/my-channel",
			RawQuery: docParams + "&info=subscription_count,cache&auth_signature=d435c8c509e8ca77f8cef492702c34524c1a524d23b295332924963e15ab58a0",
		},
		{
			Method: "GET", Path: "/apps/3/channels/presence-a@b,c;d",
			RawQuery: docParams + "&auth_signature=9e36b0fd13e0c253c1b8394509a36f86d67eed7e26d86da51cc6942758bdd1c0",
		},
		{
			Method: "POST", Path: "/apps/3/users/u 1@x/terminate_connections", RawPath: "/apps/3/users/u%201@x/terminate_connections", Body: []byte(`{}`),
			RawQuery: docParams + "&body_md5=99914b932bd37a50b983c5e7c90ae93b&auth_signature=e4bf33d9c47f705c7cffa6597909be2ce77f9714ecec13d12aabae80c97b7750",
		},
	}
	for _, r := range tests {
		if status, message := check(t, r, docTime()); status != 0 {
			t.Errorf("%s %s: %d %s", r.Method, r.Path, status, message)
		}
	}
}

func TestSignRequestMakesTheDocumentedSignature(t *testing.T) {
	key := auth.Key{Key: docKey, Secret: docSecret}
	query := url.Values{"info": {"user_count"}, "filter_by_prefix": {"presence-"}}
	got := auth.SignRequest(key, "GET", "/apps/3/channels", query, nil, docTime())
	if want := "auth_signature=16819168891cb5dfd72b5c7a5d3d602605b26c6ba1930033b5e2eeeb65010291"; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s in it", got, want)
	}
	if len(query) != 2 {
		t.Errorf("the caller's query became %v", query)
	}
	got = auth.SignRequest(key, "post", "/apps/3/events", nil, []byte(docBody), docTime())
	if want := "auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s in it", got, want)
	}
}

// Every reading of a query that senders are known to sign.
func TestCheckRequestIsLenientWithTheWire(t *testing.T) {
	const head = "GET\n/apps/3/channels\n"
	tests := []struct {
		name string
		r    auth.Request
	}{
		{"any order", signed("info=x&auth_version=1.0&auth_timestamp=1353088179&auth_key="+docKey, head+docParams+"&info=x")},
		{"raw comma", signed(docParams+"&info=a,b", head+docParams+"&info=a,b")},
		{"encoded comma", signed(docParams+"&info=a%2Cb", head+docParams+"&info=a,b")},
		{"encoded comma, lower case", signed(docParams+"&info=a%2cb", head+docParams+"&info=a,b")},
		{"unknown parameter", signed(docParams+"&foo=1", head+docParams+"&foo=1")},
		{"upper-case name", signed(strings.Replace(docParams, "auth_key", "Auth_Key", 1), head+docParams)},
		{"encoded name", signed(strings.Replace(docParams, "auth_key", "auth%5Fkey", 1), head+docParams)},
		{"plus as itself", signed(docParams+"&x=a+b", head+docParams+"&x=a+b")},
		{"plus as a space", signed(docParams+"&x=a+b", head+docParams+"&x=a b")},
		{"semicolons separate nothing", signed(docParams+"&x=a;b=c", head+docParams+"&x=a;b=c")},
		{"percent sign that escapes nothing", signed(docParams+"&x=5%&y=%zz%4", head+docParams+"&x=5%&y=%zz%4")},
		{"equals sign in a value", signed(docParams+"&x=a=b%3Dc", head+docParams+"&x=a=b=c")},
		{"name without a value", signed(docParams+"&x", head+docParams+"&x=")},
		{"text", signed(docParams+"&x=%C3%BC%F0%9F%98%80", head+docParams+"&x=ü😀")},
		{"empty parameters", signed("&&"+docParams+"&&", head+docParams)},
		{"array in order", signed(docParams+"&channels[]=b&channels%5B%5D=a&x=1", head+docParams+"&channels[]=b&channels[]=a&x=1")},
		{"a name twice", signed(docParams+"&info=b&info=a", head+docParams+"&info=b&info=a")},
		{"body_md5 of no body", signed(docParams+"&body_md5=d41d8cd98f00b204e9800998ecf8427e", head+docParams+"&body_md5=d41d8cd98f00b204e9800998ecf8427e")},
	}
	for _, test := range tests {
		if status, message := check(t, test.r, docTime()); status != 0 {
			t.Errorf("%s: %d %s", test.name, status, message)
		}
	}

	upper := signed(docParams, head+docParams)
	upper.RawQuery = docParams + "&auth_signature=" + strings.ToUpper(signText(head+docParams))
	if status, message := check(t, upper, docTime()); status != 0 {
		t.Errorf("signature in upper case: %d %s", status, message)
	}
	rawPath := signed(docParams, "GET\n/apps/3/channels/a%40b\n"+docParams)
	rawPath.Path, rawPath.RawPath = "/apps/3/channels/a@b", "/apps/3/channels/a%40b"
	if status, message := check(t, rawPath, docTime()); status != 0 {
		t.Errorf("signed over the raw path: %d %s", status, message)
	}
}

func TestCheckRequestRefusesWhatTheSignatureDoesNotCover(t *testing.T) {
	const head = "GET\n/apps/3/channels\n"
	const wrong = "Invalid signature: you should have sent HmacSHA256Hex("
	tests := []struct {
		name string
		r    auth.Request
		want string
	}{
		{"no query", auth.Request{Method: "GET", Path: "/"}, "Missing parameter: auth_key"},
		{"array as key", signed("auth_key[]="+docKey, ""), "Missing parameter: auth_key"},
		{"unknown key", signed("auth_key=nokey", ""), "Unknown auth_key"},
		{"no version", signed("auth_key="+docKey+"&auth_timestamp=1353088179", ""), "Version required"},
		{"another version", signed("auth_key="+docKey+"&auth_version=2.0", ""), "Version not supported"},
		{"no timestamp", signed("auth_key="+docKey+"&auth_version=1.0", ""), "Timestamp required"},
		{"no signature", auth.Request{Method: "GET", Path: "/apps/3/channels", RawQuery: docParams}, wrong},
		{"another method", signed(docParams, "POST\n/apps/3/channels\n"+docParams), wrong},
		{"another path", signed(docParams, "GET\n/apps/4/channels\n"+docParams), wrong},
		{"parameter added", signed(docParams+"&x=1", head+docParams), wrong},
		{"parameter left out", signed(docParams, head+docParams+"&x=1"), wrong},
		{"array in another order", signed(docParams+"&c[]=b&c[]=a", head+docParams+"&c[]=a&c[]=b"), wrong},
		{"one digit wrong", auth.Request{Method: "GET", Path: "/apps/3/channels", RawQuery: docParams + "&auth_signature=0" + signText(head + docParams)[1:]}, wrong},
		{"key twice", signed(docParams+"&auth_key="+docKey, ""), "Duplicate query parameter"},
		{"key twice, one in upper case", signed(docParams+"&AUTH_KEY="+docKey, ""), "Duplicate query parameter"},
		{"timestamp twice", signed(docParams+"&auth_timestamp=1", ""), "Duplicate query parameter"},
		{"signature twice", signed(docParams+"&auth_signature=1", ""), "Duplicate query parameter"},
		{"body_md5 twice", signed(docParams+"&body_md5=1&body_md5=2", ""), "Duplicate query parameter"},
		{"ampersand in a value", signed(docParams+"&info=a%26x%3D1", head+docParams+"&info=a&x=1"), "Invalid query parameter"},
		{"LF in a value", signed(docParams+"&x=%0A", ""), "Invalid query parameter"},
		{"CR in a value", signed(docParams+"&x=%0d", ""), "Invalid query parameter"},
		{"LF in a name", signed(docParams+"&%0A=x", ""), "Invalid query parameter"},
		{"equals sign in a name", signed(docParams+"&a%3Db=c", ""), "Invalid query parameter"},
		{"empty name", signed(docParams+"&=x", ""), "Invalid query parameter"},
		{"LF in the path", auth.Request{Method: "GET", Path: "/apps/3/channels\nx", RawQuery: docParams}, "Invalid path"},
		{"wrong body_md5 of no body", signed(docParams+"&body_md5=x", head+docParams+"&body_md5=x"), "Invalid body_md5: it is not the MD5 of the body"},
		{"empty body_md5 of no body", signed(docParams+"&body_md5=", head+docParams+"&body_md5="), "Invalid body_md5: it is not the MD5 of the body"},
	}
	for _, test := range tests {
		status, message := check(t, test.r, docTime())
		if status != 401 || !strings.HasPrefix(message, test.want) {
			t.Errorf("%s: got %d %q, want 401 %q", test.name, status, message, test.want)
		}
	}
}

func TestCheckRequestTellsWhatHadToBeSigned(t *testing.T) {
	r := auth.Request{Method: "GET", Path: "/apps/3/channels", RawQuery: docParams + "&auth_signature=abc"}
	_, message := check(t, r, docTime())
	want := `Invalid signature: you should have sent HmacSHA256Hex("GET\n/apps/3/channels\n` + docParams + `", your_secret_key), but you sent "abc"`
	if message != want {
		t.Errorf("got %s\nwant %s", message, want)
	}
}

func TestCheckRequestAllowsClocksToDifferByLessThan600Seconds(t *testing.T) {
	r := signed(docParams, "GET\n/apps/3/channels\n"+docParams)
	for _, seconds := range []int{-599, 0, 599} {
		if status, message := check(t, r, docTime().Add(time.Duration(seconds)*time.Second)); status != 0 {
			t.Errorf("clock off by %d s: %d %s", seconds, status, message)
		}
	}
	want := "Timestamp expired: Given timestamp (2012-11-16T17:49:39Z) not within 600s of server time (2012-11-16T17:59:39Z)"
	if status, message := check(t, r, docTime().Add(600*time.Second)); status != 401 || message != want {
		t.Errorf("clock off by 600 s: %d %s", status, message)
	}
	if status, _ := check(t, r, docTime().Add(-600*time.Second)); status != 401 {
		t.Errorf("clock off by -600 s: %d", status)
	}
}

func TestCheckRequestTakesTimestampsInDecimalOnly(t *testing.T) {
	for _, stamp := range []string{"1e9", "0x50A67C33", "-1353088179", "%2B1353088179", "+1353088179", "1353088179.0", "1_353_088_179", "9223372036854775808", "%201353088179"} {
		params := "auth_key=" + docKey + "&auth_version=1.0&auth_timestamp=" + stamp
		if status, message := check(t, signed(params, ""), docTime()); status != 401 || !strings.HasPrefix(message, "Timestamp invalid") {
			t.Errorf("%s: got %d %s", stamp, status, message)
		}
	}
	params := "auth_key=" + docKey + "&auth_version=1.0&auth_timestamp=9223372036854775807"
	if status, message := check(t, signed(params, ""), docTime()); status != 401 || !strings.HasPrefix(message, "Timestamp expired") {
		t.Errorf("the latest timestamp: got %d %s", status, message)
	}
}

func TestCheckRequestComparesTheBody(t *testing.T) {
	post := func(md5Param string) auth.Request {
		return auth.Request{
			Method: "POST", Path: "/apps/3/events", Body: []byte(docBody),
			RawQuery: docParams + md5Param + "&auth_signature=" + signText("POST\n/apps/3/events\n"+docParams+md5Param),
		}
	}
	sum := md5.Sum([]byte(docBody))
	right := hex.EncodeToString(sum[:])
	if status, message := check(t, post("&body_md5="+right), docTime()); status != 0 {
		t.Errorf("right: %d %s", status, message)
	}
	for param, want := range map[string]string{
		"":                                     "Missing parameter: body_md5",
		"&body_md5=":                           "Invalid body_md5: it is not the MD5 of the body",
		"&body_md5=" + strings.ToUpper(right):  "Invalid body_md5: it is not the MD5 of the body",
		"&body_md5=" + strings.Repeat("0", 32): "Invalid body_md5: it is not the MD5 of the body",
		"&body_md5=" + right[:31]:              "Invalid body_md5: it is not the MD5 of the body",
	} {
		if status, message := check(t, post(param), docTime()); status != 401 || message != want {
			t.Errorf("%q: got %d %q, want 401 %q", param, status, message, want)
		}
	}
}

func TestCheckRequestRefusesAnUnknownAppLikeAnUnknownKey(t *testing.T) {
	r := signed(docParams, "GET\n/apps/3/channels\n"+docParams)
	unknown := (*auth.App)(nil).CheckRequest(r, docTime())
	other := (&auth.App{ID: "4", Keys: []auth.Key{{Key: "k", Secret: "s"}}}).CheckRequest(r, docTime())
	if unknown == nil || other == nil || unknown.Error() != other.Error() {
		t.Errorf("unknown app: %v; unknown key: %v", unknown, other)
	}
}

func TestCheckRequestTellsThatTheAppIsDisabledOnlyToWhoHoldsTheSecret(t *testing.T) {
	app := docApp()
	app.Disabled = true
	var refused *auth.RequestError
	if err := app.CheckRequest(signed(docParams, "GET\n/apps/3/channels\n"+docParams), docTime()); !errors.As(err, &refused) || refused.Status != 403 {
		t.Errorf("right signature: %v", err)
	}
	if err := app.CheckRequest(signed(docParams, ""), docTime()); !errors.As(err, &refused) || refused.Status != 401 {
		t.Errorf("wrong signature: %v", err)
	}
}

// What is obeyed is what was signed, and in the reading that was signed.
func TestCheckHeadReturnsTheParametersAsTheyWereSigned(t *testing.T) {
	const head = "GET\n/apps/3/channels\n" + docParams
	for text, want := range map[string]url.Values{
		"info=a;b,%zz+&info=c&x[]=1": {"info": {"a;b,%zz+", "c"}, "x[]": {"1"}},
		"info=a;b,%zz &info=c&x[]=1": {"info": {"a;b,%zz ", "c"}, "x[]": {"1"}},
	} {
		r := signed(docParams+"&Info=a;b,%zz+&info=c&x%5B%5D=1", head+"&"+text)
		got, err := docApp().CheckHead(r, docTime())
		if err != nil {
			t.Fatal(err)
		}
		for name := range got {
			if strings.HasPrefix(name, "auth_") {
				got.Del(name)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	if got, err := docApp().CheckHead(signed(docParams+"&info=a%26x=1", head+"&info=a&x=1"), docTime()); err == nil {
		t.Errorf("a query of two meanings is read as %v", got)
	}
}

func TestAnAppSaysHowFarClocksMayDiffer(t *testing.T) {
	app := docApp()
	app.Limits.ClockSkew = 5 * time.Second
	r := signed(docParams, "GET\n/apps/3/channels\n"+docParams)
	for seconds, want := range map[int]bool{-5: false, -4: true, 0: true, 4: true, 5: false} {
		err := app.CheckRequest(r, docTime().Add(time.Duration(seconds)*time.Second))
		if (err == nil) != want {
			t.Errorf("clock off by %d s: %v", seconds, err)
		}
		if err != nil && !strings.Contains(err.Error(), "not within 5s of server time") {
			t.Errorf("clock off by %d s: %v", seconds, err)
		}
	}
}

// The message repeats what was sent; the cause, which goes into records, does not.
func TestARefusedRequestHasACauseWithoutWhatWasSent(t *testing.T) {
	t.Parallel()
	for cause, r := range map[string]auth.Request{
		"no key":          signed("auth_version=1.0", ""),
		"unknown key":     signed("auth_key=s3cret", ""),
		"clock skew":      signed("auth_key="+docKey+"&auth_version=1.0&auth_timestamp=1", ""),
		"wrong signature": {Method: "GET", Path: "/apps/3/channels", RawQuery: docParams + "&auth_signature=s3cret"},
		"invalid query":   signed(docParams+"&=s3cret", ""),
	} {
		var refused *auth.RequestError
		if err := docApp().CheckRequest(r, docTime()); !errors.As(err, &refused) || refused.Cause != cause {
			t.Errorf("got %+v, want the cause %q", err, cause)
		}
	}
}
