package transport

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf16"

	"buildrelay/protocol"
)

func TestMessagesThatWaitJoinOneFrame(t *testing.T) {
	var q queue
	q.push([]byte(protocol.FallbackOpen))
	q.add(append(protocol.Text([]byte(`{"a":1}`)), protocol.Text([]byte(`"é"`))...))
	q.add(protocol.Text(nil))
	f := q.take(100)
	if want := "o\n" + `a["{\"a\":1}","\"é\"",""]` + "\n"; string(f.text) != want || !f.opens() || f.units != len(want)-1 {
		t.Errorf("got %q of %d units, opens: %v, want %q", f.text, f.units, f.opens(), want)
	}
	if !q.empty() {
		t.Errorf("%d bytes are left", q.size)
	}
	q.add(protocol.Text([]byte("x")))
	if f := q.take(100); string(f.text) != "a[\"x\"]\n" || f.opens() {
		t.Errorf("got %q, opens: %v", f.text, f.opens())
	}
}

func TestAPingAndACloseEndTheFrameBefore(t *testing.T) {
	var q queue
	q.add(protocol.Text([]byte("x")))
	q.add(protocol.Control(protocol.OpPing, nil))
	q.add(protocol.Text([]byte("y")))
	q.add(protocol.CloseFrame(4200, "bye"))
	const want = "a[\"x\"]\nh\na[\"y\"]\nc[4200,\"bye\"]\n"
	if f := q.take(len(want)); string(f.text) != want {
		t.Errorf("got %q, want %q", f.text, want)
	}
}

func TestWhatIsTakenIsAsLongAsItMayBe(t *testing.T) {
	var q queue
	for range 3 {
		q.add(protocol.Control(protocol.OpPing, nil)) // of two units
	}
	if f := q.take(5); string(f.text) != "h\nh\n" {
		t.Errorf("got %q", f.text)
	}
	if f := q.take(1); string(f.text) != "h\n" {
		t.Errorf("of what is longer than it may be got %q", f.text)
	}
}

func TestWhatIsGivenBackComesAgainFirst(t *testing.T) {
	var q queue
	q.push([]byte(protocol.FallbackOpen))
	q.add(protocol.Text([]byte("x")))
	f := q.take(100)
	q.add(protocol.Text([]byte("y")))
	q.back(f)
	if again := q.take(0); string(again.text) != "o\na[\"x\"]\n" || !again.opens() {
		t.Errorf("got %q, opens: %v", again.text, again.opens())
	}
	if rest := q.take(0); string(rest.text) != "a[\"y\"]\n" || !q.empty() {
		t.Errorf("got %q, %d bytes are left", rest.text, q.size)
	}
}

// TestNothingIsLostInAQueue compares a queue with what was put into it.
func TestNothingIsLostInAQueue(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	alphabet := []string{"a", `"`, `\`, "é", "😀", "\u2028", strings.Repeat("long ", 3000)}
	q := queue{translations: new(translations)}
	var put, got []string
	for range 400 {
		switch random.IntN(4) {
		case 0, 1:
			message := alphabet[random.IntN(len(alphabet))] + alphabet[random.IntN(len(alphabet))]
			put = append(put, message)
			q.add(protocol.Text([]byte(message)))
		case 2:
			q.add(protocol.Control(protocol.OpPing, nil))
		case 3:
			if q.empty() {
				continue
			}
			f := q.take(random.IntN(200_000))
			if random.IntN(3) == 0 {
				q.back(f)
				continue
			}
			got = append(got, messagesIn(t, f)...)
		}
	}
	for !q.empty() {
		got = append(got, messagesIn(t, q.take(0))...)
	}
	if strings.Join(put, "\n") != strings.Join(got, "\n") || q.size != 0 {
		t.Errorf("seed %d: %d messages became %d, %d bytes are left", seed, len(put), len(got), q.size)
	}
}

// messagesIn reads frames as a client does.
func messagesIn(t *testing.T, f frame) (messages []string) {
	t.Helper()
	if units := len(utf16.Encode([]rune(string(f.text)))); units != f.units {
		t.Fatalf("%d units are counted as %d", units, f.units)
	}
	for line := range strings.Lines(string(f.text)) {
		if line == "h\n" {
			continue
		}
		var array []string
		if err := json.Unmarshal([]byte(line[1:]), &array); err != nil || line[0] != 'a' {
			t.Fatalf("%q: %v", line, err)
		}
		messages = append(messages, array...)
	}
	return messages
}
