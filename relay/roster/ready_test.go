package roster_test

import (
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// Anybody may read why a node is not ready. Where Redis is stands in the log.
func TestANodeThatIsNotReadyDoesNotSayWhereRedisIs(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	a := newNode(t, server.URL())
	server.Stop()
	a.start()
	var text string
	relaytest.Eventually(t, "it is not ready", func() bool {
		if err := a.Ready(); err != nil {
			text = err.Error()
		}
		return text != ""
	})
	address := server.Address()
	if strings.Contains(text, address[:strings.LastIndex(address, ":")]) || strings.Contains(text, "dial") {
		t.Errorf("it says %q", text)
	}
	if !a.told.logged.has(address) {
		t.Error("the log does not say where")
	}
}
