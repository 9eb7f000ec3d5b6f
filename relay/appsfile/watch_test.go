package appsfile_test

import (
	"bytes"
	"context"
	"errors"
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

	"buildrelay/auth"
	"buildrelay/relay/appsfile"
	"buildrelay/relay/metrics"
)

// watched is a folder with an apps file that is watched, and what came of it.
type watched struct {
	t      *testing.T
	folder string
	watch  *appsfile.Watch
	log    bytes.Buffer
	taken  []string // the ids and first secrets of the apps, each time some were taken
	refuse error    // what take returns
}

// watch watches a file with these apps, in a folder that has them as "apps.yaml".
func watch(t *testing.T, text string) *watched {
	t.Helper()
	w := &watched{t: t, folder: t.TempDir()}
	w.write("apps.yaml", text)
	w.load()
	return w
}

func (w *watched) load() {
	w.t.Helper()
	w.watch = &appsfile.Watch{
		Path: filepath.Join(w.folder, "apps.yaml"), Metrics: metrics.New(prometheus.NewRegistry()),
		Log: slog.New(slog.NewJSONHandler(&w.log, nil)),
	}
	if _, err := w.watch.Load(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watched) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.folder, name), []byte(text), 0o600); err != nil {
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
		w.watch.Step(func(apps []auth.App) error {
			w.taken = append(w.taken, describe(apps))
			return w.refuse
		})
	}
}

// retry has Run, which never looks by itself, try again.
func (w *watched) retry() {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		w.watch.Run(ctx, time.Hour, func(apps []auth.App) error {
			w.taken = append(w.taken, describe(apps))
			return w.refuse
		})
	})
	w.watch.Retry(ctx)
	stop()
	running.Wait()
}

func describe(apps []auth.App) string {
	var words []string
	for _, app := range apps {
		words = append(words, app.ID+"="+string(app.Keys[0].Secret))
	}
	return strings.Join(words, " ")
}

// expect compares what was taken, and the metrics: reloads taken and refused, and whether
// what is in force is what the file says.
func (w *watched) expect(taken []string, refused int, good bool) {
	w.t.Helper()
	if diff := cmp.Diff(taken, w.taken); diff != "" {
		w.t.Errorf("taken (- want, + got):\n%s", diff)
	}
	m := w.watch.Metrics
	if got := testutil.ToFloat64(m.AppsReloads.WithLabelValues("refused")); int(got) != refused {
		w.t.Errorf("refused %v times, want %d", got, refused)
	}
	if got := strings.Count(w.log.String(), `"level":"ERROR"`); got != refused {
		w.t.Errorf("%d errors logged, want %d:\n%s", got, refused, w.log.String())
	}
	if got := testutil.ToFloat64(m.AppsGood); (got == 1) != good {
		w.t.Errorf("good is %v, want %v", got, good)
	}
}

// apps is a file of apps that have their ids as keys, and these secrets.
func apps(idsAndSecrets ...string) string {
	var b strings.Builder
	b.WriteString("apps:\n")
	for _, word := range idsAndSecrets {
		id, secret, _ := strings.Cut(word, "=")
		b.WriteString("  - {id: " + id + ", keys: [{key: " + id + ", secret: " + secret + "}]}\n")
	}
	return b.String()
}

func TestAnotherContentIsTakenOnce(t *testing.T) {
	w := watch(t, apps("a=1"))
	w.look(3)
	w.expect(nil, 0, true)
	w.write("apps.yaml", apps("a=1", "b=2"))
	w.look(5)
	w.expect([]string{"a=1 b=2"}, 0, true)
	if got := testutil.ToFloat64(w.watch.Metrics.Apps); got != 2 {
		t.Errorf("%v apps are counted", got)
	}
	if got := testutil.ToFloat64(w.watch.Metrics.AppsReloads.WithLabelValues("taken")); got != 1 {
		t.Errorf("taken %v times", got)
	}
}

// Editors and Kubernetes give the file another time without another content.
func TestTheTimeOfAFileDoesNotMatter(t *testing.T) {
	w := watch(t, apps("a=1"))
	path := filepath.Join(w.folder, "apps.yaml")
	w.do(os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0)))
	w.look(3)
	w.write("apps.yaml", apps("a=2"))
	w.do(os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0)))
	w.look(3)
	w.expect([]string{"a=2"}, 0, true)
}

