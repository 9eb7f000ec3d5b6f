package auth_test

import (
	"strings"
	"testing"

	"buildrelay/auth"
	"buildrelay/protocol"
)

func TestAppsAreFoundByIDAndByEveryKey(t *testing.T) {
	apps, err := auth.NewApps(
		auth.App{ID: "1", Keys: []auth.Key{{Key: "old", Secret: "s1"}, {Key: "new", Secret: "s2"}}},
		auth.App{ID: "2", Keys: []auth.Key{{Key: "other", Secret: "s1"}}, Limits: protocol.Limits{Data: 5}},
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"old", "new"} {
		if app, ok := apps.ByKey(key); !ok || app.ID != "1" {
			t.Errorf("ByKey(%s) = %v, %v", key, app, ok)
		}
	}
	one, _ := apps.ByID("1")
	if one == nil || one.Limits != protocol.DefaultLimits() {
		t.Errorf("app without limits has %+v, want the defaults", one)
	}
	if two, _ := apps.ByID("2"); two == nil || two.Limits != (protocol.Limits{Data: 5}) {
		t.Errorf("app with limits has %+v, want its own", two)
	}
	if app, ok := apps.ByID("old"); ok {
		t.Errorf("ByID of a key returns %+v", app)
	}
	if app, ok := apps.ByKey(""); ok {
		t.Errorf("ByKey of nothing returns %+v", app)
	}
}

func TestNewAppsRefusesWhatCannotBeTold(t *testing.T) {
	keys := []auth.Key{{Key: "k", Secret: "s"}}
	tests := []struct {
		want string
		apps []auth.App
	}{
		{`app id ""`, []auth.App{{Keys: keys}}},
		{`app id "a:b"`, []auth.App{{ID: "a:b", Keys: keys}}},
		{`app "1" has no key`, []auth.App{{ID: "1"}}},
		{`app "1" has an empty key or secret`, []auth.App{{ID: "1", Keys: []auth.Key{{Key: "", Secret: "s"}}}}},
		{`app "1" has an empty key or secret`, []auth.App{{ID: "1", Keys: []auth.Key{{Key: "k", Secret: ""}}}}},
		{`app "1" is configured twice`, []auth.App{{ID: "1", Keys: keys}, {ID: "1", Keys: []auth.Key{{Key: "l", Secret: "s"}}}}},
		{`key "k" of app "2" is configured twice`, []auth.App{{ID: "1", Keys: keys}, {ID: "2", Keys: keys}}},
		{`key "k" of app "1" is configured twice`, []auth.App{{ID: "1", Keys: []auth.Key{{Key: "k", Secret: "s"}, {Key: "k", Secret: "t"}}}}},
	}
	for _, test := range tests {
		if _, err := auth.NewApps(test.apps...); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got error %v, want %s", err, test.want)
		}
	}
}
