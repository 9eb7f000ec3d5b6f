package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// failure is an answer that is not a success.
type failure struct {
	status  int
	message string
	allow   string // the methods that would do, where the one that was used does not
	cause   string // what records say of calls that were refused; empty where none do
}

func (f *failure) Error() string { return f.message }

func badRequest(format string, args ...any) error {
	return &failure{status: http.StatusBadRequest, message: fmt.Sprintf(format, args...)}
}

// unavailable is the answer where Redis, or what stands before it, failed: the sender
// is told the message alone.
func unavailable(message string, err error) error {
	return fmt.Errorf("%w: %w", &failure{status: http.StatusServiceUnavailable, message: message + ", try again"}, err)
}

// bodyFailure tells a body that is too large from one that broke off.
func bodyFailure(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &failure{
			status:  http.StatusRequestEntityTooLarge,
			message: fmt.Sprintf("the body exceeds %d bytes", tooLarge.Limit),
		}
	}
	return badRequest("the body could not be read")
}

// statusOf turns an error into a status and a text for the sender: the one place
// where that is decided.
func statusOf(err error) (status int, message string) {
	var failed *failure
	var refused *auth.RequestError
	var invalid *protocol.Error
	switch {
	case errors.As(err, &failed):
		return failed.status, failed.message
	case errors.As(err, &refused):
		return refused.Status, refused.Message
	case errors.As(err, &invalid) && invalid.TooLarge:
		return http.StatusRequestEntityTooLarge, invalid.Message
	case errors.As(err, &invalid):
		return http.StatusBadRequest, invalid.Message
	case errors.Is(err, protocol.ErrLogGone):
		return http.StatusConflict, "log gone: " + protocol.ErrLogGone.Error()
	case errors.Is(err, protocol.ErrNotReplicated):
		return http.StatusServiceUnavailable, "not replicated: " + protocol.ErrNotReplicated.Error() + "; try again with the same id"
	case errors.Is(err, protocol.ErrFull):
		return http.StatusServiceUnavailable, "storage full: " + protocol.ErrFull.Error()
	case errors.Is(err, protocol.ErrMaskKeys):
		return http.StatusConflict, "no keys: " + protocol.ErrMaskKeys.Error()
	case errors.Is(err, protocol.ErrMasksFull):
		return http.StatusConflict, "masks full: " + protocol.ErrMasksFull.Error()
	case errors.Is(err, protocol.ErrMasksUnread):
		return http.StatusServiceUnavailable, "masks unread: " + protocol.ErrMasksUnread.Error() + ", try again"
	case errors.Is(err, protocol.ErrLogClosed):
		return http.StatusConflict, "log closed: " + protocol.ErrLogClosed.Error()
	default:
		return http.StatusServiceUnavailable, "the event could not be published, try again"
	}
}

// warn logs a failure, one in a second: while Redis is away all calls fail.
func (a *API) warn(err error) {
	if now := a.Now().Unix(); a.warned.Swap(now) != now {
		a.Log.Warn("HTTP API calls fail", "error", err)
	}
}

// writeError answers with the error's status. What is our own fault is logged.
func (a *API) writeError(w http.ResponseWriter, err error) (status int) {
	status, message := statusOf(err)
	if status >= http.StatusInternalServerError {
		a.warn(err)
	}
	var failed *failure
	if errors.As(err, &failed) && failed.allow != "" {
		w.Header().Set("Allow", failed.allow)
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, message+"\n") // the client may be gone
	return status
}