func TestABadContentIsToldOnceAndChangesNothing(t *testing.T) {
	w := watch(t, apps("a=1"))
	w.write("apps.yaml", apps("a=1")+"    limits: {data: x}\n  - {id: b, secret: hunter2}\n")
	w.look(5)
	w.expect(nil, 1, false)
	w.write("apps.yaml", apps("a=hunter2", "b=2")+"colour: red\ncolours: red\n")
	w.look(5)
	w.expect(nil, 2, false)
	for _, want := range []string{"line 4: there is no field colour;", "line 5: there is no field colours;", "apps.yaml"} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("%q is not told in %s", want, w.log.String())
		}
	}
	if strings.Contains(w.log.String(), "hunter2") {
		t.Errorf("a secret is told: %s", w.log.String())
	}
	w.write("apps.yaml", apps("a=1"))
	w.look(5)
	w.expect(nil, 2, true) // it is what is in force
	w.write("apps.yaml", apps("a=2"))
	w.look(5)
	w.expect([]string{"a=2"}, 2, true)
}

func TestWhatIsNotTakenIsNotInForce(t *testing.T) {
	w := watch(t, apps("a=1"))
	w.refuse = errors.New("no")
	w.write("apps.yaml", apps("a=2"))
	w.look(5)
	w.expect([]string{"a=2"}, 1, false)
	w.refuse = nil
	w.write("apps.yaml", apps("a=1"))
	w.look(5)
	w.expect([]string{"a=2"}, 1, true)
}

// A file that is written bit by bit is, now and then, a good one with fewer apps.
func TestAFileThatIsBeingWrittenIsNotTaken(t *testing.T) {
	all := apps("a=1", "b=2", "c=3")
	w := watch(t, all)
	for end := range len(all) {
		w.write("apps.yaml", all[:end])
		w.look(1)
	}
	w.write("apps.yaml", all)
	w.look(3)
	w.expect(nil, 0, true)
}

func TestAFileThatVanishesAndReturns(t *testing.T) {
	w := watch(t, apps("a=1"))
	path := filepath.Join(w.folder, "apps.yaml")
	w.do(os.Remove(path))
	w.look(5)
	w.expect(nil, 1, false)
	w.write("apps.yaml", apps("a=1"))
	w.look(5)
	w.expect(nil, 1, true)
	w.do(os.Remove(path))
	w.look(1)
	w.write("apps.yaml", apps("a=2"))
	w.look(5)
	w.expect([]string{"a=2"}, 1, true) // that it was away for a moment is nothing
}

func TestWhatIsNoFileIsRefused(t *testing.T) {
	for name, become := range map[string]func(path string) error{
		"a folder":       func(path string) error { return os.Mkdir(path, 0o700) },
		"a pipe":         func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a lost link":    func(path string) error { return os.Symlink("nowhere", path) },
		"a circle":       func(path string) error { return os.Symlink("apps.yaml", path) },
		"a device":       func(path string) error { return os.Symlink("/dev/zero", path) },
		"a large file":   func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("#"), 5<<20), 0o600) },
		"without rights": func(path string) error { return os.WriteFile(path, []byte(apps("a=2")), 0) },
	} {
		t.Run(name, func(t *testing.T) {
			if name == "without rights" && os.Geteuid() == 0 {
				t.Skip("root may read everything")
			}
			w := watch(t, apps("a=1"))
			path := filepath.Join(w.folder, "apps.yaml")
			w.do(os.Remove(path))
			w.do(become(path))
			w.look(4)
			w.expect(nil, 1, false)
			w.do(os.Remove(path))
			w.write("apps.yaml", apps("a=3"))
			w.look(4)
			w.expect([]string{"a=3"}, 1, true)
		})
	}
}

// Kubernetes keeps the files of a ConfigMap in a folder with a new name for each version,
// to which ..data leads, and the files' own names lead there.
func TestKubernetesSwapsALink(t *testing.T) {
	w := &watched{t: t, folder: t.TempDir()}
	version := func(name, text, secret string) {
		w.t.Helper()
		w.do(os.Mkdir(filepath.Join(w.folder, name), 0o700))
		w.write(filepath.Join(name, "apps.yaml"), text)
		w.write(filepath.Join(name, "secret"), secret)
		w.do(os.Symlink(name, filepath.Join(w.folder, "..data_tmp")))
		w.do(os.Rename(filepath.Join(w.folder, "..data_tmp"), filepath.Join(w.folder, "..data")))
	}
	const text = "apps: [{id: a, keys: [{key: k, secret_file: secret}]}]"
	version("..1", text, "one\n")
	w.do(os.Symlink("..data/apps.yaml", filepath.Join(w.folder, "apps.yaml")))
	w.do(os.Symlink("..data/secret", filepath.Join(w.folder, "secret")))
	w.load()
	w.look(2)
	version("..2", text+" # the same", "one\n")
	w.look(4)
	version("..3", text+" # the same", "two\n")
	w.look(4)
	w.expect([]string{"a=one", "a=two"}, 0, true)
}

