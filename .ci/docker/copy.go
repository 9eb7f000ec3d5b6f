package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// copyContext copies what git tracks, but for what .dockerignore leaves out.
func copyContext(ctx context.Context, to string) error {
	ignored, err := os.Open(".dockerignore")
	if err != nil {
		return err
	}
	defer ignored.Close()
	patterns, err := ignorefile.ReadAll(ignored)
	if err != nil {
		return err
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return err
	}
	tracked, err := exec.CommandContext(ctx, "git", "ls-files", "-z").Output()
	if err != nil {
		return fmt.Errorf("git ls-files: %w", err)
	}
	for path := range strings.SplitSeq(strings.TrimRight(string(tracked), "\x00"), "\x00") {
		left, err := matcher.MatchesOrParentMatches(path)
		if err != nil {
			return err
		}
		if left {
			continue
		}
		if err := copyFile(path, filepath.Join(to, path)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err // a file that was removed but is still tracked is no error
		}
	}
	return nil
}

// copy carries out COPY: a folder's content goes to the destination, a file to it
// or, where it ends with a slash, into it.
func (b *builder) copy(s *stage, c *instructions.CopyCommand) error {
	from := b.context
	if c.From != "" {
		source, ok := b.stages[c.From]
		if !ok {
			return fmt.Errorf("there is no stage %q", c.From)
		}
		from = source.root
	}
	into := strings.HasSuffix(c.DestPath, "/") || len(c.SourcePaths) > 1
	destination := s.path(s.resolve(c.DestPath))
	for _, source := range c.SourcePaths {
		source = filepath.Join(from, source)
		info, err := os.Stat(source)
		switch {
		case err != nil:
			return err
		case info.IsDir():
			err = copyFolder(source, destination)
		case into:
			err = copyFile(source, filepath.Join(destination, filepath.Base(source)))
		default:
			err = copyFile(source, destination)
		}
		if err != nil {
			return err
		}
	}
	return chown(destination, c.Chown)
}

// copyFolder copies what is in a folder, over what is there.
func copyFolder(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, below), 0o755)
		}
		return copyFile(path, filepath.Join(to, below))
	})
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, content, info.Mode().Perm())
}

// chown gives what is below path to an owner, as uid:gid, if we may. The image's
// root folder itself stays root's.
func chown(path, owner string) error {
	if owner == "" || os.Getuid() != 0 {
		return nil
	}
	uid, gid, err := ids(owner)
	if err != nil {
		return err
	}
	return filepath.Walk(path, func(p string, _ os.FileInfo, err error) error {
		if err != nil || p == path {
			return err
		}
		return os.Lchown(p, uid, gid)
	})
}

// ids reads "uid:gid". A scratch image knows no names.
func ids(owner string) (uid, gid int, err error) {
	user, group, _ := strings.Cut(owner, ":")
	uid, err1 := strconv.Atoi(user)
	gid, err2 := strconv.Atoi(group)
	if err := errors.Join(err1, err2); err != nil || uid == 0 || gid == 0 {
		return 0, 0, fmt.Errorf("%q must be uid:gid, as numbers that are not root's", owner)
	}
	return uid, gid, nil
}
