package broker_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

const toldKey = "buildrelay:~words:app"

// keeping is how a test's words are kept.
var keeping = broker.Keeping{Of: "app", For: time.Minute, Most: 4, Ahead: 5 * time.Minute}

// newTeller is a rig whose topic "words" is kept, and what was heard.
func newTeller(t *testing.T, url string) (*rig, *record) {
	t.Helper()
	heard := newRecord()
	r := newRig(t, url, func(c *broker.Config) {
		c.Topics = []broker.Topic{{Name: "words", Hear: func(text string) {
			told, err := broker.ParseTold(text)
			heard.add(fmt.Sprint(told.Number > 0, " ", told.Text, " ", err))
		}}}
	})
	return r, heard
}

func builtInURL(t *testing.T) string {
	t.Helper()
	server, err := broker.StartEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return string(server.URL())
}

func tell(t *testing.T, b *broker.Broker, text string, above int64) error {
	t.Helper()
	keep := keeping
	keep.Above = above
	number, err := b.TellKept(t.Context(), "words", text, keep)
	if (number > above) != (err == nil) {
		t.Errorf("%q has the number %d", text, number)
	}
	return err
}

func kept(t *testing.T, b *broker.Broker, last time.Duration) (texts []string, numbers []int64) {
	t.Helper()
	keep := keeping
	keep.For = last
	all, asOf, err := b.Kept(t.Context(), "words", keep)
	if now := time.Now(); err != nil || asOf > now.Add(time.Minute).UnixMicro() || asOf < now.Add(-time.Hour).UnixMicro() {
		t.Fatalf("as of %d: %v", asOf, err)
	}
	for _, told := range all {
		texts, numbers = append(texts, told.Text), append(numbers, told.Number)
	}
	return texts, numbers
}

// Who does not hear it reads it, in the same order and with the same numbers.
func TestWhatIsToldIsKeptForWhoDoesNotHearIt(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"real": relaytest.StartRedis(t).URL(), "built-in": builtInURL(t), "Cluster": relaytest.StartRedisCluster(t).URL()} {
		t.Run(name, func(t *testing.T) {
			r, heard := newTeller(t, url)
			r.start().waitReady()
			if texts, _ := kept(t, r.Broker, time.Minute); texts != nil {
				t.Errorf("nothing was told, but %q", texts)
			}
			before := time.Now().Add(-time.Minute).UnixMicro()
			far := time.Now().Add(time.Minute).UnixMicro() // the clock went back a little
			for _, text := range []string{"one", "two words", ""} {
				if err := tell(t, r.Broker, text, 0); err != nil {
					t.Fatal(err)
				}
				if got := heard.next(t, text); got != "true "+text+" <nil>" {
					t.Errorf("heard %q", got)
				}
			}
			if err := tell(t, r.Broker, "four", far); err != nil {
				t.Fatal(err)
			}
			texts, numbers := kept(t, r.Broker, time.Minute)
			if !slices.Equal(texts, []string{"one", "two words", "", "four"}) || !slices.IsSorted(numbers) || numbers[0] < before || numbers[3] != far+1 {
				t.Errorf("kept %q, %d", texts, numbers)
			}
			if err := tell(t, r.Broker, "five", 0); !errors.Is(err, broker.ErrToldFull) {
				t.Errorf("more than is kept: %v", err)
			}
		})
	}
}

