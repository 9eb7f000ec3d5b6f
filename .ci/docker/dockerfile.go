package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// parseDockerfile returns the stages of a Dockerfile. It is an error if Docker's own
// linter has anything to say.
func parseDockerfile(path string) ([]instructions.Stage, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	parsed, err := parser.Parse(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var warnings []error
	lint := linter.New(&linter.Config{
		Warn: func(rule, _, _, message string, where []parser.Range) {
			line := 0
			if len(where) > 0 {
				line = where[0].Start.Line
			}
			warnings = append(warnings, fmt.Errorf("%s:%d: %s: %s", path, line, rule, message))
		},
	})
	stages, _, err := instructions.Parse(parsed.AST, lint)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(warnings) > 0 {
		return nil, warnings[0]
	}
	return stages, nil
}
