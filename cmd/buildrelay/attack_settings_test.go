package main_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// Row 118: what looks like a setting and is none is told, by name and without its value.
func TestASettingThatIsNoneIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_LISTNE": "s3cret-value", "RELAY_APP_SECRETS": "s3cret-value"})
	for _, name := range []string{"RELAY_LISTNE", "RELAY_APP_SECRETS"} {
		w.Eventually(name+" is told", func() bool {
			return strings.Contains(strings.Join(w.LogOfAll(), "\n"), `"not a setting, is it misspelt?","name":"`+name+`"`)
		})
	}
	if strings.Contains(strings.Join(w.LogOfAll(), "\n"), "s3cret") {
		t.Error("the value is told, too")
	}
}

// Row 118: an apps file that is ambiguous, or made to cost time, is refused with the line that
// is wrong; what is said in the environment as well is refused, too, not one of both chosen.
func TestAnAmbiguousAppsFileIsRefused(t *testing.T) {
	t.Parallel()
	const good = "apps: [{id: a, keys: [{key: k, secret: secret-of-the-app}]}]\n"
	bomb := "x0: &x0 [x, x]\n"
	for _, level := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"} {
		below := string(rune(level[0] - 1))
		bomb += "x" + level + ": &x" + level + " [" + strings.Repeat("*x"+below+", ", 9) + "]\n"
	}
	for name, c := range map[string]struct {
		text, says string
		env        map[string]string
	}{
		"two apps files":     {good + "---\n" + good, "RELAY_APPS_FILE", nil},
		"a key twice":        {good + good, "line 2", nil},
		"a key that is none": {"apps: [{id: a, keys: [{key: k, secret: secret-of-the-app}], colour: red}]\n", "colour", nil},
		"a bomb of anchors":  {bomb + good, "RELAY_APPS_FILE", nil},
		"the app beside it":  {good, "RELAY_APP_ID", map[string]string{"RELAY_APP_ID": "3"}},
		"its secret besides": {good, "RELAY_APP_SECRET", map[string]string{"RELAY_APP_SECRET": "another-secret-of-it"}},
		"a secret, said twice": {
			"apps: [{id: a, keys: [{key: k, secret: secret-of-the-app, secret_file: /etc/passwd}]}]\n", "secret", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{
				"RELAY_LISTEN": "127.0.0.1:0", "RELAY_TLS": "off", "RELAY_REDIS_URL": "redis://127.0.0.1:1",
				"RELAY_APPS_FILE": filepath.Join(filepath.Dir(writeFile(t, "")), "apps.yaml"),
			}
			(&appsFile{t, env["RELAY_APPS_FILE"]}).writeText(c.text)
			for name, value := range c.env {
				env[name] = value
			}
			_, told, code := runCommand(t, environ(env), "serve")
			if code == 0 || !strings.Contains(told, c.says) || strings.Contains(told, "secret-of-the-app") {
				t.Errorf("it ends with %d: %s", code, told)
			}
		})
	}
}
