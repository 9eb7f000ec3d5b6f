// Command docker checks docker-compose.yml and deploy/Dockerfile where no Docker
// engine is at hand. It is a module of its own, so that what it needs is not
// among the relay's dependencies. Run it from the project's top folder:
//
//	docker compose   validates docker-compose.yml, by Compose's schema and by the house's rules
//	docker build     runs the steps of deploy/Dockerfile on this machine and starts what they made
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
)

const (
	composeFile = "docker-compose.yml"
	dockerfile  = "deploy/Dockerfile"
	settings    = "docs/CONFIG.md"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: docker compose|build")
	}
	switch args[0] {
	case "compose":
		if err := checkCompose(ctx); err != nil {
			return fmt.Errorf("%s: %w", composeFile, err)
		}
		_, err := parseDockerfile(dockerfile)
		return err
	case "build":
		return build(ctx)
	default:
		return fmt.Errorf("there is no command %q", args[0])
	}
}