func TestFilesWithSecretsAreWatchedToo(t *testing.T) {
	w := &watched{t: t, folder: t.TempDir()}
	w.write("apps.yaml", "apps: [{id: a, keys: [{key: k, secret_file: secret}]}]")
	w.write("secret", "one")
	w.load()
	w.write("secret", "two\n")
	w.look(3)
	w.expect([]string{"a=two"}, 0, true)
	w.do(os.Remove(filepath.Join(w.folder, "secret")))
	w.look(3)
	w.expect([]string{"a=two"}, 1, false)
	w.write("secret", "three")
	w.look(3)
	w.expect([]string{"a=two", "a=three"}, 1, true)
	w.write("apps.yaml", "apps: [{id: a, keys: [{key: k, secret_file: "+filepath.Join(w.folder, "other")+"}]}]")
	w.look(3)
	w.expect([]string{"a=two", "a=three"}, 2, false)
	w.write("other", "four")
	w.look(3)
	w.expect([]string{"a=two", "a=three", "a=four"}, 2, true)
}

func TestAFileThatIsBadAtTheStartIsNotLoaded(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "apps.yaml")
	for text, want := range map[string]string{"": "it is empty", "apps: {}": "line 1: apps", "\x00": "control characters"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := appsfile.Read(path, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := appsfile.Read(filepath.Join(folder, "none"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestRunLooksUntilItsContextEnds(t *testing.T) {
	w := watch(t, apps("a=1"))
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	taken := make(chan string)
	running.Go(func() {
		w.watch.Run(ctx, time.Millisecond, func(apps []auth.App) error {
			taken <- describe(apps)
			return nil
		})
	})
	for _, want := range []string{"a=2", "b=1 a=1", "c=3"} {
		w.write("apps.yaml.new", apps(strings.Fields(want)...))
		w.do(os.Rename(filepath.Join(w.folder, "apps.yaml.new"), filepath.Join(w.folder, "apps.yaml")))
		select {
		case got := <-taken:
			if got != want {
				t.Errorf("taken %q, want %q", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%q is not taken", want)
		}
	}
}

// Whoever has another key asks for another try, and knows nothing of who writes the file.
func TestARetryTakesWhatWasRefusedAndNothingElse(t *testing.T) {
	w := watch(t, apps("a=1", "b=2"))
	hasKey := false
	w.watch.Open = func(text string) (auth.Secret, error) {
		if !hasKey && text == "sealed" {
			return "", errors.New("no key")
		}
		return auth.Secret(text), nil
	}
	w.write("apps.yaml", apps("a=1")) // half of it is written
	w.retry()
	w.expect(nil, 0, true)
	w.write("apps.yaml", apps("a=sealed", "b=2"))
	w.look(2)
	w.expect(nil, 1, false)
	hasKey = true
	w.write("apps.yaml", apps("a=sealed"))
	w.retry()
	w.look(1)
	w.retry()
	w.expect(nil, 1, false) // only another look makes it count
	w.write("apps.yaml", apps("a=sealed", "b=2"))
	w.retry()
	w.retry()
	w.expect([]string{"a=sealed b=2"}, 1, true)
}

func TestAReloadTakesAtOnceWhatIsThere(t *testing.T) {
	w := watch(t, apps("a=1"))
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		w.watch.Run(ctx, time.Hour, func(apps []auth.App) error {
			w.taken = append(w.taken, describe(apps))
			return w.refuse
		})
	})
	w.watch.Reload(ctx)
	w.write("apps.yaml", apps("a=2"))
	w.watch.Reload(ctx)
	w.write("apps.yaml", "bad")
	w.watch.Reload(ctx)
	w.watch.Reload(ctx) // who asks again is told again
	w.write("apps.yaml", apps("a=2"))
	w.watch.Reload(ctx)
	stop()
	running.Wait()
	w.watch.Reload(ctx) // does not wait for ever
	w.expect([]string{"a=2"}, 2, true)
	if !strings.Contains(w.log.String(), "the apps file is what is in force") {
		t.Errorf("who asked in vain was not told:\n%s", w.log.String())
	}
}
