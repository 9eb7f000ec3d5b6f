package webhook

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"buildrelay/auth"
)

// deliver makes one request; a letter has been taken if the error is nil. It blocks for
// requestTime at the most.
func deliver(ctx context.Context, client *http.Client, hook *auth.Webhook, l *letter) error {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	request, err := l.request(ctx, hook)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("a webhook's request: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		err = statusError(response.StatusCode)
	}
	// A connection serves again when its answer was read; what else the answer says does
	// not matter.
	_, _ = io.CopyN(io.Discard, response.Body, mostBody)
	return err
}
