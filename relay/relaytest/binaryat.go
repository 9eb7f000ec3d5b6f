package relaytest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// VersionBefore is a revision whose nodes must work together with those of today: what they
// have in Redis, and say to each other, is the same. It is that of the version before.
const VersionBefore = "118ad815bdcc4868749d02a929b7bb3718b3ba71"

// BuildAt returns the path of the real binary as it was at a revision of this repository,
// with the race detector if the test has it. It skips the test where that is not at hand,
// as in a clone without the history.
func BuildAt(t testing.TB, revision string) string {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	find := exec.Command("git", "rev-parse", "--verify", "--quiet", revision+"^{commit}")
	find.Dir = root
	commit, err := find.Output()
	if err != nil {
		t.Skipf("the revision %s is not at hand: %v", revision, err)
	}
	path, err := buildAt(root, string(bytes.TrimSpace(commit)))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// buildAt builds a commit, unless that was done before.
func buildAt(root, commit string) (string, error) {
	dir := filepath.Join(root, "bin", "test"+raceFlag+"-"+commit[:12])
	source, path := filepath.Join(dir, "source"), filepath.Join(dir, "buildrelay")
	if err := os.MkdirAll(source, 0o755); err != nil {
		return "", fmt.Errorf("building %s: %w", commit, err)
	}
	unlock, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return "", fmt.Errorf("building %s: %w", commit, err)
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	archive := exec.Command("git", "archive", "--format=tar", "--output="+filepath.Join(dir, "source.tar"), commit)
	unpack := exec.Command("tar", "-xf", filepath.Join(dir, "source.tar"), "-C", source)
	compile := exec.Command("go", "build", raceFlag, "-buildvcs=false", "-o", path+".new", "./cmd/buildrelay")
	archive.Dir, unpack.Dir, compile.Dir = root, root, source
	for _, step := range []*exec.Cmd{archive, unpack, compile} {
		if output, err := step.CombinedOutput(); err != nil {
			return "", fmt.Errorf("building %s: %w\n%s", commit, err, output)
		}
	}
	if err := errors.Join(os.RemoveAll(source), os.Remove(filepath.Join(dir, "source.tar"))); err != nil {
		return "", fmt.Errorf("building %s: %w", commit, err)
	}
	return path, os.Rename(path+".new", path)
}

// StartRelayOf is StartRelay with the binary at path, such as one of [BuildAt].
func StartRelayOf(t testing.TB, path string, env map[string]string) *Relay {
	t.Helper()
	return start(t, path, env, nil)
}

// Become makes the binary at path the one that the next Restart starts.
func (r *Relay) Become(path string) { r.binary = path }
