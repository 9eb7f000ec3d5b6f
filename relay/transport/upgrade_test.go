package transport_test

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/relay/metrics"
	"buildrelay/relay/transport"
)

// slowUpgrade lets go of its connection when it is released.
type slowUpgrade struct {
	http.ResponseWriter
	release chan struct{}
}

func (w slowUpgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	<-w.release
	return nil, nil, errors.New("it has gone")
}

// The server does not wait for a request whose connection was taken from it.
func TestAClientThatIsBeingUpgradedIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws := &transport.WebSocket{Entrance: transport.Entrance{Metrics: metrics.New(prometheus.NewRegistry())}}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/app/key", nil)
		for name, value := range map[string]string{
			"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
		} {
			r.Header.Set(name, value)
		}
		w := slowUpgrade{httptest.NewRecorder(), make(chan struct{})}
		go ws.ServeHTTP(w, r) // Wait waits for it
		synctest.Wait()
		waited := make(chan struct{})
		go func() { // <-waited waits for it
			ws.Wait()
			close(waited)
		}()
		synctest.Wait()
		select {
		case <-waited:
			t.Error("it is not")
		default:
		}
		close(w.release)
		<-waited
	})
}
