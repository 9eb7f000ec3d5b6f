package relaytest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"buildrelay/relay/relaytest"
)

// echo sends every message back, answers pings and ends when the client does.
func echo(t *testing.T) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var upgrader websocket.Upgrader
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		for {
			kind, message, err := conn.ReadMessage()
			if err != nil || string(message) == "cut" {
				return
			}
			_ = conn.WriteMessage(kind, message)
		}
	}))
	t.Cleanup(server.Close)
	return "ws" + strings.TrimPrefix(server.URL, "http")
}

func TestClientKeepsWhatComesInOrder(t *testing.T) {
	t.Parallel()
	c := relaytest.DialWS(t, echo(t), relaytest.WSOptions{})
	c.Send(`{"event":"a","channel":"c","data":"{}"}`)
	c.Ping("p")
	c.Send(`{"event":"pusher:error","data":{"code":null,"message":"no such thing"}}`)
	if r := c.Expect("a"); r.Channel != "c" || r.DataString(t) != "{}" {
		t.Errorf("got %+v", r)
	}
	c.ExpectError(0, "such")
	c.Close(websocket.CloseNormalClosure)
	c.ExpectClose(websocket.CloseNormalClosure)
	var kinds []string
	for _, r := range c.Received() {
		kinds = append(kinds, r.Kind)
	}
	if diff := cmp.Diff([]string{"message", "pong", "message", "close"}, kinds); diff != "" {
		t.Error(diff)
	}
}

func TestClientTellsACutFromAClose(t *testing.T) {
	t.Parallel()
	c := relaytest.DialWS(t, echo(t), relaytest.WSOptions{})
	c.Send("cut")
	if r := c.Next(); r.Kind != "cut" {
		t.Errorf("got %s", r)
	}
}

func TestRawFramesAreWhatTheySay(t *testing.T) {
	t.Parallel()
	c := relaytest.DialWS(t, echo(t), relaytest.WSOptions{})
	long := strings.Repeat("x", 70_000)
	frames := []relaytest.RawFrame{
		{Opcode: relaytest.OpText, Payload: []byte(`{"event":"fragm`)},
		{Final: true, Opcode: relaytest.OpPing, Payload: []byte("in between")},
		{Final: true, Opcode: relaytest.OpContinuation, Payload: []byte(`ents","data":"` + long + `"}`)},
	}
	for _, frame := range frames {
		if err := c.WriteRaw(frame.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	if r := c.AwaitPong(); r.Text != "in between" {
		t.Errorf("pong with %q", r.Text)
	}
	if r := c.Expect("fragments"); r.DataString(t) != long {
		t.Errorf("%d bytes came back", len(r.Data))
	}
	// A server must refuse frames that are not masked (RFC 6455, section 5.1).
	_ = c.WriteRaw(relaytest.RawFrame{Final: true, Opcode: relaytest.OpText, Unmasked: true}.Bytes())
	c.ExpectClose(websocket.CloseProtocolError)
}

func TestRawFrameClaimsAnotherLength(t *testing.T) {
	t.Parallel()
	frame := relaytest.RawFrame{
		Final: true, Reserved: 4, Opcode: relaytest.OpBinary, Payload: []byte{0, 0}, Claim: 1 << 40, Unmasked: true,
	}
	want := []byte{0xC2, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}
	if diff := cmp.Diff(want, frame.Bytes()); diff != "" {
		t.Error(diff)
	}
}
