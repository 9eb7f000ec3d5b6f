package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/CONFIG.md")

const configDoc = "../../docs/CONFIG.md"

// docs/CONFIG.md is made of the comments in config.go:
// go test ./cmd/buildrelay -run ConfigDoc -update
func TestConfigDocIsFresh(t *testing.T) {
	want := renderConfigDoc(t)
	if *update {
		if err := os.WriteFile(configDoc, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(configDoc)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/CONFIG.md is stale, write it with -update (- wanted, + there):\n%s", diff)
	}
}

func renderConfigDoc(t *testing.T) string {
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(`# Settings

<!-- Made from the comments in cmd/buildrelay/config.go; go test ./cmd/buildrelay -run ConfigDoc -update -->

` + "`buildrelay serve` is configured by environment variables. What is wrong with them is told at the start, all at\nonce." + `

| setting | default | what it does |
|---|---|---|
`)
	for _, field := range configFields(t, file) {
		if !field.Names[0].IsExported() {
			continue // no setting
		}
		if field.Doc == nil {
			t.Errorf("%s has no comment", field.Names[0])
			continue
		}
		name := field.Names[0].Name
		fallback := defaultOf(name)
		text := strings.Join(strings.Fields(field.Doc.Text()), " ")
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", settingOf(name), fallback, strings.ReplaceAll(text, "|", "\\|"))
	}
	return b.String()
}

// configFields returns the fields of type Config.
func configFields(t *testing.T, file *ast.File) []*ast.Field {
	object := file.Scope.Lookup("Config")
	if object == nil {
		t.Fatal("config.go has no type Config")
	}
	return object.Decl.(*ast.TypeSpec).Type.(*ast.StructType).Fields.List
}

// defaultOf returns the default of the setting that a field of Config holds.
func defaultOf(field string) string {
	f, _ := reflect.TypeFor[Config]().FieldByName(field)
	if fallback := f.Tag.Get("envDefault"); fallback != "" {
		return "`" + fallback + "`"
	}
	return ""
}
