package main

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// try looks at the image that is to be and starts its program: alone in its file
// system where we may change root, with no environment, as its user, in a folder
// that it cannot write to.
func try(ctx context.Context, s *stage) error {
	uid, gid, err := ids(s.user)
	if err != nil {
		return fmt.Errorf("USER: %w", err)
	}
	if len(s.entry) != 1 {
		return fmt.Errorf("ENTRYPOINT is %q, not one program", s.entry)
	}
	program := s.entry[0]
	if err := errors.Join(alone(s.root, program), static(s.path(program))); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, s.path(program), "version")
	cmd.Dir, cmd.Env = s.root, []string{}
	if os.Getuid() == 0 {
		cmd.Path, cmd.Dir = program, "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Chroot:     s.root,
			Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)},
		}
	} else if err := os.Chmod(s.root, 0o555); err != nil {
		return err
	}
	output, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s version: %w\n%s", program, err, output)
	}
	info, err := os.Stat(s.path(program))
	if err != nil {
		return err
	}
	fmt.Printf("docker: the image holds %s alone, %d MiB: %s", program, info.Size()>>20, output)
	return nil
}

// alone refuses every file in the image but the program.
func alone(root, program string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && path != filepath.Join(root, program) {
			return fmt.Errorf("the image holds %s beside the program", path)
		}
		return err
	})
}

// static refuses a program that needs an interpreter, as one linked to a C library does.
func static(path string) error {
	file, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is not linked statically", filepath.Base(path))
		}
	}
	return nil
}
