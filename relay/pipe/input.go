package pipe

import (
	"context"
	"fmt"
	"io"
)

// readInput takes standard input for the output of a build that somebody else
// runs. How that ends is not told by a pipe, so the exit code is 0 and unknown.
//
// It returns when c.Stdin ends, and looks at ctx between two reads only: a
// caller that wants to stop it lets its reader end.
func readInput(ctx context.Context, c Config, stdout io.Writer) (Exit, error) {
	if c.Stdin == nil {
		return Exit{Unknown: true}, nil
	}
	untilDone := readerFunc(func(p []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, io.EOF
		}
		return c.Stdin.Read(p)
	})
	if _, err := io.Copy(stdout, untilDone); err != nil {
		return Exit{Code: 1, Unknown: true}, fmt.Errorf("copying standard input: %w", err)
	}
	return Exit{Unknown: true}, nil
}

// readerFunc is a function that reads.
type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
