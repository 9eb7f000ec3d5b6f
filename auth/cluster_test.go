package auth_test

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"buildrelay/auth"
)

func TestASessionHasOneNameInACluster(t *testing.T) {
	const session = "key/417/9k2vd0ab"
	a, same, other := auth.NewCluster("secret"), auth.NewCluster("secret"), auth.NewCluster("Secret")
	name := a.SessionName(session)
	if len(name) != 64 || strings.Contains(name, "9k2vd0ab") || name != same.SessionName(session) {
		t.Errorf("the session is called %q", name)
	}
	for _, another := range []string{other.SessionName(session), a.SessionName("key/417/9k2vd0ac"), a.SignOwner(session, "")} {
		if another == name {
			t.Error("another session, of another cluster, or another use has the same name")
		}
	}
}

func TestAnOwnerIsWhoANodeSaid(t *testing.T) {
	a := auth.NewCluster("secret")
	signature := a.SignOwner("name", "https://10.0.0.1:6001")
	for _, test := range []struct {
		name, url, signature string
		cluster              *auth.Cluster
		want                 bool
	}{
		{"name", "https://10.0.0.1:6001", signature, auth.NewCluster("secret"), true},
		{"name", "https://10.0.0.1:6001", signature, auth.NewCluster("other"), false},
		{"other", "https://10.0.0.1:6001", signature, a, false},
		{"name", "https://10.0.0.2:6001", signature, a, false},
		{"name\nhttps", "//10.0.0.1:6001", signature, a, false},
		{"name", "https://10.0.0.1:6001", signature[:63], a, false},
		{"name", "https://10.0.0.1:6001", "", a, false},
	} {
		if got := test.cluster.IsOwner(test.name, test.url, test.signature); got != test.want {
			t.Errorf("%q at %q by %q: %v", test.name, test.url, test.signature, got)
		}
	}
}

func TestARequestThatIsSentOnIsBelievedForAMinute(t *testing.T) {
	now := time.UnixMilli(1700000000123)
	a := auth.NewCluster("secret")
	said := a.SignForward("POST", "/pusher/app/key/1/aaaaaaaa/xhr?t=1", []byte("body"), now)
	if !strings.HasPrefix(said, "1700000000123 ") || len(said) != 13+1+64 {
		t.Errorf("said %q", said)
	}
	_, signature, _ := strings.Cut(said, " ")
	for name, test := range map[string]struct {
		said, method, uri, body string
		after                   time.Duration
		cluster                 *auth.Cluster
		good                    bool
	}{
		"as it was":       {said: said, good: true},
		"almost too late": {said: said, after: time.Minute - 1, good: true},
		"too late":        {said: said, after: time.Minute},
		"by a slow clock": {said: said, after: 1 - time.Minute, good: true},
		"from the future": {said: said, after: -time.Minute},
		"another secret":  {said: said, cluster: auth.NewCluster("other")},
		"another method":  {said: said, method: "GET"},
		"another path":    {said: said, uri: "/pusher/app/key/1/bbbbbbbb/xhr?t=1"},
		"another body":    {said: said, body: "Body"},
		"another time":    {said: "1700000000124 " + signature},
		"no time":         {said: " " + signature},
		"no signature":    {said: "1700000000123"},
		"no word":         {said: ""},
		"a word":          {said: "x"},
		"an owner's":      {said: "1700000000123 " + a.SignOwner("1700000000123", "POST")},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := test.cluster
			if cluster == nil {
				cluster = a
			}
			err := cluster.CheckForward(test.said, cmp.Or(test.method, "POST"),
				cmp.Or(test.uri, "/pusher/app/key/1/aaaaaaaa/xhr?t=1"), []byte(cmp.Or(test.body, "body")), now.Add(test.after))
			if (err == nil) != test.good {
				t.Errorf("got %v", err)
			}
			if err != nil && (strings.Contains(err.Error(), "aaaaaaaa") || strings.Contains(err.Error(), signature)) {
				t.Errorf("the error tells too much: %v", err)
			}
		})
	}
}

// A time that is signed but no number cannot come from a node, and is refused all the same.
func TestATimeThatIsNoNumberIsRefused(t *testing.T) {
	a := auth.NewCluster("secret")
	for _, at := range []string{"", "x", "-", "99999999999999999999", "1e3", "9223372036854775807", "-9223372036854775808"} {
		if a.CheckForward(auth.ForwardAt(a, at), "GET", "/", nil, time.UnixMilli(0)) == nil {
			t.Errorf("%q is a time", at)
		}
	}
}
