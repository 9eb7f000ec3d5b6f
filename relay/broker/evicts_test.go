package broker

import "testing"

func TestARedisEvictsWhenItHasALimitAndAPolicyToDropKeys(t *testing.T) {
	for _, c := range []struct{ policy, limit, want string }{
		{"allkeys-lru", "1000", "allkeys-lru"},
		{"volatile-ttl", "1", "volatile-ttl"},
		{"noeviction", "1000", ""},
		{"noeviction", "0", ""},
		{"allkeys-lru", "0", ""},
		{"", "", ""},
	} {
		if got := evicts(map[string]string{"maxmemory_policy": c.policy, "maxmemory": c.limit}); got != c.want {
			t.Errorf("%s with maxmemory %s: %q, want %q", c.policy, c.limit, got, c.want)
		}
	}
}