func TestWhatWasToldIsNotKeptForever(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r, _ := newTeller(t, server.URL())
	ctx, client := t.Context(), server.Client()
	for _, number := range []string{"1", "2", "3", "4"} { // long ago
		if err := client.Do(ctx, "ZADD", toldKey, number, "old "+number).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if texts, _ := kept(t, r.Broker, time.Minute); texts != nil {
		t.Errorf("kept %q", texts)
	}
	if err := tell(t, r.Broker, "new", 0); err != nil {
		t.Fatal(err)
	}
	if texts, _ := kept(t, r.Broker, time.Minute); !slices.Equal(texts, []string{"new"}) {
		t.Errorf("kept %q", texts)
	}
	if n, err := client.ZCard(ctx, toldKey).Result(); n != 1 || err != nil {
		t.Errorf("Redis has %d: %v", n, err)
	}
	if left, err := client.TTL(ctx, toldKey).Result(); left <= 0 || left > time.Minute || err != nil {
		t.Errorf("Redis has it for %v: %v", left, err)
	}
}

func TestMoreThanOnePageIsKept(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r, _ := newTeller(t, server.URL())
	pipe := server.Client().Pipeline()
	now := time.Now().UnixMicro()
	const n = 2500
	for i := range n {
		pipe.Do(t.Context(), "ZADD", toldKey, now+int64(i), fmt.Sprint(i))
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	if texts, _ := kept(t, r.Broker, time.Hour); len(texts) != n || texts[n-1] != fmt.Sprint(n-1) {
		t.Errorf("%d are read", len(texts))
	}
}

// What somebody else put there is nothing that was told.
func TestWhatWasNotToldIsNotRead(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r, _ := newTeller(t, server.URL())
	if err := server.Client().Set(t.Context(), toldKey, "a stranger's", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if texts, _ := kept(t, r.Broker, time.Minute); texts != nil {
		t.Errorf("kept %q", texts)
	}
	if err := tell(t, r.Broker, "told", 0); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "told", "x told", "-1 told", "0 told", "9223372036854775808 told", "9007199254740993 told"} {
		if _, err := broker.ParseTold(text); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}

// Who writes into Redis, and a clock that was wrong, have no later number be wrong as well.
func TestANumberFarAheadOfRedisClockIsNotGoneBy(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"real": relaytest.StartRedis(t).URL(), "built-in": builtInURL(t)} {
		t.Run(name, func(t *testing.T) {
			r, _ := newTeller(t, url)
			options, err := redis.ParseURL(url)
			if err != nil {
				t.Fatal(err)
			}
			client := redis.NewClient(options)
			defer client.Close()
			for i, score := range []string{"4000000000000000", "9223372036854775807", "18446744073709551615", "+inf"} {
				if err := client.Do(t.Context(), "ZADD", toldKey, score, "wrong").Err(); err != nil {
					t.Fatal(err)
				}
				if texts, _ := kept(t, r.Broker, time.Minute); len(texts) != min(i, 1) {
					t.Errorf("%s: kept %q", score, texts)
				}
				keep := keeping
				keep.Above = []int64{0, 4_000_000_000_000_000, math.MaxInt64, 1 << 53}[i]
				number, err := r.Broker.TellKept(t.Context(), "words", "right", keep)
				if soon := time.Now().Add(keep.Ahead).UnixMicro(); err != nil || number > soon {
					t.Errorf("%s: the number %d: %v", score, number, err)
				}
				if texts, _ := kept(t, r.Broker, time.Minute); !slices.Equal(texts, []string{"right"}) {
					t.Errorf("%s: kept %q", score, texts)
				}
			}
		})
	}
}

// Nobody fills what is kept of others, nor by the same again and again.
func TestAsMuchIsKeptOfEachAndWhatIsToldAgainIsOne(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"real": relaytest.StartRedis(t).URL(), "built-in": builtInURL(t)} {
		t.Run(name, func(t *testing.T) {
			r, _ := newTeller(t, url)
			for i := range 3 * keeping.Most {
				if err := tell(t, r.Broker, fmt.Sprint(i%keeping.Most), 0); err != nil {
					t.Fatal(err)
				}
			}
			if err := tell(t, r.Broker, "more", 0); !errors.Is(err, broker.ErrToldFull) {
				t.Errorf("more than is kept: %v", err)
			}
			if err := tell(t, r.Broker, "0", 0); err != nil {
				t.Errorf("what is kept already: %v", err)
			}
			if texts, _ := kept(t, r.Broker, time.Minute); !slices.Equal(texts, []string{"1", "2", "3", "0"}) {
				t.Errorf("kept %q", texts)
			}
			others := keeping
			others.Of = "other"
			if _, err := r.Broker.TellKept(t.Context(), "words", "more", others); err != nil {
				t.Errorf("of another: %v", err)
			}
			if all, _, err := r.Broker.Kept(t.Context(), "words", others); err != nil || len(all) != 1 || all[0].Text != "more" {
				t.Errorf("kept of another: %v %v", all, err)
			}
		})
	}
}

func TestWhoDoesNotReachRedisIsToldSo(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r, _ := newTeller(t, server.URL())
	server.Stop()
	if err := tell(t, r.Broker, "one", 0); err == nil || errors.Is(err, broker.ErrToldFull) || errors.Is(err, context.Canceled) {
		t.Errorf("told: %v", err)
	}
	if _, _, err := r.Broker.Kept(t.Context(), "words", keeping); err == nil {
		t.Error("it is read")
	}
}
