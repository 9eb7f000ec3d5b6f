package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// checkCompose loads the file as `docker compose config` does, with nothing set in
// the environment but secrets, and then looks at what a schema cannot know.
func checkCompose(ctx context.Context) error {
	secrets := []string{"APP_SECRET=a", "REDIS_PASSWORD=b"}
	for i := range secrets {
		if _, err := loadCompose(ctx, slices.Delete(slices.Clone(secrets), i, i+1)); err == nil {
			return fmt.Errorf("it starts with %s alone, by a secret that everybody knows", secrets[1-i])
		}
	}
	project, err := loadCompose(ctx, secrets)
	if err != nil {
		return err
	}
	known, err := os.ReadFile(settings)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var errs []error
	for _, service := range project.Services {
		for _, problem := range slices.Concat(confinement(service), exposure(service), misspelt(service, string(known))) {
			errs = append(errs, fmt.Errorf("service %s: %s", service.Name, problem))
		}
	}
	return errors.Join(errs...)
}

func loadCompose(ctx context.Context, environ []string) (*types.Project, error) {
	options, err := cli.NewProjectOptions([]string{composeFile}, cli.WithEnv(environ), cli.WithInterpolation(true), cli.WithConsistency(true))
	if err != nil {
		return nil, err
	}
	return options.LoadProject(ctx)
}

// confinement is what a service lacks of what every one has.
func confinement(s types.ServiceConfig) []string {
	var problems []string
	if !s.ReadOnly {
		problems = append(problems, "read_only is not set")
	}
	if !slices.Contains(s.CapDrop, "ALL") {
		problems = append(problems, "cap_drop lacks ALL")
	}
	if !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
		problems = append(problems, "security_opt lacks no-new-privileges:true")
	}
	if s.Privileged || len(s.CapAdd) > 0 {
		problems = append(problems, "is given privileges")
	}
	return problems
}

// exposure is what a service publishes that it should not.
func exposure(s types.ServiceConfig) []string {
	var problems []string
	for _, port := range s.Ports {
		if s.Name == "redis" {
			problems = append(problems, "Redis publishes port "+port.Published)
		}
		if port.HostIP != "127.0.0.1" {
			problems = append(problems, "port "+port.Published+" is published beyond loopback, with a certificate that nobody trusts")
		}
	}
	return problems
}

// misspelt are the RELAY_ variables that the manual of the settings does not know.
func misspelt(s types.ServiceConfig, known string) []string {
	var problems []string
	for name := range s.Environment {
		if strings.HasPrefix(name, "RELAY_") && known != "" && !strings.Contains(known, "`"+name+"`") {
			problems = append(problems, name+" is not in "+settings)
		}
	}
	return problems
}
