package auth_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"buildrelay/auth"
)

func TestSecretShowsItselfNowhere(t *testing.T) {
	const canary = "c4n4ry"
	key := auth.Key{Key: "k", Secret: canary}
	app := auth.App{ID: "3", Keys: []auth.Key{key}}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10.2s"} {
		fmt.Fprintf(&out, verb+"\n", key.Secret)
		fmt.Fprintf(&out, verb+"\n", key)
		fmt.Fprintf(&out, verb+"\n", &app)
	}
	fmt.Fprintln(&out, key.Secret.String(), key.Secret.GoString(), fmt.Errorf("oops: %w", fmt.Errorf("%v", key)))
	for _, marshal := range []func(any) ([]byte, error){json.Marshal, xml.Marshal} {
		b, err := marshal(key)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(handler).Info("app", "secret", key.Secret, "key", key, "app", app)
	}
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary)} {
		if strings.Contains(out.String(), form) {
			t.Errorf("output holds %s:\n%s", form, out.String())
		}
	}
	if n := strings.Count(out.String(), "[redacted]"); n < 30 {
		t.Errorf("only %d outputs say that something is redacted:\n%s", n, out.String())
	}
}
