package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"buildrelay/auth"
)

// keysSeal is 'buildrelay keys seal'. The secret is no argument: arguments are for all to see.
func keysSeal(ctx context.Context, c Config, out io.Writer) error {
	file, err := c.openKeys(ctx)
	if err != nil {
		return err
	}
	secret, err := readNewSecret(os.Stdin)
	if err != nil {
		return fmt.Errorf("reading the secret: %w", err)
	}
	text, err := file.Keys().SealSecret(secret)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, text)
	return err
}

// readNewSecret reads a secret, without the line end that files have. On a terminal it is not shown.
func readNewSecret(from *os.File) (auth.Secret, error) {
	if term.IsTerminal(int(from.Fd())) {
		fmt.Fprint(os.Stderr, "Secret: ")
		typed, err := term.ReadPassword(int(from.Fd()))
		fmt.Fprintln(os.Stderr)
		return auth.Secret(typed), err
	}
	text, err := io.ReadAll(io.LimitReader(from, mostSecretFile+1))
	if err == nil && len(text) > mostSecretFile {
		err = fmt.Errorf("it is larger than %d KiB", mostSecretFile>>10)
	}
	return auth.Secret(strings.TrimSpace(string(text))), err
}
