package visit

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// newSession is a name as pusher-js makes them for its sessions.
func newSession() string {
	name := make([]byte, 5)
	_, _ = rand.Read(name) // never fails
	return strings.ToLower(base32.HexEncoding.EncodeToString(name))
}

// Stream does what browsers do that cannot have a WebSocket: it asks for an answer without an end,
// and waits until the greeting has come on it. A proxy that holds answers back until they are
// whole keeps it waiting as long as ctx lets it.
func Stream(ctx context.Context, r Relay) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the answer
	path := "/pusher/app/" + r.Key + "/0/" + newSession() + "/xhr_streaming"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.at(r.URL.Scheme, path)+"?protocol=7&client=buildrelay-check&version=1", http.NoBody)
	if err != nil {
		return err
	}
	response, err := r.client().Do(request)
	if err != nil {
		return withoutURL(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the answer was %s", response.Status)
	}
	lines := bufio.NewScanner(io.LimitReader(response.Body, mostBytes))
	for lines.Scan() {
		if strings.Contains(lines.Text(), "pusher:connection_established") {
			return nil
		}
	}
	return errors.Join(errors.New("the answer ended before the greeting"), lines.Err())
}
