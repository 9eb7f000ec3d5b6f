// Command kubernetes checks deploy/kubernetes where no cluster is at hand: that every field is
// one that Kubernetes knows, and what the house asks of a deployment. It is a module of its own,
// so that what it needs is not among the relay's dependencies. Run it from the project's top
// folder.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
)

const (
	manifests = "deploy/kubernetes/*.yaml"
	settings  = "docs/CONFIG.md"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	files, err := filepath.Glob(manifests)
	if err != nil || len(files) == 0 {
		return errors.Join(err, fmt.Errorf("there is no %s", manifests))
	}
	known, err := os.ReadFile(settings)
	if err != nil {
		return err
	}
	decoder, err := strict()
	if err != nil {
		return err
	}
	var d deployed
	var errs []error
	for _, file := range files {
		if err := d.read(decoder, file); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", file, err))
		}
	}
	if len(errs) == 0 {
		errs = append(errs, d.check(string(known)))
	}
	return errors.Join(errs...)
}

// strict returns a decoder that refuses fields which Kubernetes does not know, or that stand
// there twice.
func strict() (runtime.Decoder, error) {
	scheme := runtime.NewScheme()
	err := errors.Join(appsv1.AddToScheme(scheme), corev1.AddToScheme(scheme), networkingv1.AddToScheme(scheme), policyv1.AddToScheme(scheme))
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer(), err
}

// deployed is what the manifests deploy, one of each.
type deployed struct {
	deployment *appsv1.Deployment
	service    *corev1.Service
	account    *corev1.ServiceAccount
	budget     *policyv1.PodDisruptionBudget
	policy     *networkingv1.NetworkPolicy
}

// read reads a file with one manifest.
func (d *deployed) read(decoder runtime.Decoder, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	object, kind, err := decoder.Decode(text, nil, nil)
	if err != nil {
		return err
	}
	switch o := object.(type) {
	case *appsv1.Deployment:
		d.deployment = o
	case *corev1.Service:
		d.service = o
	case *corev1.ServiceAccount:
		d.account = o
	case *policyv1.PodDisruptionBudget:
		d.budget = o
	case *networkingv1.NetworkPolicy:
		d.policy = o
	default:
		return fmt.Errorf("nobody checks a %s", kind.Kind)
	}
	return nil
}
