package webhook_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"

	"buildrelay/auth"
	"buildrelay/relay/relaytest"
)

// names is a name server whose answers the test decides, for each question anew.
type names struct {
	mu      sync.Mutex
	serving sync.WaitGroup
	// answers are the addresses for one question after the other; the last stays.
	answers [][]string
	asked   int
}

// resolver asks n, over TCP's framing, which is what Go uses where it is given no packets.
func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		n.serving.Go(func() { n.serve(theirs) })
		return ours, nil
	}}
}

func (n *names) serve(conn net.Conn) {
	defer conn.Close()
	for {
		var length uint16
		if binary.Read(conn, binary.BigEndian, &length) != nil {
			return
		}
		question := make([]byte, length)
		if _, err := io.ReadFull(conn, question); err != nil {
			return
		}
		answer := n.answer(question)
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

// answer answers questions for A and AAAA.
func (n *names) answer(question []byte) []byte {
	end := 12
	for question[end] != 0 {
		end += int(question[end]) + 1
	}
	kind := binary.BigEndian.Uint16(question[end+1:])
	answer := append([]byte(nil), question[:end+5]...)
	answer[2], answer[3] = 0x81, 0x80
	copy(answer[4:12], []byte{0, 1, 0, 0, 0, 0, 0, 0})
	for _, address := range n.next(kind) {
		bytes := address.AsSlice()
		answer = append(answer, 0xC0, 12, byte(kind>>8), byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(len(bytes)))
		answer = append(answer, bytes...)
		answer[7]++
	}
	return answer
}

func (n *names) next(kind uint16) (found []netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if kind == 1 {
		n.asked++
	}
	for _, text := range n.answers[min(max(n.asked, 1), len(n.answers))-1] {
		if address := netip.MustParseAddr(text); address.Is4() == (kind == 1) {
			found = append(found, address)
		}
	}
	return found
}

// Row 88: what a name means is looked at where it is connected to. Nothing is connected to
// here: the public addresses are of networks that are not, or on other ports.
func TestANameThatMeansWhatIsInsideIsRefused(t *testing.T) {
	cases := map[string]struct {
		port    string
		answers [][]string
	}{
		"loopback":           {"80", [][]string{{"127.0.0.1"}}},
		"IPv6":               {"80", [][]string{{"fd00:ec2::254"}}},
		"both":               {"443", [][]string{{"10.0.0.1", "::1"}}},
		"first outside":      {"6379", [][]string{{"192.0.2.1"}, {"127.0.0.1"}}},
		"outside and inside": {"6379", [][]string{{"1.1.1.1", "127.0.0.1"}}},
		"hidden":             {"80", [][]string{{"64:ff9b::7f00:1"}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			server := &names{answers: c.answers}
			r := newRig(t, nil, auth.Webhook{URL: "http://rebound.example.com:" + c.port + "/"})
			r.sender.SetResolver(server.resolver())
			r.run()
			r.put(on("a"), on("b"))
			relaytest.Eventually(t, "both are refused", func() bool { return r.called("forbidden") == 2 })
			if n := r.called("failed") + r.called("delivered"); n != 0 {
				t.Errorf("%d requests were made", n)
			}
			r.stop()
			server.serving.Wait()
		})
	}
}
