package main

import (
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// leastGrace is how long, in seconds, a node that is told to stop may take: the drain's delay
// and window, and 30 s.
const leastGrace = 5 + 30 + 30

// check looks at what a schema cannot know.
func (d *deployed) check(known string) error {
	if d.deployment == nil || d.service == nil || d.account == nil || d.budget == nil || d.policy == nil {
		return errors.New("a deployment, a service, an account, a disruption budget and a network policy are wanted")
	}
	pod := d.deployment.Spec.Template
	if len(pod.Spec.Containers) != 1 {
		return errors.New("one container is wanted")
	}
	c := pod.Spec.Containers[0]
	problems := append(checkSettings(c, known), checkMounts(c)...)
	problems = append(problems, d.checkPod(pod.Spec)...)
	problems = append(problems, d.checkSelectors(pod.Labels)...)
	problems = append(problems, d.checkPorts(c)...)
	var errs []error
	for _, p := range problems {
		errs = append(errs, errors.New("deploy/kubernetes: "+p))
	}
	return errors.Join(errs...)
}

// checkSettings wants variables that the manual knows, and no secret among them: what is in
// the environment shows in many places.
func checkSettings(c corev1.Container, known string) (problems []string) {
	for _, e := range c.Env {
		if !strings.Contains(known, "`"+e.Name+"`") {
			problems = append(problems, e.Name+" is not in "+settings)
		}
		if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
			problems = append(problems, e.Name+" is a secret in the environment: mount it, and name its file")
		}
		if strings.HasPrefix(e.Value, "/") && mountOf(c, e.Value) == nil {
			problems = append(problems, e.Name+" names "+e.Value+", which is in no volume")
		}
	}
	if len(c.EnvFrom) > 0 {
		problems = append(problems, "variables come from elsewhere, where nobody checks them")
	}
	return problems
}

// mountOf is the volume that a path lies in, nil for none.
func mountOf(c corev1.Container, path string) *corev1.VolumeMount {
	for i, m := range c.VolumeMounts {
		if path == m.MountPath || strings.HasPrefix(path, m.MountPath+"/") {
			return &c.VolumeMounts[i]
		}
	}
	return nil
}

// checkMounts wants the data folder to be the only one that can be written to.
func checkMounts(c corev1.Container) (problems []string) {
	for _, m := range c.VolumeMounts {
		if data := m.MountPath == "/data"; m.ReadOnly == data {
			problems = append(problems, fmt.Sprintf("that %s is read-only is %v", m.MountPath, m.ReadOnly))
		}
		if m.SubPath != "" {
			problems = append(problems, m.MountPath+" is a part of a volume, which never changes")
		}
	}
	return problems
}

// checkPod wants what the tool for the manifests does not ask for.
func (d *deployed) checkPod(pod corev1.PodSpec) (problems []string) {
	if replicas := d.deployment.Spec.Replicas; replicas == nil || *replicas < 2 {
		problems = append(problems, "two replicas are wanted, at least")
	}
	if grace := pod.TerminationGracePeriodSeconds; grace == nil || *grace <= leastGrace {
		problems = append(problems, fmt.Sprintf("terminationGracePeriodSeconds must be more than %d", leastGrace))
	}
	if pod.ServiceAccountName != d.account.Name || pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
		problems = append(problems, "the pod has a token of an account")
	}
	if pod.HostNetwork || pod.HostPID || pod.HostIPC {
		problems = append(problems, "the pod shares what is the host's")
	}
	return problems
}

// checkSelectors wants that all speak of the same pods.
func (d *deployed) checkSelectors(pod map[string]string) (problems []string) {
	for what, selector := range map[string]*metav1.LabelSelector{
		"the deployment": d.deployment.Spec.Selector, "the service": metav1.SetAsLabelSelector(d.service.Spec.Selector),
		"the disruption budget": d.budget.Spec.Selector, "the network policy": &d.policy.Spec.PodSelector,
	} {
		s, err := metav1.LabelSelectorAsSelector(selector)
		if err != nil || s.Empty() || !s.Matches(labels.Set(pod)) {
			problems = append(problems, what+" selects other pods")
		}
	}
	return problems
}

// checkPorts wants that service, probes and network policy know the container's ports.
func (d *deployed) checkPorts(c corev1.Container) (problems []string) {
	ports := make(map[string]int32)
	for _, p := range c.Ports {
		ports[p.Name] = p.ContainerPort
	}
	wanted := map[string]intstr.IntOrString{}
	for _, p := range d.service.Spec.Ports {
		wanted["the service"] = p.TargetPort
	}
	for name, probe := range map[string]*corev1.Probe{"startup": c.StartupProbe, "readiness": c.ReadinessProbe, "liveness": c.LivenessProbe} {
		if probe == nil || probe.HTTPGet == nil {
			problems = append(problems, "a probe is missing: "+name)
			continue
		}
		wanted[name+" probe"] = probe.HTTPGet.Port
	}
	for who, port := range wanted {
		if ports[port.StrVal] == 0 {
			problems = append(problems, who+" wants the port "+port.String()+", which the container does not name")
		}
	}
	open := make(map[int32]bool)
	for _, rule := range d.policy.Spec.Ingress {
		for _, p := range rule.Ports {
			open[p.Port.IntVal] = true
			if len(rule.From) == 0 && p.Port.IntVal != ports["https"] {
				problems = append(problems, "the network policy opens port "+p.Port.String()+" to everybody")
			}
		}
	}
	for name, port := range ports {
		if !open[port] {
			problems = append(problems, "the network policy lets nobody reach port "+name)
		}
	}
	return problems
}
