package appsfile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"buildrelay/auth"
	"buildrelay/relay/appsfile"
)

// opener opens what begins with "sealed:", but for what begins with "sealed:bad".
func opener(text string) (auth.Secret, error) {
	opened, sealed := strings.CutPrefix(text, "sealed:")
	if sealed && strings.HasPrefix(opened, "bad") {
		return "", errors.New("no such key")
	}
	return auth.Secret(opened), nil
}

func TestSealedSecretsAreOpenedWhereverTheyStand(t *testing.T) {
	file := func(string) ([]byte, error) { return []byte("sealed:from a file\n"), nil }
	text := inApp("webhooks: [{url: 'https://h', headers: {authorization: 'sealed:Bearer x', x-plain: plain}}]")
	text = strings.Replace(text, "apps:", "apps:\n  - {id: b, keys: [{key: kb, secret: 'sealed:b'}, {key: kc, secret_file: f}, {key: kd, secret: plain}]}", 1)
	apps, err := appsfile.Parse([]byte(text), appsfile.Secrets{ReadFile: file, Open: opener})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, key := range apps[0].Keys {
		got = append(got, string(key.Secret))
	}
	headers := apps[1].Webhooks[0].Headers
	got = append(got, string(headers["Authorization"]), string(headers["X-Plain"]))
	if want := "b,from a file,plain,Bearer x,plain"; strings.Join(got, ",") != want {
		t.Errorf("got %q, want %s", got, want)
	}
	hooks, err := appsfile.ParseWebhooks("[{url: 'https://h', headers: {a: 'sealed:x'}}]", opener)
	if err != nil || string(hooks[0].Headers["A"]) != "x" {
		t.Errorf("a webhook that is a setting: %v", err)
	}
}

// What is opened is held to the same rules as what was never sealed, and what cannot be opened is
// told with its line, and without its text.
func TestSealedSecretsThatAreBadAreTold(t *testing.T) {
	file := func(path string) ([]byte, error) { return []byte("sealed:" + path), nil }
	const wanted = "must not be empty, nor longer than 4096 bytes, nor have spaces or line ends around it"
	for text, want := range map[string]string{
		"apps: [{id: a, keys: [{key: k, secret: 'sealed:bad hunter2'}]}]":                     "line 1: keys[0].secret: it cannot be opened: no such key",
		"apps: [{id: a, keys: [{key: k, secret_file: bad hunter2}]}]":                         "line 1: keys[0].secret_file: it cannot be opened: no such key",
		"apps: [{id: a, keys: [{key: k, secret: 'sealed:'}]}]":                                "line 1: keys[0].secret: it " + wanted,
		"apps: [{id: a, keys: [{key: k, secret: 'sealed: hunter2'}]}]":                        "line 1: keys[0].secret: it " + wanted,
		"apps: [{id: a, keys: [{key: k, secret: sealed:" + strings.Repeat("x", 5000) + "}]}]": "line 1: keys[0].secret: it " + wanted,
		"apps: [{id: a, keys: [{key: k, secret_file: ' '}]}]":                                 "line 1: keys[0].secret_file: it must name a file that holds a secret of 1 to 4096 bytes",
	} {
		_, err := appsfile.Parse([]byte(text), appsfile.Secrets{ReadFile: file, Open: opener})
		if fmt.Sprint(err) != want {
			t.Errorf("%.80s:\n%v\nwant %s", text, err, want)
		}
	}
	for value, want := range map[string]string{"sealed:bad hunter2": "it cannot be opened: no such key", "sealed:a\x01hunter2": "it must be a header's value"} {
		_, err := appsfile.ParseWebhooks(fmt.Sprintf("[{url: 'https://h', headers: {a: %q}}]", value), opener)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, want %q", value, err, want)
		}
	}
}
