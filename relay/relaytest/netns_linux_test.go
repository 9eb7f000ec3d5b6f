package relaytest_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

func TestLinkOfANamespaceIsSilentWhileItIsCut(t *testing.T) {
	t.Parallel()
	n, link := relaytest.NewNamespace(t)
	server := relaytest.StartRedis(t, relaytest.RedisIn(link))
	if got := server.Client().Ping(t.Context()).Val(); got != "PONG" {
		t.Fatalf("from outside a server in a namespace answers %q", got)
	}
	listener, err := net.Listen("tcp4", net.JoinHostPort(link.Outside, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	inside, err := n.Dial(t.Context(), "tcp4", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	outside, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	if from := outside.RemoteAddr().String(); !strings.HasPrefix(from, link.Inside+":") {
		t.Errorf("who connects within the namespace comes from %s", from)
	}

	link.Cut()
	for name, between := range map[string][2]net.Conn{"in": {outside, inside}, "out": {inside, outside}} {
		if err := carry(between[0], between[1], name); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("on the way %s of a link that is cut: %v", name, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := n.Dial(ctx, "tcp4", listener.Addr().String()); !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("connecting over a link that is cut: %v", err)
	}

	link.Mend()
	_ = outside.SetReadDeadline(time.Now().Add(relaytest.Patience))
	if err := carry(inside, outside, ""); err != nil {
		t.Errorf("after the link was mended: %v", err)
	}
}

// carry writes to one end and reads at the other, which must be told the text soon. Without
// a text it reads what was written before.
func carry(from, to net.Conn, text string) error {
	if text != "" {
		_ = to.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	}
	if _, err := from.Write([]byte(text)); err != nil {
		return err
	}
	_, err := to.Read(make([]byte, 10))
	return err
}

func TestRelayAndMasterRunInANamespace(t *testing.T) {
	t.Parallel()
	_, link := relaytest.NewNamespace(t)
	group := relaytest.StartRedisSentinel(t, relaytest.SentinelAcross(link))
	relay := relaytest.StartRelayIn(t, link, map[string]string{"RELAY_REDIS_URL": "redis://" + group.Master().Address()})
	if !strings.HasPrefix(relay.Address, link.Inside+":") {
		t.Errorf("the relay listens at %s", relay.Address)
	}
	link.Cut()
	first := group.Master()
	if group.AwaitPromotion() == first {
		t.Error("the master on the other side of the cut is still it")
	}
	link.Mend()
	group.AwaitSync()
	if group.Replica() != first {
		t.Error("the old master is no replica")
	}
}
