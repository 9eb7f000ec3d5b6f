package appsfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"buildrelay/auth"
)

// mostBytes is the most that an apps file may hold.
const mostBytes = 4 << 20

// Parse reads an apps file. The error is one for each thing that is wrong, with its line.
func Parse(text []byte, secrets Secrets) ([]auth.App, error) {
	root, err := parseYAML(text)
	if err != nil {
		return nil, err
	}
	r := &reader{secrets: secrets, ids: map[string]int{}, keys: map[string]int{}}
	var apps []auth.App
	r.fields(root, "", []field{{"apps", func(n *yaml.Node, path string) {
		r.each(n, path, func(n *yaml.Node, _ string) { apps = append(apps, r.app(n)) })
	}}})
	if len(apps) == 0 && len(r.faults) == 0 {
		r.fault(root, "apps", "it is missing; it must be a list of apps")
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return apps, nil
}

// parseYAML returns the one document of a text, which may be JSON. It has no anchors and no tags: what is
// written is what there is.
func parseYAML(text []byte) (*yaml.Node, error) {
	if len(text) > mostBytes {
		return nil, fmt.Errorf("it is larger than %d MiB", mostBytes>>20)
	}
	text = plainJSON(text)
	documents := yaml.NewDecoder(bytes.NewReader(text))
	root, err := nextDocument(documents)
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("it is empty")
	case err != nil:
		return nil, syntaxError(text, err)
	}
	if err := checkPlain(root); err != nil {
		return nil, err
	}
	second, err := nextDocument(documents)
	switch {
	case errors.Is(err, io.EOF):
		return root, nil
	case err != nil:
		return nil, syntaxError(text, err)
	default:
		return nil, fmt.Errorf("line %d: a second document begins; there must be one", second.Line)
	}
}

// nextDocument returns the outermost value of a document, or io.EOF. Where the library
// takes a text for a mistake of its own it is the text's.
func nextDocument(documents *yaml.Decoder) (root *yaml.Node, err error) {
	defer func() {
		if recover() != nil {
			root, err = nil, errors.New("it is no YAML")
		}
	}()
	var document yaml.Node
	if err := documents.Decode(&document); err != nil {
		return nil, err
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) != 1 {
		return nil, errors.New("it is no YAML")
	}
	return document.Content[0], nil
}

// syntaxError is what the library says is wrong, but for values, which may be secrets: it
// takes a secret that begins with * for an alias, and tells its name.
func syntaxError(text []byte, err error) error {
	said := strings.TrimPrefix(err.Error(), "yaml: ")
	name := regexp.MustCompile(`unknown anchor '(.*)' referenced`).FindStringSubmatch(said)
	if name == nil {
		return errors.New(said)
	}
	before, _, _ := bytes.Cut(text, []byte("*"+name[1]))
	return fmt.Errorf("line %d: aliases are not allowed; put a value that begins with * into quotes", bytes.Count(before, []byte("\n"))+1)
}

// checkPlain refuses anchors, aliases and tags.
func checkPlain(n *yaml.Node) error {
	r := new(reader)
	r.checkPlain(n)
	return r.err()
}

func (r *reader) checkPlain(n *yaml.Node) {
	switch {
	case n.Kind == yaml.AliasNode:
		r.fault(n, "", "aliases are not allowed; put a value that begins with * into quotes")
	case n.Anchor != "":
		r.fault(n, "", "anchors are not allowed; put a value that begins with & into quotes")
	case n.Style&yaml.TaggedStyle != 0:
		r.fault(n, "", "tags are not allowed; put a value that begins with ! into quotes")
	}
	for _, child := range n.Content {
		if !r.full() {
			r.checkPlain(child)
		}
	}
}
