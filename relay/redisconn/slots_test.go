package redisconn

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

// The sum is that of the Redis Cluster specification, the slots are what CLUSTER KEYSLOT
// answers.
func TestAKeyHasItsSlot(t *testing.T) {
	t.Parallel()
	if sum := crc16("123456789"); sum != 0x31c3 {
		t.Errorf("the sum is %x", sum)
	}
	for key, want := range map[string]uint16{
		"foo": 12182, "{foo}.bar": 12182, "a{foo}b{bar}": 12182, "foo{}{bar}": 8363, "{}foo": 9500, "": 0, "foo{bar": 15278,
	} {
		if got := slot(key); got != want {
			t.Errorf("%q has slot %d, not %d", key, got, want)
		}
	}
}

func TestAMapSaysWhoHasAKey(t *testing.T) {
	t.Parallel()
	half := func(start, end int, nodes ...string) redis.ClusterSlot {
		r := redis.ClusterSlot{Start: start, End: end}
		for _, n := range nodes {
			r.Nodes = append(r.Nodes, redis.ClusterNode{Addr: n})
		}
		return r
	}
	m, err := newMap([]redis.ClusterSlot{half(12182, 16383, ":7002", "10.0.0.3:7003"), half(0, 12181, "10.0.0.1:7001")}, "10.0.0.2:7000")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"10.0.0.1:7001", "10.0.0.2:7002"}, m.Masters()); d != "" {
		t.Error(d)
	}
	if of := m.Of("foo"); of != "10.0.0.2:7002" {
		t.Errorf("foo is at %s", of)
	}
	if of := m.Of(""); of != "10.0.0.1:7001" {
		t.Errorf("the empty key is at %s", of)
	}
	if m, err := newMap([]redis.ClusterSlot{half(0, 100, "h:2"), half(101, 102, "h:1")}, "h:1"); err != nil || m.Of("foo") != "h:1" {
		t.Errorf("a slot that nobody has: %v, %v", m, err)
	}
	for what, ranges := range map[string][]redis.ClusterSlot{
		"no slots":                 nil,
		"a slot that is too high":  {half(0, 16384, "h:1")},
		"a range without a server": {half(0, 16383)},
	} {
		if _, err := newMap(ranges, "h:1"); err == nil {
			t.Errorf("%s is no map", what)
		}
	}
}

func TestTheNewestAnswerCountsAndAmongThemTheMostGiven(t *testing.T) {
	t.Parallel()
	a, b := single("a"), single("b")
	for what, c := range map[string]struct {
		all  []answer
		want *Map
	}{
		"a newer one":            {[]answer{{a, 3, nil}, {b, 4, nil}, {a, 3, nil}}, b},
		"the most":               {[]answer{{single("a"), 0, nil}, {b, 0, nil}, {single("b"), 0, nil}}, b},
		"the most of the newest": {[]answer{{b, 1, nil}, {b, 1, nil}, {a, 2, nil}}, a},
	} {
		if got := newest(c.all).from; !got.Equal(c.want) {
			t.Errorf("%s: %v", what, got.Masters())
		}
	}
}
