package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"buildrelay/relay/server"
)

// manifest is as much of deploy/kubernetes/deployment.yaml as says how the relay is started.
type manifest struct {
	Spec struct {
		Template struct {
			Spec struct {
				Containers []struct {
					Args []string
					Env  []struct{ Name, Value string }
				}
			}
		}
	}
}

// What the manifests set is right as it is, with the Secrets that the manual has made.
func TestTheSettingsOfTheManifestsAreRight(t *testing.T) {
	text, err := os.ReadFile("../../deploy/kubernetes/deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := yaml.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	root := podFiles(t)
	var environ []string
	container := m.Spec.Template.Spec.Containers[0]
	for _, e := range container.Env {
		if strings.HasPrefix(e.Value, "/") {
			e.Value = filepath.Join(root, e.Value)
		}
		environ = append(environ, e.Name+"="+e.Value)
	}
	if unknown := unknownSettings(environ); len(unknown) > 0 || len(container.Args) != 1 || container.Args[0] != "serve" {
		t.Errorf("started by %v, with %v", container.Args, unknown)
	}
	c, err := loadConfig(environ)
	if err == nil {
		err = c.check()
	}
	if err != nil {
		t.Error(err)
	}
	if !bool(c.TLS) || !c.audited() || c.AdminToken == "" {
		t.Errorf("TLS is %v, a trail is kept: %v", c.TLS, c.audited())
	}
}

// podFiles makes the files that a pod has.
func podFiles(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	for _, dir := range []string{"certs", "secrets", "data"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	certs, err := server.LocalCertificate(t.TempDir(), []string{"localhost"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{certs.Cert: "tls.crt", certs.Key: "tls.key"} {
		if err := os.Rename(from, filepath.Join(root, "certs", to)); err != nil {
			t.Fatal(err)
		}
	}
	for name, secret := range map[string]string{
		"admin-token": secret32, "redis-url": "rediss://relay:p@redis:6379/0", "audit-database": "postgres://relay:p@postgresql/audit",
		"audit-key": strings.Repeat("0f", 32), "apps.yaml": "apps: [{id: ci, keys: [{key: circle, secret: " + secret32 + "}]}]",
	} {
		if err := os.WriteFile(filepath.Join(root, "secrets", name), []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}
