package main

import (
	"strings"

	"buildrelay/relay/wholefile"
)

// mostSecretFile is more than a file with a secret needs, in bytes.
const mostSecretFile = 64 << 10

// readSecret reads a file that nobody else may read.
func readSecret(file string) (string, error) {
	text, err := wholefile.ReadPrivate(file, mostSecretFile)
	return strings.TrimSpace(string(text)), err
}
