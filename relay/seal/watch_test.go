package seal_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/relay/metrics"
	"buildrelay/relay/seal"
)

// watched is a keys file that is looked at, and what came of it.
type watched struct {
	t       *testing.T
	path    string
	file    *seal.File
	log     bytes.Buffer
	told    seal.Watching
	changes []string // the keys that seal after each change, or why there was none
}

func watch(t *testing.T, first *seal.Keyset, kek seal.KEK) *watched {
	t.Helper()
	w := &watched{t: t, path: filepath.Join(t.TempDir(), "keys.json")}
	if err := seal.CreateFile(t.Context(), w.path, kek, first); err != nil {
		t.Fatal(err)
	}
	w.open(kek)
	return w
}

func (w *watched) open(kek seal.KEK) {
	w.t.Helper()
	var err error
	if w.file, err = seal.OpenFile(w.t.Context(), w.path, kek); err != nil {
		w.t.Fatal(err)
	}
	w.told = seal.Watching{
		Metrics: metrics.New(prometheus.NewRegistry()), Log: slog.New(slog.NewJSONHandler(&w.log, nil)),
		Changed: func(_, after *seal.Keyset, err error) {
			if err != nil {
				w.changes = append(w.changes, "refused")
				return
			}
			w.changes = append(w.changes, after.Seals().String())
		},
	}
	w.told.Metrics.SealingKeysGood.Set(1)
}

func (w *watched) write(text string) {
	w.t.Helper()
	if err := os.WriteFile(w.path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watched) do(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// look looks so many times.
func (w *watched) look(times int) {
	for range times {
		w.file.Step(w.t.Context(), w.told)
	}
}

// expect compares the changes and whether what is in force is what the file has.
func (w *watched) expect(good bool, changes ...string) {
	w.t.Helper()
	if diff := cmp.Diff(changes, w.changes); diff != "" {
		w.t.Errorf("changes (- want, + got):\n%s", diff)
	}
	refused := strings.Count(strings.Join(changes, " "), "refused")
	m := w.told.Metrics
	if got := testutil.ToFloat64(m.SealingKeysReloads.WithLabelValues("refused")); int(got) != refused {
		w.t.Errorf("refused %v times, want %d", got, refused)
	}
	if got := strings.Count(w.log.String(), `"level":"ERROR"`); got != refused {
		w.t.Errorf("%d errors logged, want %d:\n%s", got, refused, w.log.String())
	}
	if got := testutil.ToFloat64(m.SealingKeysGood); (got == 1) != good {
		w.t.Errorf("good is %v, want %v", got, good)
	}
}

func TestOtherKeysAreTakenOnceAndOldTextsStayReadable(t *testing.T) {
	t.Parallel()
	first := must(seal.New())
	w := watch(t, first, nil)
	text := sealEntry(w.file.Keys())
	w.look(3)
	w.expect(true)
	next := must(must(first.Add()).Rotate())
	w.write(textOf(next))
	w.look(5)
	w.expect(true, next.Seals().String())
	if got, err := w.file.Keys().OpenEntry(app, channel, event, text); err != nil || got != data {
		t.Errorf("opened as %q, %v", got, err)
	}
	if id, _ := seal.EntryKey(sealEntry(w.file.Keys())); id != next.Seals() {
		t.Errorf("%v seals, want %v", id, next.Seals())
	}
	m := w.told.Metrics.SealingKeys
	if seals, opens := testutil.ToFloat64(m.WithLabelValues(next.Seals().String())), testutil.ToFloat64(m.WithLabelValues(first.Seals().String())); seals != 1 || opens != 0 || testutil.CollectAndCount(m) != 2 {
		t.Errorf("the metrics say %v and %v of %d", seals, opens, testutil.CollectAndCount(m))
	}
}

func TestABadFileIsToldOnceAndChangesNothing(t *testing.T) {
	t.Parallel()
	first := must(seal.New())
	w := watch(t, first, nil)
	good := textOf(first)
	bad := strings.Replace(good, "AesGcmKey", "hunter2", 1)
	for _, step := range []struct {
		write   string
		good    bool
		changes []string
	}{
		{bad, false, []string{"refused"}},
		{good, true, []string{"refused"}},
		{bad, false, []string{"refused", "refused"}},
		{"", false, []string{"refused", "refused", "refused"}},
		{good, true, []string{"refused", "refused", "refused"}},
	} {
		w.write(step.write)
		w.look(4)
		w.expect(step.good, step.changes...)
		if w.file.Keys().Current().Seals() != first.Seals() {
			t.Error("other keys are in force")
		}
	}
	if strings.Contains(w.log.String(), "hunter2") {
		t.Errorf("the file shows in %s", w.log.String())
	}
}

func TestAFileThatIsBeingWrittenIsNotTaken(t *testing.T) {
	t.Parallel()
	first := must(seal.New())
	w := watch(t, first, nil)
	next := textOf(must(first.Rotate()))
	for end := range len(next) {
		w.write(next[:end])
		w.look(1)
	}
	w.expect(true)
	w.write(next)
	w.look(2)
	if len(w.changes) != 1 || w.changes[0] == "refused" {
		t.Errorf("changes: %v", w.changes)
	}
}

func TestWhatOthersMayReadIsRefusedAndSoIsWhatIsNoFile(t *testing.T) {
	t.Parallel()
	set := must(seal.New())
	text := []byte(textOf(set))
	for name, c := range map[string]struct {
		become func(path string) error
		says   string
	}{
		"for all":     {func(path string) error { return os.WriteFile(path, text, 0o604) }, "has mode 0604: others may read or change it; chmod 600 it"},
		"for a group": {func(path string) error { return os.WriteFile(path, text, 0o640) }, "has mode 0640"},
		"to change":   {func(path string) error { return errors.Join(os.WriteFile(path, text, 0o600), os.Chmod(path, 0o602)) }, "has mode 0602"},
		"a folder":    {func(path string) error { return os.Mkdir(path, 0o700) }, "is no file"},
		"a pipe":      {func(path string) error { return syscall.Mkfifo(path, 0o600) }, "is no file"},
		"nothing":     {func(string) error { return nil }, "no such file"},
		"a device":    {func(path string) error { return os.Symlink("/dev/zero", path) }, "is no file"},
		"large":       {func(path string) error { return os.WriteFile(path, make([]byte, 300<<10), 0o600) }, "is too large"},
	} {
		w := watch(t, set, nil)
		w.do(os.Remove(w.path))
		w.do(c.become(w.path))
		w.look(3)
		w.expect(false, "refused")
		if _, err := seal.OpenFile(t.Context(), w.path, nil); err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), w.path) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// A node that has not seen the file between rotate and retire goes on with the key that seals,
// and tells so: what it has sealed meanwhile would be lost. The same is so with a deployment that is
// rolled back to an older file.
func TestASetWithoutTheKeyThatSealsIsKeptOut(t *testing.T) {
	t.Parallel()
	first := must(seal.New())
	both := must(first.Rotate())
	second := must(both.Retire(first.Seals()))
	third := must(second.Rotate())
	for name, c := range map[string]struct{ before, missed, next *seal.Keyset }{
		"retired at once": {first, both, second},
		"rolled back":     {third, must(third.Add()), first},
		"another set":     {first, must(first.Add()), must(seal.New())},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := watch(t, c.before, nil)
			w.write(textOf(c.missed))
			w.look(1) // a content counts when it was seen twice
			w.write(textOf(c.next))
			w.look(4)
			w.expect(false, "refused")
			if got := w.file.Keys().Current().Seals(); got != c.before.Seals() {
				t.Errorf("%v seals, want %v", got, c.before.Seals())
			}
			if want := "key " + c.before.Seals().String() + " is gone, which seals until now"; !strings.Contains(w.log.String(), want) {
				t.Errorf("%q is not told in %s", want, w.log.String())
			}
			w.write(textOf(c.missed))
			w.look(2)
			w.expect(true, "refused", c.missed.Seals().String())
		})
	}
}

