package outlet_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/audit/outlet"
)

func TestASettingIsReadWithAllItsParts(t *testing.T) {
	t.Parallel()
	s3 := outlet.Target{Kind: "s3", Host: "s3.example.com", Access: "AK", Secret: secret, Bucket: "trail", Region: "us-east-1"}
	with := func(change func(*outlet.Target)) []outlet.Target {
		target := s3
		change(&target)
		return []outlet.Target{target}
	}
	cases := map[string][]outlet.Target{
		"":                                       nil,
		" ,, \n ,":                               nil,
		"stdout":                                 {{Kind: "stdout"}},
		"syslog+udp://log.example.com:514":       {{Kind: "syslog+udp", Host: "log.example.com:514"}},
		"syslog+tcp://[2001:db8::1]:601":         {{Kind: "syslog+tcp", Host: "[2001:db8::1]:601"}},
		" stdout , syslog+tls://10.0.0.1:6514\n": {{Kind: "stdout"}, {Kind: "syslog+tls", Host: "10.0.0.1:6514"}},
		"s3://AK:" + secret + "@s3.example.com/trail":  with(func(*outlet.Target) {}),
		"s3://AK:" + secret + "@s3.example.com/trail/": with(func(*outlet.Target) {}),
		"s3://AK:hu%2Fnt%2Ber2%3DzQ7@s3.example.com:9000/trail/a/b%20%40c/?tls=off&region=garage": with(func(t *outlet.Target) {
			t.Host, t.Prefix, t.Plain, t.Region = "s3.example.com:9000", "a/b @c", true, "garage"
		}),
		"s3://AK:" + secret + "@[::1]:9000/trail?tls=on":             with(func(t *outlet.Target) { t.Host = "[::1]:9000" }),
		"s3://AK:" + secret + "@[::1]/trail":                         with(func(t *outlet.Target) { t.Host = "[::1]" }),
		"s3://AK:" + secret + "@s3.eu-west-1.amazonaws.com/trail":    with(func(t *outlet.Target) { t.Host, t.Region = "s3.eu-west-1.amazonaws.com", "eu-west-1" }),
		"s3://AK:" + secret + "@s3.amazonaws.com/trail?region=eu-x1": with(func(t *outlet.Target) { t.Host, t.Region = "s3.amazonaws.com", "eu-x1" }),
		"s3://AK:" + secret + "@s3.amazonaws.com/trail":              with(func(t *outlet.Target) { t.Host = "s3.amazonaws.com" }),
	}
	for text, want := range cases {
		got, err := outlet.Parse(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestASettingThatIsWrongIsExplainedAndNotRepeated(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"zQ7://x":                                             "its kind",
		"zQ7":                                                 "its kind",
		"Stdout":                                              "its kind",
		"stdout://zQ7":                                        "after stdout",
		"AK:zQ7@host/bucket":                                  "its kind",
		"http://AK:zQ7@host/bucket":                           "its kind",
		"syslog+udp":                                          "its address",
		"syslog+udp://":                                       "its host",
		"syslog+udp://zQ7":                                    "its host",
		"syslog+udp://:514":                                   "its host",
		"syslog+udp://zQ7 x:514":                              "its host",
		"syslog+udp://a:zQ7@host:514":                         "its host",
		"syslog+udp://2001:db8::1:514":                        "its host",
		"syslog+udp://host:0":                                 "its port",
		"syslog+udp://host:zQ7":                               "its port",
		"syslog+udp://host:65536":                             "its port",
		"syslog+udp://host:+514":                              "its port",
		"syslog+udp://host:514/zQ7":                           "its port",
		"syslog+tls://host:514?zQ7=1":                         "its port",
		"s3":                                                  "its keys",
		"s3://AK:zQ7/host/bucket":                             "its keys",
		"s3://zQ7@host/bucket":                                "its keys",
		"s3://:zQ7@host/bucket":                               "its keys",
		"s3://zQ7:@host/bucket":                               "its keys",
		"s3://AK:zQ7%@host/bucket":                            "%25",
		"s3://AK:zQ7%2@host/bucket":                           "%25",
		"s3://AK:zQ7 @host/bucket":                            "its keys",
		"s3://AK:zQ7%0a@host/bucket":                          "its keys",
		"s3://AK:zQ7@/bucket":                                 "its host",
		"s3://AK:zQ7@ho st/bucket":                            "its host",
		"s3://AK:zQ7@host:zQ7/bucket":                         "its host",
		"s3://AK:zQ7@host:/bucket":                            "its host",
		"s3://AK:zQ7@::1/bucket":                              "its host",
		"s3://AK:zQ7@[::1/bucket":                             "its host",
		"s3://AK:zQ7@host":                                    "its bucket",
		"s3://AK:zQ7@host/":                                   "its bucket",
		"s3://AK:zQ7@host/b":                                  "its bucket",
		"s3://AK:zQ7@host/Bucket zQ7":                         "its bucket",
		"s3://AK:zQ7@host/bucket/a//b":                        "its prefix",
		"s3://AK:zQ7@host/bucket/../b":                        "its prefix",
		"s3://AK:zQ7@host/bucket/%":                           "its prefix",
		"s3://AK:zQ7@host/bucket/%ff":                         "its prefix",
		"s3://AK:zQ7@host/bucket/%0a":                         "its prefix",
		"s3://AK:zQ7@host/bucket?zQ7=1":                       "region and tls",
		"s3://AK:zQ7@host/bucket?tls=zQ7":                     "its option tls",
		"s3://AK:zQ7@host/bucket?tls":                         "its option tls",
		"s3://AK:zQ7@host/bucket?region=":                     "its option region",
		"s3://AK:zQ7@host/bucket?region=/":                    "its option region",
		"s3://AK:zQ7@host/bucket?tls=off&tls=off":             "its option tls",
		"s3://AK:zQ7@host/bucket?region=%zz":                  "its options",
		"s3://AK:zQ7@host/bucket/" + strings.Repeat("a", 201): "its prefix",
	}
	for text, want := range cases {
		targets, err := outlet.Parse("stdout," + text)
		if err == nil {
			t.Errorf("%q is read as %v", text, targets)
			continue
		}
		if said := err.Error(); !strings.HasPrefix(said, "target 2: ") || !strings.Contains(said, want) || strings.Contains(said, "zQ7") {
			t.Errorf("%q: %q, want %q", text, said, want)
		}
	}
}

func TestATargetIsNamedOnce(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"stdout,stdout",
		"syslog+udp://a:514,stdout,syslog+udp://a:514",
		"s3://AK:zQ7@host/bucket,s3://AL:zQ8@host/bucket/?tls=off",
	} {
		if _, err := outlet.Parse(text); err == nil || !strings.Contains(err.Error(), "the same as target 1") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Keys are replaced now and then, and the bucket has what it has.
func TestACursorIsOfThePlaceAndNotOfTheKeys(t *testing.T) {
	t.Parallel()
	seen := make(map[string]string)
	for _, text := range []string{
		"stdout", "syslog+udp://a:514", "syslog+tcp://a:514", "syslog+tls://a:514", "syslog+tcp://b:514",
		"s3://A:S@a/bucket", "s3://A:S@b/bucket", "s3://A:S@a/other", "s3://A:S@a/bucket/p", "s3://A:S@a:9000/bucket",
	} {
		cursor := mustParse(t, text).Cursor()
		if earlier, ok := seen[cursor]; ok {
			t.Errorf("%s and %s share the cursor %s", earlier, text, cursor)
		}
		seen[cursor] = text
	}
	if a, b := mustParse(t, "s3://A:S@a/bucket").Cursor(), mustParse(t, "s3://B:T@a/bucket?region=x").Cursor(); a != b {
		t.Errorf("other keys have another cursor: %s, %s", a, b)
	}
}

func mustParse(t testing.TB, text string) outlet.Target {
	t.Helper()
	targets, err := outlet.Parse(text)
	if err != nil || len(targets) != 1 {
		t.Fatalf("%q: %v, %v", text, targets, err)
	}
	return targets[0]
}

func shown(t testing.TB, targets []outlet.Target) string {
	t.Helper()
	text, err := json.Marshal(targets)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s %v %+v %#v %q", text, targets, targets, targets, targets)
}

// Whatever is read, the marked secret shows nowhere, and what has no keys says what it is.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"stdout", "syslog+udp://host:514", "syslog+tls://[::1]:6514,stdout", "s3://AK:@host/bucket/prefix?region=x&tls=off",
		"s3://AK:%2F/+@host:9000/bucket", "s3://@", "://", "s3://a:b@c/d?;", "s3://%:%@[", "syslog+tcp://[::1%25lo]:1",
	} {
		f.Add(text, 8)
		f.Add(text, 0)
	}
	f.Fuzz(func(t *testing.T, text string, at int) {
		at = max(0, min(at, len(text)))
		const marked = "zQ7zQ7"
		targets, err := outlet.Parse(text[:at] + marked + text[at:])
		if err != nil && (strings.Contains(err.Error(), "zQ7") || !strings.HasPrefix(err.Error(), "target ")) {
			t.Errorf("the error is %q", err)
		}
		for _, target := range targets {
			if strings.Contains(string(target.Secret), "zQ7") && !strings.Contains(target.String(), "zQ7") && strings.Contains(shown(t, targets), string(target.Secret)) {
				t.Errorf("the secret shows: %s", shown(t, targets))
			}
			if target.Kind == "s3" {
				continue
			}
			if again := mustParse(t, target.String()); again != target {
				t.Errorf("%+v is read as %+v", target, again)
			}
		}
	})
}
