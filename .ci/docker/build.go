package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// stage is a stage of the Dockerfile that is being built.
type stage struct {
	root    string // folder that stands for the stage's /
	workdir string // as the Dockerfile says it, absolute
	env     []string
	user    string
	entry   []string
}

// builder builds the stages one after the other.
type builder struct {
	context string            // folder that stands for the build context
	stages  map[string]*stage // by name
	dir     string            // where the stages' folders are
}

// build runs the Dockerfile and then what it made.
func build(ctx context.Context) error {
	stages, err := parseDockerfile(dockerfile)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "buildrelay-docker-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// The image's user must get through to its root.
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	b := &builder{context: filepath.Join(dir, "context"), dir: dir, stages: map[string]*stage{}}
	if err := copyContext(ctx, b.context); err != nil {
		return fmt.Errorf("the build context: %w", err)
	}
	var last *stage
	for i, s := range stages {
		if last, err = b.stage(ctx, i, s); err != nil {
			return fmt.Errorf("stage %d %s: %w", i, s.Name, err)
		}
	}
	return try(ctx, last)
}

func (b *builder) stage(ctx context.Context, number int, s instructions.Stage) (*stage, error) {
	current := &stage{root: filepath.Join(b.dir, fmt.Sprintf("stage%d", number)), workdir: "/"}
	if err := os.Mkdir(current.root, 0o755); err != nil {
		return nil, err
	}
	b.stages[s.Name] = current
	for _, command := range s.Commands {
		fmt.Println("docker:", command)
		if err := b.step(ctx, current, command); err != nil {
			return nil, fmt.Errorf("%s: %w", command, err)
		}
	}
	return current, nil
}

func (b *builder) step(ctx context.Context, s *stage, command instructions.Command) error {
	switch c := command.(type) {
	case *instructions.WorkdirCommand:
		s.workdir = s.resolve(c.Path)
		return os.MkdirAll(s.path(s.workdir), 0o755)
	case *instructions.EnvCommand:
		for _, pair := range c.Env {
			s.env = append(s.env, pair.Key+"="+pair.Value)
		}
		return nil
	case *instructions.CopyCommand:
		return b.copy(s, c)
	case *instructions.RunCommand:
		return s.run(ctx, c.CmdLine)
	case *instructions.UserCommand:
		s.user = c.User
		return nil
	case *instructions.EntrypointCommand:
		s.entry = c.CmdLine
		return nil
	case *instructions.CmdCommand, *instructions.ExposeCommand, *instructions.LabelCommand:
		return nil
	default:
		return fmt.Errorf("the check does not know %s", command.Name())
	}
}

// run runs a line with this machine's toolchain, which stands for the stage's image.
func (s *stage) run(ctx context.Context, line []string) error {
	cmd := exec.CommandContext(ctx, "sh", "-c", strings.Join(line, " "))
	cmd.Dir = s.path(s.workdir)
	cmd.Env = append(os.Environ(), s.env...)
	output, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, output)
	}
	return nil
}

// resolve makes a path of the Dockerfile absolute in the stage.
func (s *stage) resolve(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(s.workdir, path)
}

// path is where a path of the stage is on this machine.
func (s *stage) path(path string) string { return filepath.Join(s.root, path) }