// A set in which the key that seals is another, and the one of before opens, may be followed by
// one without it.
func TestAKeyIsRetiredStepByStep(t *testing.T) {
	t.Parallel()
	first := must(seal.New())
	both := must(first.Rotate())
	w := watch(t, first, nil)
	w.write(textOf(both))
	w.look(2)
	w.write(textOf(must(both.Retire(first.Seals()))))
	w.look(2)
	w.expect(true, both.Seals().String(), both.Seals().String())
}

// Kubernetes keeps the files of a Secret in a folder with a new name for each version.
func TestKubernetesSwapsALink(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	w := &watched{t: t, path: filepath.Join(folder, "keys.json")}
	version := func(name, text string) {
		t.Helper()
		w.do(os.Mkdir(filepath.Join(folder, name), 0o700))
		w.do(os.WriteFile(filepath.Join(folder, name, "keys.json"), []byte(text), 0o600))
		w.do(os.Symlink(name, filepath.Join(folder, "..data_tmp")))
		w.do(os.Rename(filepath.Join(folder, "..data_tmp"), filepath.Join(folder, "..data")))
	}
	first := must(seal.New())
	second := must(first.Rotate())
	version("..1", textOf(first))
	w.do(os.Symlink("..data/keys.json", w.path))
	w.open(nil)
	w.look(2)
	version("..2", textOf(first))
	w.look(3)
	version("..3", textOf(second))
	w.look(3)
	w.expect(true, second.Seals().String())
}

func TestAFileIsCreatedOnceAndWrittenWhole(t *testing.T) {
	t.Parallel()
	first := must(seal.New())
	w := watch(t, first, nil)
	if err := seal.CreateFile(t.Context(), w.path, nil, must(seal.New())); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file that is there is created anew: %v", err)
	}
	next := must(first.Rotate())
	w.do(w.file.Write(t.Context(), next))
	info, err := os.Stat(w.path)
	if err != nil || info.Mode().Perm() != 0o600 || w.file.Keys().Current().Seals() != next.Seals() {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	w.open(nil)
	if got := w.file.Keys().Current().Seals(); got != next.Seals() {
		t.Errorf("%v is read, want %v", got, next.Seals())
	}
}

func TestAReloadTakesAtOnceWhatIsThereAndRunEnds(t *testing.T) {
	t.Parallel()
	first := must(seal.New())
	w := watch(t, first, nil)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.file.Run(ctx, time.Hour, w.told) })
	w.file.Reload(ctx)
	second := must(first.Rotate())
	w.write(textOf(second))
	w.file.Reload(ctx)
	w.write("bad")
	w.file.Reload(ctx)
	w.file.Reload(ctx) // who asks again is told again
	stop()
	running.Wait()
	w.file.Reload(ctx) // does not wait for ever
	w.expect(false, second.Seals().String(), "refused", "refused")
	var none *seal.File
	none.Reload(t.Context())
	none.Run(t.Context(), time.Hour, w.told)
	if none.Keys() != nil {
		t.Error("no file has keys")
	}
}
