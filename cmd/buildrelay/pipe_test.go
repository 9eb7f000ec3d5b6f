package main

import (
	"bytes"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/pipe"
)

func TestPipeReadsItsCommandLine(t *testing.T) {
	f, err := parsePipeFlags([]string{"--channel", "private-build-7", "--buffer", "1MiB", "--idle-interval", "1s", "--url", "https://a", "--", "go", "build", "-v"})
	if err != nil {
		t.Fatal(err)
	}
	if f.config.Channel != "private-build-7" || f.config.Buffer != 1<<20 || f.config.IdleInterval != time.Second || f.config.Interval != 0 || f.to.apiURL != "https://a" {
		t.Errorf("got %+v", f)
	}
	if got := strings.Join(f.config.Command, " "); got != "go build -v" {
		t.Errorf("command %q", got)
	}
	if _, err := parsePipeFlags([]string{"--", "go"}); err == nil {
		t.Error("no error without a channel")
	}
}

func TestPipeSaysWhichSettingIsMissing(t *testing.T) {
	app := []string{"RELAY_APP_ID=3", "RELAY_APP_KEY=k", "RELAY_APP_SECRET=s"}
	for _, tt := range []struct {
		url     string
		environ []string
		names   string // in the error; "" if there is none
	}{
		{"", nil, "RELAY_APP_ID"},
		{"", app, "RELAY_REDIS_URL"},
		{"", []string{"RELAY_APP_ID=3", "RELAY_REDIS_URL=redis://127.0.0.1:1"}, ""},
		{"https://a", app, ""},
		{"https://a", []string{"RELAY_APP_ID=3"}, "RELAY_API_URL"},
		{"a:6001", app, "RELAY_API_URL"},
	} {
		_, err := pipeFlags{to: target{apiURL: tt.url}}.configure(t.Context(), tt.environ)
		if tt.names == "" && err != nil || tt.names != "" && (err == nil || !strings.Contains(err.Error(), tt.names)) {
			t.Errorf("%q %v: %v", tt.url, tt.environ, err)
		}
	}
}

func TestPipeKnowsThroughRedisWhetherThereIsALog(t *testing.T) {
	environ := []string{"RELAY_APP_ID=3", "RELAY_APP_KEY=k", "RELAY_APP_SECRET=s", "RELAY_REDIS_URL=redis://127.0.0.1:1", "RELAY_LOG_RULES=private-build-*"}
	for _, c := range []struct {
		url, channel string
		want         bool
	}{{"", "private-build-1", false}, {"", "live", true}, {"https://a", "live", false}} {
		f := pipeFlags{to: target{apiURL: c.url}}
		f.config.Channel = c.channel
		if got, err := f.configure(t.Context(), environ); err != nil || got.NoLog != c.want {
			t.Errorf("%+v: %v, %v", c, got.NoLog, err)
		}
	}
}

func TestACommandIsNotGivenTheSecrets(t *testing.T) {
	got := withoutSecrets([]string{
		"PATH=/bin", "RELAY_APP_SECRET=s", "RELAY_REDIS_URL=redis://", "RELAY_APP_WEBHOOKS=[]", "RELAY_VAULT_TOKEN=t", "RELAY_APP_SECRET_FILE=/s", "RELAY_APP_ID=3", "X=RELAY_APP_SECRET=",
		"RELAY_KEYS_FILE=/k", "RELAY_APPS_FILE=/a", "RELAY_AUDIT_KEY_FILE=/k", "RELAY_TLS_KEY_FILE=/k", "RELAY_REDIS_KEY_FILE=/k", "RELAY_API_CLIENT_KEY_FILE=/k", "SSH_KEY_FILE=/theirs", "RELAY_REDIS_CA_FILE=/c",
	})
	if diff := cmp.Diff([]string{"PATH=/bin", "RELAY_APP_ID=3", "X=RELAY_APP_SECRET=", "SSH_KEY_FILE=/theirs", "RELAY_REDIS_CA_FILE=/c"}, got); diff != "" {
		t.Error(diff)
	}
}

// typed is standard input in the hand of a test.
func typed(t *testing.T, text string) (in input, w *os.File, signals chan os.Signal) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	if _, err := w.WriteString(text); err != nil {
		t.Fatal(err)
	}
	signals = make(chan os.Signal, 2)
	return input{r, signals}, w, signals
}

func TestInputEndsWithItsFile(t *testing.T) {
	in, w, _ := typed(t, "text")
	w.Close()
	var stdout bytes.Buffer
	exit, err := in.run(t.Context(), &stdout, nil)
	if exit != (pipe.Exit{Unknown: true}) || err != nil || stdout.String() != "text" {
		t.Errorf("%+v, %v, %q", exit, err, stdout.String())
	}
}

func TestInputIsReadToItsEndAfterASignal(t *testing.T) {
	in, w, signals := typed(t, "")
	signals <- syscall.SIGINT
	if _, err := w.WriteString("last words"); err != nil {
		t.Fatal(err)
	}
	w.Close()
	var stdout bytes.Buffer
	exit, err := in.run(t.Context(), &stdout, nil)
	if err != nil || stdout.String() != "last words" {
		t.Errorf("%v, %q", err, stdout.String())
	}
	// Both were there at once, so either may have been seen first.
	if exit != (pipe.Exit{Code: 130, Signal: "SIGINT"}) && exit != (pipe.Exit{Unknown: true}) {
		t.Errorf("%+v", exit)
	}
}

func TestASecondSignalEndsTheInput(t *testing.T) {
	in, _, signals := typed(t, "")
	signals <- syscall.SIGTERM
	signals <- syscall.SIGTERM
	exit, err := in.run(t.Context(), new(bytes.Buffer), nil)
	if exit != (pipe.Exit{Code: 143, Signal: "SIGTERM"}) || err != nil {
		t.Errorf("%+v, %v", exit, err)
	}
}

func TestDemosHoldPortsOfTheirOwn(t *testing.T) {
	taken := "127.0.0.1:0"
	first, err := openPort(t.Context(), &taken)
	if err != nil || portOf(taken) == 0 {
		t.Fatalf("%q, %v", taken, err)
	}
	defer first.Close()
	other := taken
	second, err := openPort(t.Context(), &other)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if other == taken || !strings.HasPrefix(other, "127.0.0.1:") {
		t.Errorf("%q, after %q", other, taken)
	}
}

func TestDemoServesOthersInTheClearOnlyIfToldSo(t *testing.T) {
	f := demoFlags{http: "0.0.0.0:0", https: "127.0.0.1:0"}
	if _, err := f.prepare(t.Context(), &Config{}); err == nil || !strings.Contains(err.Error(), "RELAY_ACKNOWLEDGE_INSECURE") {
		t.Errorf("got %v", err)
	}
}
