package api

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"buildrelay/protocol"
)

const (
	// pollEvery is how often, about, a log is looked at for what follows.
	pollEvery = 500 * time.Millisecond
	// maxReaders is how many calls at a time may stream a log or wait for one.
	maxReaders = 256
)

// Logs reads the logs of an app's log channels.
type Logs interface {
	// ReadLog returns the page of the log behind start; one without entries where
	// there is no log. Errors that [protocol.ErrLogBroken] matches do not pass.
	ReadLog(ctx context.Context, appID, channel string, start protocol.Start) (protocol.Page, error)
}

var errStopping = errors.New("this node is stopping")

// checkLog refuses channels that have no log.
func (c *call) checkLog() error {
	if err := c.checkChannel(); err != nil {
		return err
	}
	if c.app.Logs.Find(c.name) == nil {
		return &failure{status: http.StatusNotFound, message: fmt.Sprintf("%s is not a log channel: no rule of RELAY_LOG_RULES matches it", c.name)}
	}
	return nil
}

// read reads forwards, one page.
func (a *API) read(ctx context.Context, c *call, start protocol.Start) (part, error) {
	page, err := a.readLog(ctx, c, start)
	return newPart(page), err
}

func (a *API) readLog(ctx context.Context, c *call, start protocol.Start) (protocol.Page, error) {
	if err := a.checkStanding(c); err != nil {
		return protocol.Page{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	page, err := a.Logs.ReadLog(ctx, c.app.ID, c.name, start)
	switch {
	case errors.Is(err, protocol.ErrLogBroken):
		return page, fmt.Errorf("%w: %w", &failure{status: http.StatusInternalServerError, message: err.Error()}, err)
	case err != nil:
		return page, unavailable("the log could not be read", err)
	}
	return page, nil
}

// enter counts a call that stays for a while. Its end must call leave.
func (a *API) enter() (leave func(), err error) {
	if a.readers.Add(1) > maxReaders {
		a.readers.Add(-1)
		return nil, &failure{status: http.StatusServiceUnavailable, message: fmt.Sprintf("this node has %d calls that read logs, try again", maxReaders)}
	}
	return func() { a.readers.Add(-1) }, nil
}

// pause waits for about d, so that the calls that wait spread by themselves. An
// error says that there is nothing to wait for any more.
func (a *API) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d*3/4 + rand.N(d/2+1))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-a.Stopping:
		return errStopping
	case <-ctx.Done():
		return ctx.Err()
	}
}
