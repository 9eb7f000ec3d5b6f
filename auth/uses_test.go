package auth_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
)

func TestUsesAreRemembered(t *testing.T) {
	at := func(second int) time.Time { return time.Unix(int64(second), 0) }
	apps := []auth.App{
		{ID: "2", Keys: []auth.Key{{Key: "b"}, {Key: "a", Rights: []auth.Right{auth.RightRead}, Channels: []string{"x*"}}}},
		{ID: "1", Keys: []auth.Key{{Key: "z"}}},
	}
	var uses auth.Uses
	uses.Note("1", "z", auth.UsePublish, at(1)) // nobody has asked for it yet
	uses.Keep(apps, at(10))
	uses.Note("2", "b", auth.UsePublish, at(11))
	uses.Note("2", "b", auth.UseConnect, at(13))
	uses.Note("2", "b", auth.UsePublish, at(12))
	uses.Note("2", "b", auth.UseRefused, at(14))
	uses.Note("2", "b", auth.UseRefused, at(15))
	uses.Note("1", "b", auth.UsePublish, at(16)) // another app's
	want := []auth.KeyUse{
		{App: "1", Key: "z", Since: at(10), Last: map[auth.Use]time.Time{}},
		{App: "2", Key: "a", Rights: []auth.Right{auth.RightRead}, Channels: []string{"x*"}, Since: at(10), Last: map[auth.Use]time.Time{}},
		{App: "2", Key: "b", Since: at(10), Refused: 2, Last: map[auth.Use]time.Time{
			auth.UsePublish: at(12), auth.UseConnect: at(13), auth.UseRefused: at(15),
		}},
	}
	if diff := cmp.Diff(want, uses.All()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := uses.All()[2].LastUsed(); !got.Equal(at(13)) {
		t.Errorf("last used at %v: what is refused is no use", got)
	}

	apps[0].Keys[0].State = auth.KeyRetiring
	uses.Keep(apps[:1], at(20))
	uses.Note("1", "z", auth.UsePublish, at(21))
	want[2].State, want[2].Since = auth.KeyRetiring, at(20)
	if diff := cmp.Diff(want[1:], uses.All()); diff != "" {
		t.Errorf("after a reload (-want +got):\n%s", diff)
	}
	(*auth.Uses)(nil).Note("1", "z", auth.UsePublish, at(1))
}

func TestUsesAreNotedFromEverywhere(t *testing.T) {
	apps := []auth.App{{ID: "1", Keys: []auth.Key{{Key: "a"}, {Key: "b"}}}}
	var uses auth.Uses
	uses.Keep(apps, time.Now())
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for range 1000 {
				uses.Note("1", "a", auth.UseRefused, time.Now())
			}
		})
		running.Go(func() {
			for range 100 {
				uses.Keep(apps, time.Now())
				uses.All()
			}
		})
	}
	running.Wait()
	if got := uses.All()[0].Refused; got != 4000 {
		t.Errorf("%d were noted", got)
	}
}

func BenchmarkNoteUse(b *testing.B) {
	var uses auth.Uses
	uses.Keep([]auth.App{{ID: "1", Keys: []auth.Key{{Key: "a"}}}}, time.Now())
	now := time.Now()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			uses.Note("1", "a", auth.UsePublish, now)
		}
	})
}
