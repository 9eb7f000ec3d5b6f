package main

import (
	"slices"
	"strings"
	"testing"
)

func TestPipeMasksTheValuesOfVariables(t *testing.T) {
	environ := []string{"TOKEN=tok-3n?/Zq", "KEY=first-line\nsecond-line", "EMPTY=", "SHORT=abc42", "WORD=password", "OTHER=not-named"}
	for _, tt := range []struct{ names, want string }{
		{"TOKEN", "*** first-line second-line not-named AKIA***"},
		{"TOKEN, KEY,EMPTY", "*** *** not-named AKIA***"},
		{"EMPTY", "tok-3n?/Zq first-line second-line not-named AKIA***"},
	} {
		c, err := pipeOf(tt.names).configure(t.Context(), append(environ, "RELAY_APP_ID=3", "RELAY_REDIS_URL=redis://127.0.0.1:1"))
		if err != nil {
			t.Fatalf("%s: %v", tt.names, err)
		}
		if got := c.Mask.Mask("tok-3n?/Zq first-line second-line not-named AKIAIOSFODNN7EXAMPLE"); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.names, got, tt.want)
		}
	}
	if set, err := maskedValues(nil, environ); set != nil || err != nil {
		t.Errorf("with no names: %v, %v", set, err)
	}
}

func TestPipeRunsNothingIfItCannotMask(t *testing.T) {
	environ := []string{"TOKEN=tok-3n?/Zq", "SHORT=abc42", "WORD=passw0rd1\r\n", "NUMBER=123456", "COMMON=password"}
	for names, want := range map[string]string{
		"TOKEN,NOWHERE": "name 2 of 2 is not set",
		"TOKEN,":        "name 2 of 2 is not set",
		"SHORT":         "SHORT cannot be masked: shorter than 6 bytes",
		"WORD,COMMON":   "COMMON cannot be masked: a common word",
		"NUMBER,TOKEN":  "NUMBER cannot be masked: a short number",
	} {
		_, err := pipeOf(names).configure(t.Context(), environ)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", names, err)
			continue
		}
		for _, entry := range environ {
			if _, value, _ := strings.Cut(entry, "="); value != "password" && strings.Contains(err.Error(), strings.TrimSpace(value)) {
				t.Errorf("%s: the error tells a value: %v", names, err)
			}
		}
	}
}

// Whoever forgets that it takes a name gives the value.
func TestPipeDoesNotTellWhatIsNoName(t *testing.T) {
	_, err := pipeOf("A,glpat-s3cr3t").configure(t.Context(), []string{"A=first-secret"})
	if err == nil || strings.Contains(err.Error(), "s3cr3t") || !strings.Contains(err.Error(), "name 2 of 2") {
		t.Errorf("the error is %v", err)
	}
}

func TestMaskEnvMayBeGivenAgainAndIsNeverEmpty(t *testing.T) {
	f, err := parsePipeFlags([]string{"--channel", "private-build-1", "--mask-env", "A", "--mask-env", "B, C", "--", "true"})
	if want := []string{"A", "B", "C"}; err != nil || !slices.Equal(f.maskEnv, want) {
		t.Errorf("the names are %q, %v, want %q", f.maskEnv, err, want)
	}
	for _, empty := range []string{"", " ", ","} {
		if _, err := parsePipeFlags([]string{"--channel", "private-build-1", "--mask-env", "A", "--mask-env", empty}); err == nil {
			t.Errorf("%q is taken", empty)
		}
	}
}

func pipeOf(names string) pipeFlags {
	var f pipeFlags
	_ = f.addMasked(names) // it has one
	f.config.Channel = "private-build-1"
	return f
}
