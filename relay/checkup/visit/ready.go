package visit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// ErrUnready matches the errors of a relay that answers, and says that it is not ready.
var ErrUnready = errors.New("it is not ready")

// Ready asks a path such as /readyz, and returns nil where the answer is 200.
func Ready(ctx context.Context, r Relay, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.at(r.URL.Scheme, path), http.NoBody)
	if err != nil {
		return err
	}
	response, err := r.client().Do(request)
	if err != nil {
		return withoutURL(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: %s, %.200q", ErrUnready, response.Status, strings.TrimSpace(string(text)))
	}
	return nil
}

func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
