package auth_test

import (
	"encoding/hex"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// What is refused takes as long whether much or little of it was right. Each pair is called
// 100,000 times in an order of chance, and the times are compared by Welch's t-test; above 4.5,
// three times in a row, they are told apart.
func TestTheTimeOfARefusalTellsNothing(t *testing.T) {
	if !relaytest.Full() {
		t.Skip("measures for a minute: RELAY_TEST_FULL=1 runs it")
	}
	app := keyed()
	call := func(key auth.Key, change func(string) string) func() {
		r := auth.Request{Method: http.MethodGet, Path: "/apps/3/channels"}
		query, signature, _ := strings.Cut(auth.SignRequest(key, r.Method, r.Path, nil, nil, docTime()), "auth_signature=")
		signature, rest, _ := strings.Cut(signature, "&")
		r.RawQuery = query + "auth_signature=" + change(signature) + "&" + rest
		return func() {
			if app.CheckRequest(r, docTime()) == nil {
				t.Error("it is not refused")
			}
		}
	}
	subscribe := func(change func(string) string) func() {
		s := protocol.Subscribe{Channel: "private-x", Auth: "first:" + change(auth.ChannelSignature("s-first", docSocket, "private-x", nil))}
		return func() {
			if app.CheckSubscribe(docSocket, s) == nil {
				t.Error("it is not refused")
			}
		}
	}
	same := func(signature string) string { return signature }
	for name, pair := range map[string][2]func(){
		"the first or the last digit of a call's signature":         {call(keyNamed("first"), flip(0)), call(keyNamed("first"), flip(63))},
		"the first or the last digit of a subscription's signature": {subscribe(flip(0)), subscribe(flip(63))},
		"a key that is unknown or revoked":                          {call(keyNamed("oll"), same), call(keyNamed("old"), same)},
	} {
		if told := toldApart(pair); told != 0 {
			t.Errorf("%s: t = %.1f", name, told)
		}
	}
	// What compares digit by digit is found out: else the test would prove nothing.
	naive := func(signature string) func() {
		right := auth.ChannelSignature("s-first", docSocket, "private-x", nil)
		return func() { sink = equalDigitByDigit(right, signature) }
	}
	right := auth.ChannelSignature("s-first", docSocket, "private-x", nil)
	if toldApart([2]func(){naive(flip(0)(right)), naive(flip(63)(right))}) == 0 {
		t.Error("a comparison that stops at the first wrong digit is not found out")
	}
}

// sink keeps the compiler from leaving out what nobody looks at.
var sink bool

func equalDigitByDigit(a, b string) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// flip makes one digit of a signature wrong.
func flip(at int) func(string) string {
	return func(signature string) string {
		digits, _ := hex.DecodeString(signature)
		digits[at/2] ^= 1 << (4 * (1 - at%2))
		return hex.EncodeToString(digits)
	}
}

// toldApart is the least t of three measurements, 0 if one of them did not tell the two apart.
func toldApart(pair [2]func()) float64 {
	const samples, threshold = 100_000, 4.5
	least := math.Inf(1)
	for range 3 {
		least = min(least, math.Abs(welch(measure(pair, samples))))
		if least < threshold {
			return 0
		}
	}
	return least
}

// measure returns the times of so many calls of each, in nanoseconds, without the slowest
// twentieth of all: what the machine did meanwhile.
func measure(pair [2]func(), samples int) (times [2][]float64) {
	all := make([]float64, 0, 2*samples)
	for len(times[0]) < samples || len(times[1]) < samples {
		i := rand.IntN(2)
		if len(times[i]) == samples {
			i = 1 - i
		}
		begun := time.Now()
		pair[i]()
		took := float64(time.Since(begun))
		times[i], all = append(times[i], took), append(all, took)
	}
	slices.Sort(all)
	slow := all[len(all)*19/20]
	for i := range times {
		times[i] = slices.DeleteFunc(times[i], func(took float64) bool { return took > slow })
	}
	return times
}

// welch is the t of Welch's test.
func welch(times [2][]float64) float64 {
	var mean, spread [2]float64
	for i, all := range times {
		for _, took := range all {
			mean[i] += took / float64(len(all))
		}
		for _, took := range all {
			spread[i] += (took - mean[i]) * (took - mean[i]) / float64(len(all)-1)
		}
		spread[i] /= float64(len(all))
	}
	return (mean[0] - mean[1]) / math.Sqrt(spread[0]+spread[1])
}
