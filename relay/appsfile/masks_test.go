package appsfile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/appsfile"
)

func TestMaskRulesAreRead(t *testing.T) {
	t.Parallel()
	want := protocol.MaskRules{
		{Pattern: "private-build-*", Field: "log.line", Shapes: true, Notice: true},
		{Pattern: "a-*", Field: "text"},
		{Pattern: "*", Field: "text", Shapes: true},
	}
	got, err := appsfile.ParseMaskRules(" private-build-* field=log.line shapes=on notice=on; ;a-* shapes=off;* shapes=on")
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (- want, + got):\n%s", err, diff)
	}
	apps, err := appsfile.Parse([]byte(inApp("masks:", "  - {channels: private-build-*, field: log.line, shapes: true, notice: true}", "  - channels: a-*", "  - {channels: '*', shapes: true}")), fromFiles())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, apps[0].Masks); diff != "" {
		t.Errorf("of the apps file (- want, + got):\n%s", diff)
	}
	all, err := auth.NewApps(apps...)
	if err != nil {
		t.Fatal(err)
	}
	if got := all.MaskRules("ci").Find("private-build-7"); got == nil || got.Field != "log.line" {
		t.Errorf("found %+v", got)
	}
	if got := all.MaskRules("none").Find("private-build-7"); got != nil {
		t.Errorf("of no app: %+v", got)
	}
}

func TestWrongMaskRulesAreRefusedByName(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"bad:name":                 `"bad:name" is no channel name`,
		"a shapes=yes":             "shapes=yes: it must be on or off",
		"a notice":                 "notice: it must be on or off",
		"a field=":                 "field=: it must be the name of a member",
		"a field=a:b":              "field=a:b: it must be the name of a member",
		"a colour=red":             `"colour=red" is none of field=, shapes= and notice=`,
		"a shapes=on shapes=off":   "shapes= is there twice",
		"ok shapes=on; b shapes=1": `rule "b shapes=1"`,
	} {
		if _, err := appsfile.ParseMaskRules(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"masks: []":                             "line 4: masks: it must be a list of at least one",
		"masks: [{}]":                           "line 4: masks[0].channels: it is missing",
		"masks: [{channels: 'a b'}]":            "line 4: masks[0].channels: it is no channel name with * for any characters",
		"masks: [{channels: a, shapes: maybe}]": "line 4: masks[0].shapes: it must be true or false",
		"masks: [{channels: a, field: 'a b'}]":  "line 4: masks[0].field: it must be the name of a member",
		"masks: [{channels: a, colour: red}]":   "line 4: masks[0]: there is no field colour; it may have channels, field, shapes, notice",
	} {
		if _, err := appsfile.Parse([]byte(inApp(text)), fromFiles()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
